/**
 * Measures how unevenly packets arrive. A packet's transit is its arrival less its media time, both in ms; only differences
 * of transits mean anything. The fastest packet of the last seconds is the base, and how much later than the base packets
 * come decides how long they must wait. A base that moves with a window follows clock skew: 200 ppm are 0.8 ms in 4 s.
 */

/** The base is the least transit of the last one to two of these, the peak the greatest. */
const BASE_WINDOW_MS = 2000;
const PEAK_WINDOW_MS = 5000;
/** A silence of this length leaves nothing to compare with. */
const FORGET_MS = 4000;
/** A packet this much later than the base means another path, or a sender that paused its timestamps. */
const NEW_PATH_MS = 400;

const BUCKET_MS = 5;
const BUCKETS = 64;
/** Share of the packets that may come too late for the delay asked for. */
const TOLERATED = 0.02;
/** How much more each 20 ms of sound weighs than the 20 ms before: old packets fade with a time constant of 5 s. */
const GROWTH = 0.004;
/** Punctual packets assumed at first, so that one early straggler does not decide. */
const PRIOR_WEIGHT = 50;
const LARGEST_WEIGHT = 1e6;
/** Packets between two looks at the buckets, while none comes later than expected. */
const LOOK_EVERY = 8;
/** A packet this much faster than the base shows a new path; until this much is known, a backlog from the start. */
const FASTER_PATH_MS = 60;
const YOUNG_WEIGHT = 50;
const BACKLOG_MS = 20;

export class DelayEstimator {
  /**
   * The packet that `update` is about: when it arrived, its transit, and its sound in frames of 20 ms. Fields and not
   * arguments, because a fraction handed to a call is an object on the heap, and this happens for each packet.
   */
  arrivalMs = 0;
  transitMs = 0;
  share = 1;
  /** Least transit of late, in ms. Meaningless before the first packet. */
  baseMs = 0;
  /** How much later than the base all but 2 % of the packets come, in steps of about 5 ms. */
  spreadMs = 0;
  private readonly buckets = new Float32Array(BUCKETS);
  private empty = true;
  private newBase = true;
  /** Transit at the lower edge of the first bucket: at or a little under the base. */
  private originMs = 0;
  private weight = 1;
  private total = 0;
  private prior = PRIOR_WEIGHT;
  private untilLook = LOOK_EVERY;
  private lastArrivalMs = 0;
  private windowStartMs = 0;
  private leastMs = 0;
  private leastBeforeMs = 0;
  private peakStartMs = 0;
  private greatestMs = 0;
  private greatestBeforeMs = 0;

  /** How much later than the base the latest packet of the last 5 to 10 s came. */
  get peakMs(): number {
    return Math.max(this.greatestMs, this.greatestBeforeMs) - this.baseMs;
  }

