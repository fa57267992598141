import type { DelayEstimator } from './delay-estimator.ts';
import { extendSequence, extendTimestamp, sequenceDistance } from './sequence.ts';

/** What a packet's numbers say of its place in the stream. */
export const Placement = {
  /** In the stream, whether new, old or repeated. */
  inStream: 0,
  /** Elsewhere: not believed until others agree. */
  elsewhere: 1,
  /** Elsewhere for good: the stream goes on from here. */
  moved: 2,
  /** The first packet: the stream begins here. */
  first: 3,
} as const;
export type Placement = (typeof Placement)[keyof typeof Placement];

/** A packet whose transit differs this much from the stream's has other timestamps, or is too old to use. */
const LARGEST_SHIFT_MS = 1000;
/** Steps of the sequence that need no explanation, forward and back. */
const NEAR_STEPS = 64;
/** Packets in a row that must agree on a new place; more when the new place is in the stream's own past. */
const AGREEMENT = 2;
const AGREEMENT_ON_PAST = 3;
/** No stream lasts this many packets (248 days); the store counts in 32 bits. */
const LAST_SEQUENCE = 2 ** 30;
/** Extended numbers begin here, so that packets from before the first one stay positive. */
const FIRST_SEQUENCE = 0x1_0000;

/**
 * Extends a stream's sequence numbers and timestamps past their wraps, and tells a stream that jumped from a single packet
 * gone astray (RFC 3550 appendix A.1, with timestamps looked at too). A jump is believed at the second packet in a row, or
 * at once when its marker bit is set.
 */
export class StreamPosition {
  /** Extended numbers of the packet placed last; valid for all but `elsewhere`. */
  sequence = 0;
  timestamp = 0;
  newestSequence = 0;
  newestTimestamp = 0;
  private known = false;
  private readonly clockRate: number;
  private readonly estimator: DelayEstimator;
  private strays = 0;
  private straySequence = 0;
  private strayTimestamp = 0;

  constructor(clockRate: number, estimator: DelayEstimator) {
    this.clockRate = clockRate;
    this.estimator = estimator;
  }

  /** The next packet begins the stream. */
  forget(): void {
    this.known = false;
  }

  /** Places a packet that arrived at the estimator's `arrivalMs`. `timestamp`: its 32 bits, signed or not. */
  place(sequence: number, timestamp: number, marker: boolean): Placement {
    if (!this.known) return this.begin(sequence, timestamp, Placement.first);
    const extended = extendSequence(this.newestSequence, sequence);
    const ticks = extendTimestamp(this.newestTimestamp, timestamp);
    const steps = extended - this.newestSequence;
    const shiftMs = this.estimator.arrivalMs - (ticks * 1000) / this.clockRate - this.estimator.baseMs;
    const near = steps < NEAR_STEPS && steps > -NEAR_STEPS;
    const expected = shiftMs < LARGEST_SHIFT_MS && shiftMs > -LARGEST_SHIFT_MS;
    if (!expected || !(near || this.isLongGap(steps, ticks)) || extended > LAST_SEQUENCE) {
      return this.stray(sequence, timestamp, marker, steps, ticks);
    }
    this.strays = 0;
    this.sequence = extended;
    this.timestamp = ticks;
    if (steps > 0) {
      this.newestSequence = extended;
      this.newestTimestamp = ticks;
    }
    return Placement.inStream;
  }

  /** Many packets missing in a row: then as much time as they would have held must have passed, 2.5 ms each at least. */
  private isLongGap(steps: number, ticks: number): boolean {
    return steps > 0 && ticks - this.newestTimestamp >= (steps * this.clockRate) / 400;
  }

  private stray(sequence: number, timestamp: number, marker: boolean, steps: number, ticks: number): Placement {
    const agrees =
      this.strays > 0 &&
      sequenceDistance(this.straySequence, sequence) === 1 &&
      Math.abs((timestamp - this.strayTimestamp) | 0) <= this.clockRate;
    this.strays = agrees ? this.strays + 1 : 1;
    this.straySequence = sequence;
    this.strayTimestamp = timestamp;
    const past = steps < 0 && ticks < this.newestTimestamp;
    const wanted = past ? AGREEMENT_ON_PAST : AGREEMENT;
    // A marked packet that follows on is a new talkspurt with new timestamps: a sender that changed its source.
    if (this.strays < wanted && !(marker && steps > 0 && steps <= AGREEMENT)) return Placement.elsewhere;
    return this.begin(sequence, timestamp, Placement.moved);
  }

  private begin(sequence: number, timestamp: number, placement: Placement): Placement {
    this.known = true;
    this.strays = 0;
    this.sequence = sequence + FIRST_SEQUENCE;
    this.timestamp = timestamp >>> 0;
    this.newestSequence = this.sequence;
    this.newestTimestamp = this.timestamp;
    return placement;
  }
}
