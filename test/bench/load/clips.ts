import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chooseDecoder } from '../../../media/clip/index.ts';
import { ClipServer } from '../../support/clip-server.ts';
import { TALKER_TONES } from './crowd.ts';
import { toneHz } from './generator.ts';

/** Clips sound higher than any talker, so that both can be told apart in one frame. */
export const CLIP_TONES = 16;
const MP3_RATE = 44_100;

/** Tone of clip number `index`, for the generator to look for. */
export const clipTone = (index: number): number => TALKER_TONES + (index % CLIP_TONES);

/** mp3 files of one tone each, made by the ffmpeg that the server uses, and offered over HTTP on loopback. */
export class Clips {
  readonly #server: ClipServer;
  readonly #files: readonly Uint8Array[];
  #urls = 0;

  private constructor(server: ClipServer, files: readonly Uint8Array[]) {
    this.#server = server;
    this.#files = files;
  }

  /** `count` different files of `seconds` each. */
  static async start(count: number, seconds: number): Promise<Clips> {
    const { decoder } = await chooseDecoder(undefined);
    if (!decoder) throw new Error('no ffmpeg to make clips with');
    const files = await Promise.all(
      Array.from({ length: count }, (_, index) => toneFile(decoder.path, toneHz(clipTone(index)), seconds)),
    );
    return new Clips(await ClipServer.start(), files);
  }

  /** What the server under test needs to be allowed to fetch them. */
  get allow(): string {
    return this.#server.allow;
  }

  /** A URL never used before: the server has to fetch and decode. */
  newUrl(index: number): string {
    const file = this.#files[index % this.#files.length];
    if (!file) throw new Error('no clip was made');
    return this.#server.file(`/${this.#urls++}.mp3`, file, { 'content-type': 'audio/mpeg' });
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** Written to a file and not to a pipe: only then ffmpeg can go back and note how much silence its encoder put first. */
async function toneFile(ffmpeg: string, hz: number, seconds: number): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'partyline-bench-'));
  try {
    const path = join(folder, 'tone.mp3');
    const source = `aevalsrc=0.2*cos(2*PI*${hz}*t):s=${MP3_RATE}:d=${seconds}`;
    const input = ['-v', 'error', '-f', 'lavfi', '-i', source];
    await promisify(execFile)(ffmpeg, [...input, '-c:a', 'libmp3lame', '-b:a', '128k', path]);
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
