/** Slots in a store: 64 packets are 640 ms at the shortest packet time, 10 ms. */
export const STORE_SLOTS = 64;
const SLOT_MASK = STORE_SLOTS - 1;

/** Payload cells made at first: a leg on a quiet network holds one or two packets. */
const FIRST_CELLS = 4;

/** What is known of one sequence number near the play position. */
export const SlotState = { empty: 0, stored: 1, played: 2 } as const;

/** What a stored packet is. */
export const PayloadKind = { audio: 0, comfortNoise: 1 } as const;

/**
 * Packets waiting to be played, by extended sequence number (`extendSequence`). Payloads are copied into cells that grow with
 * the largest payload and the deepest queue seen, so that a steady stream allocates nothing. The owner keeps all numbers
 * within one window of `STORE_SLOTS`.
 */
export class PacketStore {
  /** Packets stored and not yet taken. */
  count = 0;
  private readonly states = new Uint8Array(STORE_SLOTS);
  private readonly kinds = new Uint8Array(STORE_SLOTS);
  private readonly sequences = new Float64Array(STORE_SLOTS);
  private readonly timestamps = new Float64Array(STORE_SLOTS);
  private readonly lengths = new Uint16Array(STORE_SLOTS);
  private readonly slotCells = new Uint8Array(STORE_SLOTS);
  private readonly freeCells = new Uint8Array(STORE_SLOTS);
  private freeCount = 0;
  private cellCount = 0;
  private cellBytes: number;
  /** The payloads of all cells, back to back; replaced when it grows. */
  cells = new Uint8Array(0);

  /** `cellBytes`: the payload size to expect; larger ones make all cells grow. */
  constructor(cellBytes: number) {
    this.cellBytes = cellBytes;
  }

  stateOf(sequence: number): number {
    const slot = sequence & SLOT_MASK;
    return this.sequences[slot] === sequence ? this.states[slot]! : SlotState.empty;
  }

  timestampOf(sequence: number): number {
    return this.timestamps[sequence & SLOT_MASK]!;
  }

  kindOf(sequence: number): number {
    return this.kinds[sequence & SLOT_MASK]!;
  }

  /** Where the payload begins in `cells`. */
  offsetOf(sequence: number): number {
    return this.slotCells[sequence & SLOT_MASK]! * this.cellBytes;
  }

  lengthOf(sequence: number): number {
    return this.lengths[sequence & SLOT_MASK]!;
  }

  /** Copies a payload in. The slot must not hold a stored packet. */
  put(sequence: number, timestamp: number, kind: number, payload: Uint8Array, offset: number, length: number): void {
    if (length > this.cellBytes) this.widen(length);
    if (this.freeCount === 0) this.deepen();
    const cell = this.freeCells[--this.freeCount]!;
    const cells = this.cells;
    const from = cell * this.cellBytes;
    for (let i = 0; i < length; i++) cells[from + i] = payload[offset + i]!;
    const slot = sequence & SLOT_MASK;
    this.states[slot] = SlotState.stored;
    this.kinds[slot] = kind;
    this.sequences[slot] = sequence;
    this.timestamps[slot] = timestamp;
    this.lengths[slot] = length;
    this.slotCells[slot] = cell;
    this.count++;
  }

  /** Frees a stored packet's cell and remembers the number as played. Its bytes stay readable until the next `put`. */
  take(sequence: number): void {
    const slot = sequence & SLOT_MASK;
    this.states[slot] = SlotState.played;
    this.freeCells[this.freeCount++] = this.slotCells[slot]!;
    this.count--;
  }

  /** Forgets every packet, stored or played. */
  clear(): void {
    for (let slot = 0; slot < STORE_SLOTS; slot++) {
      if (this.states[slot] === SlotState.stored) this.freeCells[this.freeCount++] = this.slotCells[slot]!;
      this.states[slot] = SlotState.empty;
    }
    this.count = 0;
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
    for (let cell = 0; cell * cellBytesBefore < before.length; cell++) {
      const from = cell * cellBytesBefore;
      this.cells.set(before.subarray(from, from + cellBytesBefore), cell * this.cellBytes);
    }
  }
}
