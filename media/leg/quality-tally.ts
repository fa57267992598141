import type { LegStats, QualitySnapshot } from '../engine.ts';
import { Histogram } from '../time/histogram.ts';

/** In seconds, from a quiet local network to one that cannot carry a conversation. */
const DELAY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1];
/** The usual steps between "not recommended" and "very satisfied" (ITU-T G.107 annex B), and some between. */
const MOS_BUCKETS = [1.5, 2, 2.6, 3.1, 3.6, 3.8, 4, 4.2, 4.3, 4.35, 4.4];

/** How the calls of a mixer thread sound: one observation for each leg that receives, each second. */
export class QualityTally {
  readonly #jitter = new Histogram(DELAY_BUCKETS);
  readonly #roundTrip = new Histogram(DELAY_BUCKETS);
  readonly #playoutDelay = new Histogram(DELAY_BUCKETS);
  readonly #mos = new Histogram(MOS_BUCKETS);

  /** `receiving`: something came from the peer within the last second; what is known of it otherwise is old. */
  observe(stats: LegStats, receiving: boolean): void {
    if (!receiving) return;
    this.#jitter.observe(stats.jitterMs / 1000);
    this.#playoutDelay.observe(stats.playoutDelayMs / 1000);
    if (stats.roundTripMs !== undefined) this.#roundTrip.observe(stats.roundTripMs / 1000);
    if (stats.mos !== undefined) this.#mos.observe(stats.mos);
  }

  snapshot(): QualitySnapshot {
    return {
      jitter: this.#jitter.snapshot(),
      roundTrip: this.#roundTrip.snapshot(),
      playoutDelay: this.#playoutDelay.snapshot(),
      mos: this.#mos.snapshot(),
    };
  }
}
