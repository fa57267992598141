import { samplesPerFrame } from './frame.ts';
import { isSilent, saturated } from './pcm.ts';

/*
 * Changes the sample rate by a ratio L / M with one linear-phase low-pass filter (Kaiser window). Its pass band ends at 85 %
 * of the lower rate's half (3.4 kHz at 8 kHz), its stop band begins at that half itself, so nothing folds back and no image
 * is left. The input is dealt out to M lanes and the output collected from L; between each pair of lanes runs a plain FIR
 * filter at the rate they have in common, which lets four neighbouring outputs share every load.
 */

const PASS_BAND = 0.85;
const STOP_BAND = 1;
/** What the window is designed for, in dB; the last few are lost to the transition's edge. */
const ATTENUATION_DB = 70;

/** Everything about a pair of rates that does not change: computed once, shared by all resamplers between them. */
interface Kernel {
  /** Output lanes (L) and input lanes (M). */
  readonly up: number;
  readonly down: number;
  /** Taps of each of the L * M filters. */
  readonly taps: number;
  /** Their coefficients, oldest sample first: `[(lane out * M + lane in) * taps + tap]`. */
  readonly coefficients: Float64Array;
  readonly delayMs: number;
}

const KERNELS = new Map<string, Kernel>();

function kernelFor(inputRate: number, outputRate: number): Kernel {
  const key = `${inputRate}:${outputRate}`;
  const known = KERNELS.get(key);
  if (known) return known;
  const kernel = design(inputRate, outputRate);
  KERNELS.set(key, kernel);
  return kernel;
}

function design(inputRate: number, outputRate: number): Kernel {
  const common = greatestCommonDivisor(inputRate, outputRate);
  const up = outputRate / common;
  const down = inputRate / common;
  const prototype = lowPass(inputRate * up, Math.min(inputRate, outputRate) / 2, up * down);

  const step = up * down;
  const taps = Math.floor((prototype.length - 1 + up * (down - 1)) / step) + 1;
  const coefficients = new Float64Array(up * down * taps);
  for (let lane = 0; lane < up; lane++) {
    const part = coefficients.subarray(lane * down * taps, (lane + 1) * down * taps);
    for (let source = 0; source < down; source++) {
      for (let age = 0; age < taps; age++) {
        part[source * taps + taps - 1 - age] = prototype[lane * down - up * source + age * step] ?? 0;
      }
    }
    // Every output lane passes a constant at exactly its level.
    const gain = part.reduce((sum, value) => sum + value, 0);
    for (let i = 0; i < part.length; i++) part[i]! /= gain;
  }
  return { up, down, taps, coefficients, delayMs: ((prototype.length - 1) / 2 / (inputRate * up)) * 1000 };
}

/** A Kaiser-windowed low-pass for `limit` Hz. Its delay is a multiple of `grain` samples, so whole samples on both sides. */
function lowPass(sampleRate: number, limit: number, grain: number): Float64Array {
  const transition = (2 * Math.PI * limit * (STOP_BAND - PASS_BAND)) / sampleRate;
  const length = (ATTENUATION_DB - 7.95) / (2.285 * transition);
  const half = Math.ceil(length / 2 / grain) * grain;
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const cutoff = (limit * (PASS_BAND + STOP_BAND)) / sampleRate;
  return Float64Array.from({ length: 2 * half + 1 }, (_, i) => {
    const x = i - half;
    const ideal = x === 0 ? cutoff : Math.sin(Math.PI * cutoff * x) / (Math.PI * x);
    return (ideal * bessel(beta * Math.sqrt(1 - (x / half) ** 2))) / bessel(beta);
  });
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Converts one stream between two of 8, 16, 24 and 48 kHz, a 20 ms frame at a time. Holds the stream's filter memory. */
export class Resampler {
  readonly inputRate: number;
  readonly outputRate: number;
  /** How much later everything comes out than it went in. */
  readonly delayMs: number;

  private readonly kernel: Kernel;
  private readonly steps: number;
  /** One lane of input after the other, each with the samples that its filters still need before the new ones. */
  private readonly lanes: Float64Array[];
  private readonly sums: Float64Array;
  /** True when nothing but zeros is left in the lanes. */
  private silent = true;

  constructor(inputRate: number, outputRate: number) {
    this.inputRate = inputRate;
    this.outputRate = outputRate;
    this.kernel = kernelFor(inputRate, outputRate);
    this.delayMs = inputRate === outputRate ? 0 : this.kernel.delayMs;
    this.steps = samplesPerFrame(inputRate) / this.kernel.down;
    if (!Number.isInteger(this.steps / 4) || this.steps < this.kernel.taps) {
      throw new RangeError(`no resampling from ${inputRate} to ${outputRate} Hz`);
    }
    const length = this.kernel.taps - 1 + this.steps;
    this.lanes = Array.from({ length: this.kernel.down }, () => new Float64Array(length));
    this.sums = new Float64Array(this.steps);
  }

  /** One whole frame at `inputRate` in, one whole frame at `outputRate` out. The two must not share memory. */
  process(input: Int16Array, output: Int16Array): void {
    if (this.inputRate === this.outputRate) {
      output.set(input);
      return;
    }
    const quiet = isSilent(input);
    if (quiet && this.silent) {
      output.fill(0);
      return;
    }
    this.silent = quiet;
    const { up, down, taps } = this.kernel;
    for (let source = 0; source < down; source++) this.deal(input, source, down, taps - 1);
    for (let lane = 0; lane < up; lane++) {
      this.sums.fill(0);
      for (let source = 0; source < down; source++) this.filter(this.lanes[source]!, (lane * down + source) * taps);
      this.collect(output, lane, up);
    }
  }

  /** Forgets the stream, as if new. */
  reset(): void {
    for (const lane of this.lanes) lane.fill(0);
    this.silent = true;
  }

  private deal(input: Int16Array, source: number, down: number, memory: number): void {
    const lane = this.lanes[source]!;
    lane.copyWithin(0, this.steps, this.steps + memory);
    for (let i = memory, at = source; at < input.length; i++, at += down) lane[i] = input[at]!;
  }

  /** Adds one lane through one filter to the sums. Four at a time: each sample and coefficient is loaded once for four. */
  private filter(lane: Float64Array, first: number): void {
    const coefficients = this.kernel.coefficients;
    const taps = this.kernel.taps;
    const sums = this.sums;
    for (let step = 0; step < this.steps; step += 4) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      let x0 = lane[step]!;
      let x1 = lane[step + 1]!;
      let x2 = lane[step + 2]!;
      for (let tap = 0, at = step + 3; tap < taps; tap++, at++) {
        const x3 = lane[at]!;
        const coefficient = coefficients[first + tap]!;
        a += x0 * coefficient;
        b += x1 * coefficient;
        c += x2 * coefficient;
        d += x3 * coefficient;
        x0 = x1;
        x1 = x2;
        x2 = x3;
      }
      sums[step]! += a;
      sums[step + 1]! += b;
      sums[step + 2]! += c;
      sums[step + 3]! += d;
    }
  }

  private collect(output: Int16Array, lane: number, up: number): void {
    const sums = this.sums;
    for (let step = 0, at = lane; step < this.steps; step++, at += up) output[at] = saturated(sums[step]!);
  }
}
