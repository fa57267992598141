/**
 * Finds how far sound must be shifted to look most like itself: the pitch period of a voice, a multiple of a tone's period,
 * or simply the least bad place to cut. Measured by normalized cross-correlation, coarsely at about 4 kHz and then sample by
 * sample round the best place.
 */

/** The coarse search runs at about this rate, in Hz. */
const COARSE_RATE = 4000;
/** Window and lag together are 40 ms at most. */
const MAX_COARSE = 200;
/** Mean power under which sound counts as silence: a root mean square of 24, 62 dB under full scale. */
const SILENT_POWER = 24 * 24;

const coarse = new Float32Array(MAX_COARSE);

/** One search at a time; a thread needs one instance. */
export class LagSearch {
  /** The best shift, in samples. */
  lag = 0;
  /** How alike the two windows are: 1 the same but for loudness, 0 unrelated. 1 also when all is silent. */
  match = 0;
  /** Whether the whole stretch that was searched is silence. */
  silent = false;

  /**
   * Compares the `window` samples from `first` with the windows `shortest` to `longest` samples later. Reads
   * `samples[first, first + longest + window)`, which the caller has checked to exist.
   */
  forward(
    samples: Int16Array,
    first: number,
    window: number,
    shortest: number,
    longest: number,
    sampleRate: number,
  ): void {
    const step = Math.max(1, Math.round(sampleRate / COARSE_RATE));
    const total = Math.min(MAX_COARSE, Math.floor((window + longest) / step));
    const length = Math.floor(window / step);
    const power = decimate(samples, first, step, total);
    this.silent = power < SILENT_POWER;
    if (this.silent) {
      this.lag = longest;
      this.match = 1;
      return;
    }
    const best = coarseLag(length, Math.ceil(shortest / step), Math.min(total - length, Math.floor(longest / step)));
    this.refine(samples, first, window, best * step, step, shortest, longest);
  }

  /** Compares the `window` samples before `end` with the windows `shortest` to `longest` samples earlier. */
  backward(
    samples: Int16Array,
    end: number,
    window: number,
    shortest: number,
    longest: number,
    sampleRate: number,
  ): void {
    const step = Math.max(1, Math.round(sampleRate / COARSE_RATE));
    const total = Math.min(MAX_COARSE, Math.floor((window + longest) / step));
    const length = Math.floor(window / step);
    const power = decimateBackward(samples, end, step, total);
    this.silent = power < SILENT_POWER;
    if (this.silent) {
      this.lag = longest;
      this.match = 1;
      return;
    }
    const best = coarseLag(length, Math.ceil(shortest / step), Math.min(total - length, Math.floor(longest / step)));
    this.refine(samples, end - window, window, -best * step, step, shortest, longest);
  }

  /** Tries every lag within one coarse step of `about`, whose sign is the direction. */
  private refine(
    samples: Int16Array,
    first: number,
    window: number,
    about: number,
    step: number,
    shortest: number,
    longest: number,
  ): void {
    const direction = about < 0 ? -1 : 1;
    const from = Math.max(shortest, Math.abs(about) - step);
    const to = Math.min(longest, Math.abs(about) + step);
    // At 48 kHz every third sample is plenty for telling neighbours apart, and three times as quick.
    const stride = step >= 12 ? 3 : 1;
    let own = 1;
    for (let i = 0; i < window; i += stride) own += samples[first + i]! * samples[first + i]!;
    let bestLag = from;
    let bestMatch = -2;
    for (let lag = from; lag <= to; lag++) {
      const other = first + direction * lag;
      let cross = 0;
      let energy = 1;
      for (let i = 0; i < window; i += stride) {
        const value = samples[other + i]!;
        cross += samples[first + i]! * value;
        energy += value * value;
      }
      const match = cross / Math.sqrt(own * energy);
      if (match > bestMatch) {
        bestMatch = match;
        bestLag = lag;
      }
    }
    this.lag = bestLag;
    this.match = bestMatch;
  }
}

/** Averages each `step` samples into `coarse`; returns the mean power of what was read. */
function decimate(samples: Int16Array, first: number, step: number, total: number): number {
  let power = 0;
  let at = first;
  for (let k = 0; k < total; k++) {
    let sum = 0;
    for (let i = 0; i < step; i++, at++) {
      const value = samples[at]!;
      sum += value;
      power += value * value;
    }
    coarse[k] = sum / step;
  }
  return power / Math.max(1, total * step);
}

/** The same backward in time from `end`: lags backward then read like lags forward. */
function decimateBackward(samples: Int16Array, end: number, step: number, total: number): number {
  let power = 0;
  let at = end - 1;
  for (let k = 0; k < total; k++) {
    let sum = 0;
    for (let i = 0; i < step; i++, at--) {
      const value = samples[at]!;
      sum += value;
      power += value * value;
    }
    coarse[k] = sum / step;
  }
  return power / Math.max(1, total * step);
}

/** The lag in `coarse`, from `shortest` to `longest`, at which its first `length` values match best. */
function coarseLag(length: number, shortest: number, longest: number): number {
  let energy = 1;
  for (let i = 0; i < length; i++) energy += coarse[shortest + i]! * coarse[shortest + i]!;
  let bestLag = shortest;
  let bestScore = -Infinity;
  for (let lag = shortest; lag <= longest; lag++) {
    let cross = 0;
    for (let i = 0; i < length; i++) cross += coarse[i]! * coarse[lag + i]!;
    const score = (cross * Math.abs(cross)) / energy;
    if (score > bestScore) {
      bestScore = score;
      bestLag = lag;
    }
    energy += coarse[lag + length]! * coarse[lag + length]! - coarse[lag]! * coarse[lag]!;
  }
  return bestLag;
}
