import { copyBytes } from './copy-bytes.ts';

/** Slots in a store: 64 packets are 640 ms at the shortest packet time, 10 ms. */
export const STORE_SLOTS = 64;
const SLOT_MASK = STORE_SLOTS - 1;

/** Payload cells made at first: a leg on a quiet network holds one or two packets. */
const FIRST_CELLS = 4;

/** What is known of one sequence number near the play position. */
export const SlotState = { empty: 0, audio: 1, comfortNoise: 2, played: 3 } as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

/** Fields of a slot, side by side in one array so that a look-up touches one cache line. */
const FIELDS = 4;
const SEQUENCE = 0;
const STATE = 1;
const LENGTH = 2;
const CELL = 3;

/**
 * Packets waiting to be played, by extended sequence number (`extendSequence`; below 2^31). Payloads are copied into cells
 * that grow with the largest payload and the deepest queue seen, so that a steady stream allocates nothing. The owner keeps
 * the numbers of all stored packets within one window of `STORE_SLOTS`.
 */
export class PacketStore {
  /** Packets stored and not yet taken. */
  count = 0;
  /** The payloads of all cells, back to back; replaced when it grows. */
  cells = new Uint8Array(0);
  private cellsView = new DataView(this.cells.buffer);
  private readonly slots = new Int32Array(STORE_SLOTS * FIELDS);
  /** Extended RTP timestamps by slot. */
  private readonly timestamps = new Float64Array(STORE_SLOTS);
  /** Extended RTP timestamp of the packet that `put` is about; see `DelayEstimator` on fields for arguments. */
  timestamp = 0;
  private readonly freeCells = new Uint8Array(STORE_SLOTS);
  private freeCount = 0;
  private cellCount = 0;
  private cellBytes: number;

  /** `cellBytes`: the payload size to expect; a larger one makes all cells grow. */
  constructor(cellBytes: number) {
    this.cellBytes = cellBytes;
  }

  stateOf(sequence: number): SlotState {
    const slot = (sequence & SLOT_MASK) * FIELDS;
    return this.slots[slot + SEQUENCE] === sequence ? (this.slots[slot + STATE] as SlotState) : SlotState.empty;
  }

  /** Whether a packet of this number waits. */
  has(sequence: number): boolean {
    const state = this.stateOf(sequence);
    return state === SlotState.audio || state === SlotState.comfortNoise;
  }

  /** The extended RTP timestamp of a stored or just taken packet; this and the next two mean nothing for others. */
  timestampOf(sequence: number): number {
    return this.timestamps[sequence & SLOT_MASK]!;
  }

  /** Where its payload begins in `cells`. */
  offsetOf(sequence: number): number {
    return this.slots[(sequence & SLOT_MASK) * FIELDS + CELL]! * this.cellBytes;
  }

  lengthOf(sequence: number): number {
    return this.slots[(sequence & SLOT_MASK) * FIELDS + LENGTH]!;
  }

  /** Whether the payload of a stored packet is nothing but one byte, over and over. */
  holdsOnly(byte: number, sequence: number): boolean {
    const offset = this.offsetOf(sequence);
    const end = offset + this.lengthOf(sequence);
    const word = Math.imul(byte, 0x0101_0101);
    let at = offset;
    for (; at + 4 <= end; at += 4) if (this.cellsView.getInt32(at) !== word) return false;
    for (; at < end; at++) if (this.cells[at] !== byte) return false;
    return true;
  }

  /** The first stored number from `sequence` on. Something must be stored, and nothing before `sequence`. */
  firstFrom(sequence: number): number {
    for (let step = 0; step < STORE_SLOTS; step++) if (this.has(sequence + step)) return sequence + step;
    throw new Error('the packet store holds a packet outside its window');
  }

  /** Copies a payload in, of the packet whose timestamp was set. The slot must not hold a stored packet. */
  put(sequence: number, state: SlotState, payload: Uint8Array, offset: number, length: number): void {
    if (length > this.cellBytes) this.widen(length);
    if (this.freeCount === 0) this.deepen();
    const cell = this.freeCells[--this.freeCount]!;
    copyBytes(payload, offset, length, this.cells, this.cellsView, cell * this.cellBytes);
    const slots = this.slots;
    const slot = (sequence & SLOT_MASK) * FIELDS;
    slots[slot + SEQUENCE] = sequence;
    slots[slot + STATE] = state;
    slots[slot + LENGTH] = length;
    slots[slot + CELL] = cell;
    this.timestamps[sequence & SLOT_MASK] = this.timestamp;
    this.count++;
  }

  /** Frees a stored packet's cell and remembers the number as played. Its bytes stay readable until the next `put`. */
  take(sequence: number): void {
    const slot = (sequence & SLOT_MASK) * FIELDS;
    this.slots[slot + STATE] = SlotState.played;
    this.freeCells[this.freeCount++] = this.slots[slot + CELL]!;
    this.count--;
  }

  /** Forgets every packet, stored or played. */
  clear(): void {
    this.slots.fill(0);
    this.count = 0;
    this.freeCount = 0;
    for (let cell = this.cellCount - 1; cell >= 0; cell--) this.freeCells[this.freeCount++] = cell;
  }

  private deepen(): void {
    const before = this.cellCount;
    this.cellCount = before === 0 ? FIRST_CELLS : Math.min(STORE_SLOTS, before * 2);
    this.resize(this.cellBytes);
    for (let cell = this.cellCount - 1; cell >= before; cell--) this.freeCells[this.freeCount++] = cell;
  }

  private widen(bytes: number): void {
    const before = this.cellBytes;
    this.cellBytes = bytes;
    this.resize(before);
  }

  private resize(cellBytesBefore: number): void {
    const before = this.cells;
    this.cells = new Uint8Array(this.cellCount * this.cellBytes);
    this.cellsView = new DataView(this.cells.buffer);
    for (let cell = 0; cell * cellBytesBefore < before.length; cell++) {
      const from = cell * cellBytesBefore;
      this.cells.set(before.subarray(from, from + cellBytesBefore), cell * this.cellBytes);
    }
  }
}
