import { ByteRing } from '../audio/ring.ts';

/** Before each frame: how many frames are missing in front of it, little-endian. */
const HEAD_BYTES = 4;
const BYTES_PER_SAMPLE = 2;

/**
 * Frames of PCM on their way from a tick to the control side: one writer, one reader, no locks. Each says how many frames
 * are missing before it, so that what is recorded keeps its time.
 */
export class FrameRing {
  readonly #ring: ByteRing;
  readonly #head: Uint32Array;
  readonly #headBytes: Uint8Array;
  readonly #pcm: Int16Array;
  readonly #pcmBytes: Uint8Array;

  /** Wraps memory that `allocate` made, on either side. */
  constructor(memory: SharedArrayBuffer, samplesPerFrame: number) {
    this.#ring = new ByteRing(memory);
    this.#head = new Uint32Array(1);
    this.#headBytes = new Uint8Array(this.#head.buffer);
    this.#pcm = new Int16Array(samplesPerFrame);
    this.#pcmBytes = new Uint8Array(this.#pcm.buffer);
  }

  /** Memory for at least so many frames. */
  static allocate(samplesPerFrame: number, frames: number): SharedArrayBuffer {
    return ByteRing.allocate(frames * (HEAD_BYTES + samplesPerFrame * BYTES_PER_SAMPLE)).memory;
  }

  /** Frames written and not yet read. Either thread. */
  get length(): number {
    return Math.floor(this.#ring.length / (HEAD_BYTES + this.#pcmBytes.length));
  }

  /** False when it is full; nothing was written then. Writer. */
  write(frame: Int16Array, missing: number): boolean {
    const ring = this.#ring;
    if (ring.capacity - ring.length < HEAD_BYTES + this.#pcmBytes.length) return false;
    this.#head[0] = missing;
    this.#pcm.set(frame);
    ring.write(this.#headBytes, 0, HEAD_BYTES);
    ring.write(this.#pcmBytes, 0, this.#pcmBytes.length);
    return true;
  }

  /** Puts the next frame into `out` at `offset`, and returns how many are missing before it; -1: there is none. Reader. */
  read(out: Int16Array, offset: number): number {
    // The writer is done with a frame only when all of it is there.
    if (this.length === 0) return -1;
    this.#ring.read(this.#headBytes, HEAD_BYTES);
    this.#ring.read(this.#pcmBytes, this.#pcmBytes.length);
    out.set(this.#pcm, offset);
    return this.#head[0]!;
  }
}
