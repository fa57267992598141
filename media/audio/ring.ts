/**
 * Bytes from one thread to another through shared memory: one writer, one reader, no locks. WebSocket audio crosses
 * threads here and nowhere else. Positions count up for ever and wrap at 32 bits; the ring's size is a power of two.
 */
const WRITTEN = 0;
const READ = 1;
/** The reader jumps here at its next read, when it lies ahead: how the writer takes back what it wrote. */
const CLEAR_TO = 2;
const CONTROL_BYTES = 16;

export class ByteRing {
  /** Post this to the other thread and wrap it there. */
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.#mask = this.#bytes.length - 1;
  }

  /** `capacity` is rounded up to a power of two. */
  static allocate(capacity: number): ByteRing {
    const size = 2 ** Math.ceil(Math.log2(capacity));
    return new ByteRing(new SharedArrayBuffer(CONTROL_BYTES + size));
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  /** Bytes written and not yet read. Either thread. */
  get length(): number {
    return (Atomics.load(this.#control, WRITTEN) - Atomics.load(this.#control, READ)) | 0;
  }

  /** Total bytes written, as a wrapping 32-bit count. Writer. */
  get written(): number {
    return Atomics.load(this.#control, WRITTEN);
  }

  /** Whether the reader has come to `position`, a former `written`. Writer. */
  hasRead(position: number): boolean {
    return ((Atomics.load(this.#control, READ) - position) | 0) >= 0;
  }

  /** Writes all of `bytes[from, to)`, or nothing when it does not fit. Writer. */
  write(bytes: Uint8Array, from: number, to: number): boolean {
    const written = Atomics.load(this.#control, WRITTEN);
    const free = this.#bytes.length - this.length;
    if (to - from > free) return false;
    for (let i = from, at = written; i < to; i++, at++) this.#bytes[at & this.#mask] = bytes[i]!;
    Atomics.store(this.#control, WRITTEN, (written + to - from) | 0);
    return true;
  }

  /** Takes back everything not yet read. Writer. */
  clear(): void {
    Atomics.store(this.#control, CLEAR_TO, Atomics.load(this.#control, WRITTEN));
  }

  /** Reads up to `length` bytes into the start of `out`; returns how many. Reader. */
  read(out: Uint8Array, length: number): number {
    let read = Atomics.load(this.#control, READ);
    const clearTo = Atomics.load(this.#control, CLEAR_TO);
    if (((clearTo - read) | 0) > 0) read = clearTo;
    const take = Math.min(length, (Atomics.load(this.#control, WRITTEN) - read) | 0);
    for (let i = 0; i < take; i++) out[i] = this.#bytes[(read + i) & this.#mask]!;
    read = (read + take) | 0;
    Atomics.store(this.#control, READ, read);
    // Kept close behind, so that it never looks ahead once the counts have gone half round the circle.
    Atomics.compareExchange(this.#control, CLEAR_TO, clearTo, read);
    return take;
  }
}
