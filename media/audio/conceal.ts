import { LagSearch } from './lag-search.ts';

/** Pitch periods looked for: 66 to 200 Hz, the range of ITU-T G.711 Appendix I. */
const SHORTEST_PERIOD_MS = 5;
const LONGEST_PERIOD_MS = 15;
/** The stretch of past sound that is matched against earlier sound. */
const WINDOW_MS = 20;
/** One period is repeated this long, then two, then three in turn, so that the repetition does not buzz. */
const STEP_MS = 10;
/** Full loudness for the first 10 ms, then a straight line down to silence here. */
const FADE_END_MS = 60;
/** Longest blend into the first good sound. */
const LONGEST_BLEND_MS = 10;
const BLEND_GROWTH = 0.4;
/** Blend into good sound after the concealment has already faded to nothing. */
const ONSET_MS = 5;
/** Past periods kept: three, and a quarter to blend their ends. */
const KEPT_PERIODS = 3.25;

const search = new LagSearch();

/** Sound that must lie before a gap for `Concealment`, in samples. */
export function concealmentPast(sampleRate: number): number {
  return Math.ceil((sampleRate / 1000) * Math.max(LONGEST_PERIOD_MS * KEPT_PERIODS, WINDOW_MS + LONGEST_PERIOD_MS)) + 1;
}

/**
 * Fills a gap with what was heard before it, after the manner of ITU-T G.711 Appendix I: the last pitch period is repeated,
 * from 10 ms on with older ones in turn, and fades to silence at 60 ms. Sound without a gap is never touched and never
 * delayed; the blend back happens on the first good samples. One instance a leg; its past is allocated at the first gap.
 */
export class Concealment {
  private readonly sampleRate: number;
  private readonly longest: number;
  private readonly step: number;
  private readonly fadeEnd: number;
  private past: Int16Array | undefined;
  private hidden = 0;
  private begun = false;
  private period = 0;
  /** A quarter of the period: the length of every blend inside the repetition. */
  private quarter = 0;
  private periods = 1;
  private position = 0;
  private oldPeriods = 1;
  private oldPosition = 0;
  private changing = 0;
  private jolt = 0;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
    this.longest = Math.round((sampleRate * LONGEST_PERIOD_MS) / 1000);
    this.step = Math.round((sampleRate * STEP_MS) / 1000);
    this.fadeEnd = Math.round((sampleRate * FADE_END_MS) / 1000);
  }

  /** Whether a gap is being filled. */
  get active(): boolean {
    return this.begun;
  }

  /** Whether the gap is so long that only silence is left to fill it with. */
  get faded(): boolean {
    return this.hidden >= this.fadeEnd;
  }

  /** Writes `count` samples at `at`. In the first call of a gap, `concealmentPast` samples must lie before `at`. */
  fill(sound: Int16Array, at: number, count: number): void {
    if (!this.begun) this.begin(sound, at);
    let i = 0;
    for (; i < count && this.hidden < this.fadeEnd; i++) sound[at + i] = this.next();
    if (i < count) sound.fill(0, at + i, at + count);
  }

  /**
   * Ends the gap: the first samples of `sound[at, at + count)` are blended with what the concealment would have gone on with.
   * Without a gap before it, blends from a continuation of what lies before `at`: joins sound that does not belong together.
   */
  join(sound: Int16Array, at: number, count: number): void {
    if (!this.begun) this.begin(sound, at);
    const blend = Math.min(count, this.blendLength());
    for (let i = 0; i < blend; i++) {
      const weight = (i + 1) / (blend + 1);
      const old = this.hidden < this.fadeEnd ? this.next() : 0;
      sound[at + i] = Math.round(old + (sound[at + i]! - old) * weight);
    }
    this.cancel();
  }

  /** Forgets the gap without a blend. */
  cancel(): void {
    this.begun = false;
    this.hidden = 0;
  }

  private blendLength(): number {
    if (this.hidden >= this.fadeEnd) return Math.round((this.sampleRate * ONSET_MS) / 1000);
    const longest = Math.round((this.sampleRate * LONGEST_BLEND_MS) / 1000);
    return Math.min(longest, this.quarter + Math.round(this.hidden * BLEND_GROWTH));
  }

  private begin(sound: Int16Array, at: number): void {
    const kept = Math.floor(this.longest * KEPT_PERIODS);
    this.past ??= new Int16Array(kept);
    const past = this.past;
    for (let i = 0; i < kept; i++) past[i] = sound[at - kept + i]!;
    const perMs = this.sampleRate / 1000;
    search.backward(sound, at, WINDOW_MS * perMs, SHORTEST_PERIOD_MS * perMs, this.longest, this.sampleRate);
    this.begun = true;
    this.period = search.lag;
    this.quarter = search.lag >> 2;
    this.periods = 1;
    this.position = 0;
    this.changing = 0;
    // What was heard last and what comes before the repeated period differ a little: that step is spread over a quarter.
    this.jolt = past[kept - 1]! - past[kept - search.lag - 1]!;
    this.hidden = search.silent ? this.fadeEnd : 0;
  }

  /** The next sample of the repetition, faded. */
  private next(): number {
    const { hidden, quarter } = this;
    if (hidden === this.step * this.periods && this.periods < 3) this.lengthen();
    let value = this.repeated(this.periods, this.position);
    if (++this.position === this.periods * this.period) this.position = 0;
    if (this.changing > 0) {
      const old = this.repeated(this.oldPeriods, this.oldPosition);
      if (++this.oldPosition === this.oldPeriods * this.period) this.oldPosition = 0;
      value += (old - value) * (this.changing / (quarter + 1));
      this.changing--;
    }
    if (hidden < quarter) value += this.jolt * (1 - (hidden + 1) / (quarter + 1));
    this.hidden = hidden + 1;
    if (hidden > this.step) value *= (this.fadeEnd - hidden) / (this.fadeEnd - this.step);
    return value > 32767 ? 32767 : value < -32768 ? -32768 : Math.round(value);
  }

  /** From now on one period more is repeated in turn, in step with the old turn and blended into it. */
  private lengthen(): void {
    this.oldPeriods = this.periods;
    this.oldPosition = this.position;
    this.changing = this.quarter;
    this.periods++;
    this.position %= this.period;
  }

  /** A sample of the last `periods` periods; their last quarter leads smoothly back to their beginning. */
  private repeated(periods: number, position: number): number {
    const past = this.past!;
    const start = past.length - periods * this.period;
    const value = past[start + position]!;
    const tail = position - (periods * this.period - this.quarter);
    if (tail < 0) return value;
    return value + (past[start - this.quarter + tail]! - value) * ((tail + 1) / (this.quarter + 1));
  }
}
