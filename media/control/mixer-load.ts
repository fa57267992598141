import { FRAME_MS } from '../audio/frame.ts';
import type { WorkerSnapshot } from '../engine.ts';

type Ticked = Pick<WorkerSnapshot, 'ticks' | 'duration' | 'legs'>;

/** Share of the way that the value shown goes towards each second's own: one slow second does not turn callers away. */
const SMOOTHING = 0.4;
/** With fewer legs their share of the cost says little of what one more will cost. */
const TELLING_LEGS = 10;

/**
 * How much of its time a mixer thread needs: the share of the ticks' 20 ms that mixing took, by the monotonic clock. Members
 * differ a hundredfold in cost, by codec and rate, so counting them says little of how many more there is room for.
 */
export class MixerLoad {
  #before: Ticked | undefined;
  #share: number | undefined;
  #legs = 0;

  /** Smoothed; over 1 the thread does not keep up. 0 until something was measured. */
  get share(): number {
    return this.#share ?? 0;
  }

  /** Takes a report of the totals, about one a second. */
  note(now: Ticked): void {
    const ticks = now.ticks - (this.#before?.ticks ?? 0);
    const seconds = now.duration.sum - (this.#before?.duration.sum ?? 0);
    this.#before = now;
    this.#legs = now.legs;
    if (ticks <= 0) return;
    const share = (seconds * 1000) / (ticks * FRAME_MS);
    this.#share = this.#share === undefined ? share : this.#share + (share - this.#share) * SMOOTHING;
  }

  /** What it will be with so many legs: those who came since the last report cost what the others do. */
  expected(legs: number): number {
    return this.#legs < TELLING_LEGS ? this.share : this.share * Math.max(1, legs / this.#legs);
  }
}
