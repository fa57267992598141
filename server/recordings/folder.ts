import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FoundSound } from './archive.ts';
import type { Mp3Encoder } from './mp3-encoder.ts';
import type { RecordFormat } from './recording-row.ts';
import { type FoundWav, repairWav, WavFile, type WavHandle } from './wav-file.ts';

export interface FolderDeps {
  readonly path: string;
  /** A text says why there is none. */
  readonly encoder: Mp3Encoder | string;
  /** Given by tests of full disks. */
  readonly openFile?: (path: string) => Promise<WavHandle>;
}

/** A file that is finished. `fallback` says why it is not the mp3 that was asked for. */
export interface FinishedFile {
  readonly format: RecordFormat;
  readonly bytes: number;
  readonly fallback?: string | undefined;
}

const OWNER_ONLY = 0o700;
const BYTES_PER_SAMPLE = 2;
const PART = /^([0-9a-f-]{36})\.(wav|mp3)\.part$/;

/**
 * The files of recordings, named by their ids: `ID.wav.part` while one grows, then `ID.wav` or `ID.mp3`, which are there
 * whole or not at all. Rejects with the system's errors.
 */
export class Folder {
  readonly #deps: FolderDeps;
  readonly #path: string;
  /** One encoder runs at a time: the rest of the machine is for calls. */
  #encoding: Promise<unknown> = Promise.resolve();

  constructor(deps: FolderDeps) {
    this.#deps = deps;
    this.#path = resolve(deps.path);
  }

  /** Why there are no mp3s; undefined when there are. */
  get noMp3(): string | undefined {
    const { encoder } = this.#deps;
    return typeof encoder === 'string' ? encoder : undefined;
  }

  /** Where the finished file is. Ids are UUIDs of ours, never a caller's text. */
  file(id: string, format: RecordFormat): string {
    return join(this.#path, `${id}.${format}`);
  }

  async create(id: string, sampleRate: number): Promise<WavFile> {
    await mkdir(this.#path, { recursive: true, mode: OWNER_ONLY });
    return WavFile.create(this.#part(id), sampleRate, this.#deps.openFile);
  }

  /** The length of what an earlier run left, its header put right; undefined: there is nothing of use. */
  async repair(id: string): Promise<{ readonly durationMs: number; readonly bytes: number } | undefined> {
    const found = await repairWav(this.#part(id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!found) return undefined;
    return { bytes: found.dataBytes, durationMs: lengthOf(found) };
  }

  /** The finished file, when there is one already. */
  async finished(id: string): Promise<FinishedFile | undefined> {
    for (const format of ['mp3', 'wav'] as const) {
      const found = await stat(this.file(id, format)).catch(() => undefined);
      if (found) return { format, bytes: found.size };
    }
    return undefined;
  }

  /** Makes the finished file of what was recorded. Undefined: `signal` came first, and all is as it was. */
  async finish(
    id: string,
    format: RecordFormat,
    sound: { readonly sampleRate: number; readonly durationMs: number },
    signal: AbortSignal,
  ): Promise<FinishedFile | undefined> {
    const fallback = format === 'mp3' ? await this.#encode(id, sound, signal) : undefined;
    if (format === 'mp3' && signal.aborted) return undefined;
    if (format === 'wav' || fallback !== undefined) {
      await rename(this.#part(id), this.file(id, 'wav'));
      return { format: 'wav', bytes: (await stat(this.file(id, 'wav'))).size, fallback };
    }
    return { format: 'mp3', bytes: (await stat(this.file(id, 'mp3'))).size };
  }

  /** Every file on its way. */
  async parts(): Promise<readonly { readonly id: string; readonly kind: RecordFormat }[]> {
    const names = await readdir(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.flatMap((name) => {
      const [, id, kind] = PART.exec(name) ?? [];
      return id === undefined ? [] : [{ id, kind: kind === 'mp3' ? ('mp3' as const) : ('wav' as const) }];
    });
  }

  /** Gives a wav on its way the name of a finished one. Undefined: there is no sound in it, and all is as it was. */
  async adopt(id: string): Promise<FoundSound | undefined> {
    const found = await repairWav(this.#part(id));
    if (!found || found.dataBytes === 0) return undefined;
    await rename(this.#part(id), this.file(id, 'wav'));
    const { size, mtime } = await stat(this.file(id, 'wav'));
    return { sampleRate: found.sampleRate, durationMs: lengthOf(found), bytes: size, at: mtime };
  }

  async removePart(id: string, kind: RecordFormat): Promise<void> {
    await rm(join(this.#path, `${id}.${kind}.part`), { force: true });
  }

  async remove(id: string): Promise<void> {
    for (const name of ['wav.part', 'mp3.part', 'wav', 'mp3'])
      await rm(join(this.#path, `${id}.${name}`), { force: true });
  }

  /** Resolves with why there is no mp3. */
  #encode(
    id: string,
    { sampleRate, durationMs }: { readonly sampleRate: number; readonly durationMs: number },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { encoder } = this.#deps;
    if (typeof encoder === 'string') return Promise.resolve(encoder);
    const to = join(this.#path, `${id}.mp3.part`);
    const encoded = this.#encoding.then(async () => {
      if (signal.aborted) return undefined;
      // What an encoder of an earlier run may still be writing is not this file any more.
      await rm(to, { force: true });
      const problem = await encoder.encode({ from: this.#part(id), to, sampleRate, durationMs, signal });
      if (signal.aborted || problem !== undefined) {
        await rm(to, { force: true });
        return problem;
      }
      await rename(to, this.file(id, 'mp3'));
      await rm(this.#part(id), { force: true });
      return undefined;
    });
    this.#encoding = encoded.catch(() => {});
    return encoded;
  }

  #part(id: string): string {
    return join(this.#path, `${id}.wav.part`);
  }
}

/** In ms. */
function lengthOf({ sampleRate, dataBytes }: FoundWav): number {
  return (dataBytes / BYTES_PER_SAMPLE / sampleRate) * 1000;
}
