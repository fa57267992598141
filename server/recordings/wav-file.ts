import { type FileHandle, open } from 'node:fs/promises';

const HEADER_BYTES = 44;
const BYTES_PER_SAMPLE = 2;
const PCM_FORMAT = 1;
/** Sizes in a wav are 32 bits; this leaves room for the header and keeps samples whole. */
export const MAX_WAV_DATA_BYTES = 0xffffffff - 1 - HEADER_BYTES;

/** The header of a mono 16-bit wav (RIFF, PCM) that holds so many bytes of samples. */
export function wavHeader(sampleRate: number, dataBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(PCM_FORMAT, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * BYTES_PER_SAMPLE, 28);
  header.writeUInt16LE(BYTES_PER_SAMPLE, 32);
  header.writeUInt16LE(8 * BYTES_PER_SAMPLE, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

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
    const file = new WavFile(await openFile(path), sampleRate);
    await file.#writeAt(wavHeader(sampleRate, 0), 0);
    return file;
  }

  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Samples as this machine holds them, which is the wav's order everywhere Node runs: little-endian. */
  async append(samples: Int16Array): Promise<void> {
    await this.#writeAt(
      new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
      HEADER_BYTES + this.#dataBytes,
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
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.read(header, 0, HEADER_BYTES, 0);
    const sampleRate = header.readUInt32LE(24);
    const ours = wavHeader(sampleRate, header.readUInt32LE(40));
    ours.copy(header, 4, 4, 8);
    if (bytesRead < HEADER_BYTES || !header.equals(ours) || sampleRate === 0) return undefined;
    const { size } = await handle.stat();
    const present = Math.min(size - HEADER_BYTES, MAX_WAV_DATA_BYTES);
    const dataBytes = present - (present % BYTES_PER_SAMPLE);
    await handle.truncate(HEADER_BYTES + dataBytes);
    await handle.write(wavHeader(sampleRate, dataBytes), 0, HEADER_BYTES, 0);
    await handle.datasync();
    return { sampleRate, dataBytes };
  } finally {
    await handle.close();
  }
}