  /** Takes note of a packet. */
  update(): void {
    const { transitMs, arrivalMs, share } = this;
    if (this.newBase || arrivalMs - this.lastArrivalMs > FORGET_MS || transitMs - this.baseMs > NEW_PATH_MS) {
      this.rebase();
    }
    this.lastArrivalMs = arrivalMs;
    const fasterMs = this.baseMs - transitMs;
    if (fasterMs >= (this.total < YOUNG_WEIGHT ? BACKLOG_MS : FASTER_PATH_MS)) this.forgetDelays();
    if (arrivalMs - this.windowStartMs >= BASE_WINDOW_MS) this.turnBaseWindow();
    if (arrivalMs - this.peakStartMs >= PEAK_WINDOW_MS) {
      this.greatestBeforeMs = this.greatestMs;
      this.greatestMs = transitMs;
      this.peakStartMs = arrivalMs;
    } else if (transitMs > this.greatestMs) {
      this.greatestMs = transitMs;
    }
    if (transitMs < this.leastMs) {
      this.leastMs = transitMs;
      if (transitMs < this.baseMs) {
        this.baseMs = transitMs;
        this.untilLook = 0;
      }
      if (transitMs < this.originMs) this.shift(-Math.ceil((this.originMs - transitMs) / BUCKET_MS));
    }
    if (transitMs - this.baseMs > this.spreadMs + BUCKET_MS) this.untilLook = 0;
    const bucket = ((transitMs - this.originMs) / BUCKET_MS) | 0;
    this.buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]! += this.weight * share;
    this.total += this.weight * share;
    this.weight *= 1 + GROWTH * share;
    if (--this.untilLook <= 0) this.look();
  }

  /** The next packet has other timestamps, on the same path as before. */
  moved(): void {
    this.newBase = true;
  }

  /** The next packet begins anew. */
  reset(): void {
    this.empty = true;
    this.newBase = true;
    this.spreadMs = 0;
    this.forgetDelays();
  }

  private forgetDelays(): void {
    this.buckets.fill(0);
    this.weight = 1;
    this.total = 0;
    this.prior = PRIOR_WEIGHT;
    this.greatestMs = this.transitMs;
    this.greatestBeforeMs = this.transitMs;
  }

  /** Another path or time base: keeps the shape of the delays, forgets where they begin. */
  private rebase(): void {
    const { transitMs, arrivalMs } = this;
    this.originMs += transitMs - (this.empty ? this.originMs : this.baseMs);
    this.baseMs = transitMs;
    this.leastMs = transitMs;
    this.leastBeforeMs = transitMs;
    this.windowStartMs = arrivalMs;
    this.greatestMs = transitMs;
    this.greatestBeforeMs = transitMs;
    this.peakStartMs = arrivalMs;
    this.empty = false;
    this.newBase = false;
    this.untilLook = 0;
  }

  private turnBaseWindow(): void {
    const { transitMs, arrivalMs } = this;
    this.leastBeforeMs = this.leastMs;
    this.leastMs = transitMs;
    this.windowStartMs = arrivalMs;
    this.baseMs = Math.min(this.leastBeforeMs, transitMs);
    this.untilLook = 0;
    const steps = Math.floor((this.baseMs - this.originMs) / BUCKET_MS);
    if (steps !== 0) this.shift(steps);
  }

  /**
   * Moves the origin by `steps` buckets and what is in them the other way. What falls off at the punctual end collects in the
   * first bucket; delays past the last are longer than any we would wait for, and are forgotten.
   */
  private shift(steps: number): void {
    const { buckets } = this;
    this.originMs += steps * BUCKET_MS;
    let fallen = 0;
    if (steps > 0) {
      const count = Math.min(steps, BUCKETS);
      for (let i = 0; i < count; i++) fallen += buckets[i]!;
      buckets.copyWithin(0, count);
      buckets.fill(0, BUCKETS - count);
      buckets[0]! += fallen;
    } else {
      const count = Math.min(-steps, BUCKETS);
      for (let i = BUCKETS - count; i < BUCKETS; i++) fallen += buckets[i]!;
      buckets.copyWithin(count, 0, BUCKETS - count);
      buckets.fill(0, 0, count);
      this.total -= fallen;
    }
  }

  private look(): void {
    this.untilLook = LOOK_EVERY;
    const { buckets } = this;
    const tolerated = TOLERATED * (this.total + this.prior);
    let above = 0;
    let bucket = BUCKETS - 1;
    while (bucket > 0) {
      above += buckets[bucket]!;
      if (above > tolerated) break;
      bucket--;
    }
    this.spreadMs = Math.max(0, this.originMs + bucket * BUCKET_MS - this.baseMs);
    if (this.weight > LARGEST_WEIGHT) this.lighten();
  }

  private lighten(): void {
    const { buckets, weight } = this;
    this.total = 0;
    for (let i = 0; i < BUCKETS; i++) {
      buckets[i]! /= weight;
      this.total += buckets[i]!;
    }
    this.prior /= weight;
    this.weight = 1;
  }
}
