import type { DelayEstimator } from './delay-estimator.ts';
import { PacketStore, SlotState, STORE_SLOTS } from './packet-store.ts';
import type { PlayoutCounters } from './playout-counters.ts';
import { extendSequence } from './sequence.ts';
import { Placement, StreamPosition } from './stream-position.ts';

/** Sound stored at most, in ms; the oldest goes first. */
const LARGEST_STORED_MS = 500;
/** Fewer packets than this do not hold it. */
const FEW_PACKETS = 5;
const FIRST_CELL_BYTES = 160;

/** What became of the stream when a packet was put in. */
export const Intake = { goesOn: 0, begins: 1 } as const;
export type Intake = (typeof Intake)[keyof typeof Intake];

/**
 * Packets of one stream on their way from the network to the decoder: sorted, each once, and never more than 500 ms of them.
 * Knows what is due next by number; when it is due is `Playout`'s affair.
 */
export class JitterBuffer {
  readonly store = new PacketStore(FIRST_CELL_BYTES);
  /** The packet due next. */
  nextSequence = 0;
  /** When the first packet of the stream, or of its new place after a jump, arrived. */
  firstArrivalMs = 0;
  /** Packets were dropped since the owner cleared this: what is due next does not follow on what was played. */
  dropped = false;
  private readonly clockRate: number;
  private readonly largestPayload: number;
  private readonly estimator: DelayEstimator;
  private readonly counters: PlayoutCounters;
  private readonly position: StreamPosition;
  /** Packets after the last one taken that are no sound, and so not lost. */
  private skipped = 0;
  /** Nothing was taken yet: an older packet may still become the first. */
  private untouched = true;

  /** `largestPayload`: bytes of a payload; larger ones are refused. */
  constructor(clockRate: number, largestPayload: number, estimator: DelayEstimator, counters: PlayoutCounters) {
    this.clockRate = clockRate;
    this.largestPayload = largestPayload;
    this.estimator = estimator;
    this.counters = counters;
    this.position = new StreamPosition(clockRate, estimator);
  }

  /** Takes a packet and copies its payload, or counts why not. */
  put(
    sequence: number,
    timestamp: number,
    marker: boolean,
    state: SlotState,
    payload: Uint8Array,
    offset: number,
    length: number,
    arrivalMs: number,
  ): Intake {
    const { counters, position, estimator, store } = this;
    counters.received++;
    if (length <= 0 || length > this.largestPayload || offset < 0 || offset + length > payload.length) {
      counters.discarded.size++;
      return Intake.goesOn;
    }
    const newest = position.newestSequence;
    estimator.arrivalMs = arrivalMs;
    const placement = position.place(sequence, timestamp | 0, marker);
    if (placement === Placement.elsewhere) {
      counters.discarded.jump++;
      return Intake.goesOn;
    }
    const extended = position.sequence;
    let intake: Intake = Intake.goesOn;
    if (placement !== Placement.inStream) {
      if (placement === Placement.moved) {
        counters.resyncs++;
        estimator.moved();
      }
      store.clear();
      this.firstArrivalMs = arrivalMs;
      this.nextSequence = extended;
      this.untouched = true;
      this.dropped = false;
      this.skipped = 0;
      intake = Intake.begins;
    } else if (extended <= newest && this.isSettled(extended)) {
      return Intake.goesOn;
    }
    estimator.transitMs = arrivalMs - (position.timestamp * 1000) / this.clockRate;
    estimator.update();
    if (extended < this.nextSequence) {
      counters.late++;
      if (counters.lost > 0) counters.lost--;
      return intake;
    }
    if (intake === Intake.goesOn && extended < newest) counters.reordered++;
    this.makeRoom(extended);
    if (extended < this.nextSequence) {
      // Its timestamp claims to be much later than what came after it, which had to go.
      counters.discarded.jump++;
      return intake;
    }
    store.timestamp = position.timestamp;
    store.put(extended, state, payload, offset, length);
    return intake;
  }

  /** Takes note of a packet of the stream that is no sound: its number is not lost. */
  skip(sequence: number): void {
    if (extendSequence(this.position.newestSequence, sequence) >= this.nextSequence) this.skipped++;
  }

  /** The first stored packet; there must be one. */
  first(): number {
    return this.store.firstFrom(this.nextSequence);
  }

  /** Takes a stored packet, and gives up those before it. Its fields can be read until the next `put`. */
  take(sequence: number): void {
    if (sequence > this.nextSequence) this.giveUp(sequence);
    this.nextSequence = sequence + 1;
    this.untouched = false;
    this.store.take(sequence);
  }

  /** Drops all but the newest `ms` of a backlog. */
  keepNewest(ms: number): void {
    const kept = (ms * this.clockRate) / 1000;
    const newest = this.position.newestTimestamp;
    while (this.store.count > 1 && newest - this.store.timestampOf(this.first()) > kept) this.dropFirst();
  }

  /** The next packet begins another stream. */
  reset(): void {
    this.store.clear();
    this.position.forget();
    this.dropped = false;
  }

  /** Whether a packet that is not the newest is here already. Before anything was taken it may become the first. */
  private isSettled(extended: number): boolean {
    if (this.store.stateOf(extended) !== SlotState.empty) {
      this.counters.duplicate++;
      return true;
    }
    const reachable = extended > this.position.newestSequence - STORE_SLOTS;
    if (this.untouched && reachable && extended < this.nextSequence) this.nextSequence = extended;
    return false;
  }

  /** Drops the oldest packets until this one fits the store and the time that may be stored. */
  private makeRoom(extended: number): void {
    const { store, position } = this;
    while (extended - this.nextSequence >= STORE_SLOTS) {
      if (store.count > 0) {
        this.dropFirst();
      } else {
        this.giveUp(extended);
        this.nextSequence = extended;
      }
    }
    if (store.count < FEW_PACKETS) return;
    const longest = (LARGEST_STORED_MS * this.clockRate) / 1000;
    while (store.count > 0 && position.timestamp - store.timestampOf(this.first()) >= longest) this.dropFirst();
  }

  /** What has not come before this packet is lost. */
  private giveUp(sequence: number): void {
    const missing = sequence - this.nextSequence;
    const skipped = Math.min(missing, this.skipped);
    this.skipped -= skipped;
    this.counters.lost += missing - skipped;
  }

  private dropFirst(): void {
    this.take(this.first());
    this.counters.discarded.overflow++;
    this.dropped = true;
  }
}
