/*
 * One of G.722's two sub-bands: an adaptive quantiser step and an adaptive predictor with two poles and six zeros. Encoder
 * and decoder run the same adaptation on the same codes, which is all that keeps them together, so every rounding and
 * saturation below is the standard's (ITU-T G.722 section 6.2; its block names are given in capitals).
 */

const MAX = 32767;
const MIN = -32768;

/** Mantissas of the step size: 2048 * 2^(i / 32) (table ILB). */
const STEP_MANTISSA = [
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
  3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/** What differs between the sub-bands' step sizes. */
interface BandShape {
  /** Largest logarithmic step (LOGSCL, LOGSCH). */
  readonly maxLogStep: number;
  /** Right shift of the mantissa at logarithmic step 0 (SCALEL, SCALEH). */
  readonly shift: number;
}

const LOWER: BandShape = { maxLogStep: 18_432, shift: 8 };
const HIGHER: BandShape = { maxLogStep: 22_528, shift: 10 };

/** Step size for each logarithmic step / 64 (SCALEL, SCALEH). */
function stepTable({ maxLogStep, shift }: BandShape): Int32Array {
  return Int32Array.from({ length: (maxLogStep >> 6) + 1 }, (_, i) => {
    const places = shift - (i >> 5);
    const mantissa = STEP_MANTISSA[i & 31]!;
    return (places < 0 ? mantissa << -places : mantissa >> places) << 2;
  });
}

const LOWER_STEPS = stepTable(LOWER);
const HIGHER_STEPS = stepTable(HIGHER);

function saturate(value: number): number {
  return Math.max(MIN, Math.min(MAX, value));
}

/** A zero's coefficient after its leak and a nudge up, or down when the two differences' signs differ. */
function leaned(coefficient: number, nudge: number, signs: number): number {
  const sign = signs >> 31;
  return ((nudge ^ sign) - sign + (Math.imul(coefficient, 32_640) >> 15)) | 0;
}

/** A coefficient with 14 fractional bits times a difference. */
function product(coefficient: number, difference: number): number {
  return Math.imul(coefficient, difference << 1) >> 15;
}

/** The memory of one sub-band. */
export class Band {
  /** Quantiser step size (DETL, DETH). */
  step: number;
  /** What the predictor expects of the next sample (SL, SH). */
  prediction = 0;

  private readonly steps: Int32Array;
  private readonly maxLogStep: number;
  private logStep = 0;
  /** The zeros' share of the prediction (SZL, SZH). */
  private zeroPart = 0;
  /** The two poles' coefficients, and the two last reconstructed and partly reconstructed samples. */
  private pole1 = 0;
  private pole2 = 0;
  private sample1 = 0;
  private partial1 = 0;
  private partial2 = 0;
  /** The six zeros' coefficients, and the six last quantised differences, newest first. */
  private b1 = 0;
  private b2 = 0;
  private b3 = 0;
  private b4 = 0;
  private b5 = 0;
  private b6 = 0;
  private d1 = 0;
  private d2 = 0;
  private d3 = 0;
  private d4 = 0;
  private d5 = 0;
  private d6 = 0;

  private constructor(shape: BandShape, steps: Int32Array) {
    this.steps = steps;
    this.maxLogStep = shape.maxLogStep;
    this.step = steps[0]!;
  }

  /** The band from 0 to 4 kHz, at its reset state. */
  static lower(): Band {
    return new Band(LOWER, LOWER_STEPS);
  }

  /** The band from 4 to 8 kHz, at its reset state. */
  static higher(): Band {
    return new Band(HIGHER, HIGHER_STEPS);
  }

  /** Takes in one quantised difference and the logarithmic step's `change` that its code stands for. */
  adapt(difference: number, change: number): void {
    const sample = saturate(this.prediction + difference);
    const partial = saturate(this.zeroPart + difference);
    this.adaptStep(change);
    this.adaptPoles(partial);
    this.adaptZeros(difference);
    this.predict(sample);
  }

  private adaptStep(change: number): void {
    this.logStep = Math.max(0, Math.min(this.maxLogStep, ((this.logStep * 127) >> 7) + change));
    this.step = this.steps[this.logStep >> 6]!;
  }

  /** UPPOL2, UPPOL1 and the delay of the partly reconstructed samples. */
  private adaptPoles(partial: number): void {
    const agrees1 = (partial ^ this.partial1) >= 0;
    const agrees2 = (partial ^ this.partial2) >= 0;

    const scaled = saturate(this.pole1 << 2);
    const turned = agrees1 ? Math.min(-scaled, MAX) : scaled;
    const second = (agrees2 ? 128 : -128) + (turned >> 7) + ((this.pole2 * 32_512) >> 15);
    this.pole2 = Math.max(-12_288, Math.min(12_288, second));

    const first = saturate((agrees1 ? 192 : -192) + ((this.pole1 * 32_640) >> 15));
    const limit = 15_360 - this.pole2;
    this.pole1 = Math.max(-limit, Math.min(limit, first));

    this.partial2 = this.partial1;
    this.partial1 = partial;
  }

  /**
   * UPZERO, the delay of the differences, and FILTEZ. Two of the standard's saturations are left out as they cannot act:
   * a coefficient's leak keeps it inside 16 bits, and no difference exceeds 10,228. Written out six times because fields
   * are a third faster here than arrays and a loop.
   */
  private adaptZeros(d0: number): void {
    const { d1, d2, d3, d4, d5, d6 } = this;
    const nudge = d0 === 0 ? 0 : 128;
    const b1 = leaned(this.b1, nudge, d0 ^ d1);
    const b2 = leaned(this.b2, nudge, d0 ^ d2);
    const b3 = leaned(this.b3, nudge, d0 ^ d3);
    const b4 = leaned(this.b4, nudge, d0 ^ d4);
    const b5 = leaned(this.b5, nudge, d0 ^ d5);
    const b6 = leaned(this.b6, nudge, d0 ^ d6);
    this.b1 = b1;
    this.b2 = b2;
    this.b3 = b3;
    this.b4 = b4;
    this.b5 = b5;
    this.b6 = b6;
    this.d1 = d0;
    this.d2 = d1;
    this.d3 = d2;
    this.d4 = d3;
    this.d5 = d4;
    this.d6 = d5;
    const sum =
      product(b1, d0) + product(b2, d1) + product(b3, d2) + product(b4, d3) + product(b5, d4) + product(b6, d5);
    this.zeroPart = saturate(sum);
  }

  /** FILTEP, the delay of the reconstructed samples, and PREDIC. */
  private predict(sample: number): void {
    const poles = ((this.pole1 * saturate(sample << 1)) >> 15) + ((this.pole2 * saturate(this.sample1 << 1)) >> 15);
    this.sample1 = sample;
    this.prediction = saturate(saturate(poles) + this.zeroPart);
  }
}
