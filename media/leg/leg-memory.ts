/** Cells of the memory; all hold 32 bits, read unsigned where that matters. */
const FIELDS = {
  sequence: 0,
  timestamp: 1,
  tick: 2,
  packets: 3,
  octets: 4,
  locked: 5,
  peerPort: 6,
  peerSsrc: 7,
} as const;
const CELLS = Object.keys(FIELDS).length;

/**
 * What an RTP leg must not forget when its mixer thread dies: where its own stream is, and which stream it holds on to. Lies
 * in shared memory, so another thread goes on with the next sequence number and the right timestamp. The leg writes, and
 * whoever makes the leg again reads: never both at a time.
 */
export class LegMemory {
  /** Goes with the leg's spec. */
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(memory: SharedArrayBuffer = LegMemory.allocate()) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Packets sent; 0 = the stream has not begun and the other numbers of it mean nothing. */
  get packets(): number {
    return this.#cells[FIELDS.packets]! >>> 0;
  }

  /** Payload bytes sent. */
  get octets(): number {
    return this.#cells[FIELDS.octets]! >>> 0;
  }

  /** Of the packet that comes next. */
  get sequence(): number {
    return this.#cells[FIELDS.sequence]!;
  }

  /** RTP timestamp of the sound of `tick`. */
  get timestamp(): number {
    return this.#cells[FIELDS.timestamp]! >>> 0;
  }

  get tick(): number {
    return this.#cells[FIELDS.tick]!;
  }

  noteSent(tick: number, timestamp: number, nextSequence: number, packets: number, octets: number): void {
    const cells = this.#cells;
    cells[FIELDS.tick] = tick;
    cells[FIELDS.timestamp] = timestamp;
    cells[FIELDS.sequence] = nextSequence;
    cells[FIELDS.packets] = packets;
    cells[FIELDS.octets] = octets;
  }

  /** The stream that is held on to: which of the trusted addresses, port and SSRC; undefined while none is. */
  get peer(): { readonly index: number; readonly port: number; readonly ssrc: number } | undefined {
    const cells = this.#cells;
    const locked = cells[FIELDS.locked]!;
    if (locked === 0) return undefined;
    return { index: locked - 1, port: cells[FIELDS.peerPort]!, ssrc: cells[FIELDS.peerSsrc]! >>> 0 };
  }

  noteLocked(index: number, port: number, ssrc: number): void {
    this.#cells[FIELDS.peerPort] = port;
    this.#cells[FIELDS.peerSsrc] = ssrc;
    this.#cells[FIELDS.locked] = index + 1;
  }

  noteUnlocked(): void {
    this.#cells[FIELDS.locked] = 0;
  }
}
