import { type FileHandle, open } from 'node:fs/promises';
import { WAV_HEADER_BYTES, wavHeader } from '../../media/clip/index.ts';

const BYTES_PER_SAMPLE = 2;
/** Sizes in a wav are 32 bits; this leaves room for the header and keeps samples whole. */
export const MAX_WAV_DATA_BYTES = 0xffffffff - 1 - WAV_HEADER_BYTES;

/** What a wav needs of a file; `FileHandle` has it. */
export type WavHandle = Pick<FileHandle, 'write' | 'datasync' | 'close'>;

/** A wav that grows. Its header is right after every `append`, so a reader or a crash finds a whole file. Rejects with the system's errors. */
export class WavFile {
  readonly sampleRate: number;
  readonly #handle: WavHandle;
  #dataBytes = 0;

  private constructor(handle: WavHandle, sampleRate: number) {
    this.#handle = handle;
    this.sampleRate = sampleRate;
  }

  /** Readable by us alone: it is what people said. */
  static async create(
    path: string,
    sampleRate: number,
    openFile: (path: string) => Promise<WavHandle> = (name) => open(name, 'wx', 0o600),
  ): Promise<WavFile> {
    const handle = await openFile(path);
    try {
      const file = new WavFile(handle, sampleRate);
      await file.#writeAt(wavHeader(sampleRate, 0), 0);
      return file;
    } catch (error) {
      await handle.close().catch(() => {});
      throw error;
    }
  }

  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Samples as this machine holds them, which is the wav's order everywhere Node runs: little-endian. */
  async append(samples: Int16Array): Promise<void> {
    await this.#writeAt(
      new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
      WAV_HEADER_BYTES + this.#dataBytes,
    );
    this.#dataBytes += samples.byteLength;
    await this.#writeAt(wavHeader(this.sampleRate, this.#dataBytes), 0);
  }

  async close(): Promise<void> {
    try {
      await this.#handle.datasync();
    } finally {
      await this.#handle.close();
    }
  }

  async #writeAt(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }
}

/** A wav of ours as it was found. */
export interface FoundWav {
  readonly sampleRate: number;
  readonly dataBytes: number;
}

/**
 * Makes the header of a wav that lost its writer say what is there: all whole samples of the file. Undefined: it is none
 * of ours. Rejects with the system's errors.
 */
export async function repairWav(path: string): Promise<FoundWav | undefined> {
  const handle = await open(path, 'r+');
  try {
    const header = Buffer.alloc(WAV_HEADER_BYTES);
    const { bytesRead } = await handle.read(header, 0, WAV_HEADER_BYTES, 0);
    const sampleRate = header.readUInt32LE(24);
    const ours = wavHeader(sampleRate, header.readUInt32LE(40));
    ours.copy(header, 4, 4, 8);
    if (bytesRead < WAV_HEADER_BYTES || !header.equals(ours) || sampleRate === 0) return undefined;
    const { size } = await handle.stat();
    const present = Math.min(size - WAV_HEADER_BYTES, MAX_WAV_DATA_BYTES);
    const dataBytes = present - (present % BYTES_PER_SAMPLE);
    await handle.truncate(WAV_HEADER_BYTES + dataBytes);
    await handle.write(wavHeader(sampleRate, dataBytes), 0, WAV_HEADER_BYTES, 0);
    await handle.datasync();
    return { sampleRate, dataBytes };
  } finally {
    await handle.close();
  }
}
