/*
 * Tones prove who hears whom: every member sends its own pitch, and a recording is searched for all of them. Levels are
 * in dBFS: 0 is a sine whose peaks reach 32767. Nothing here is random or timed.
 */

const FULL_SCALE = 32767;

export interface Tone {
  readonly hz: number;
  /** Level in dBFS, -12 when left out. */
  readonly db?: number;
  /** Phase at sample 0, in radians. */
  readonly phase?: number;
}

export interface HeardTone {
  readonly hz: number;
  readonly db: number;
}

/** `samples` samples of the sum of some tones, saturated. `from` is the index of the first sample on the tones' clock. */
export function tone(
  sampleRate: number,
  samples: number,
  tones: number | Tone | readonly Tone[],
  from = 0,
): Int16Array {
  const list = typeof tones === 'number' ? [{ hz: tones }] : 'hz' in tones ? [tones] : tones;
  const sum = new Float64Array(samples);
  for (const { hz, db = -12, phase = 0 } of list) {
    const amplitude = FULL_SCALE * 10 ** (db / 20);
    const step = (2 * Math.PI * hz) / sampleRate;
    for (let i = 0; i < samples; i++) sum[i]! += amplitude * Math.sin(phase + step * (from + i));
  }
  return Int16Array.from(sum, (value) => Math.max(-32768, Math.min(FULL_SCALE, Math.round(value))));
}

/** A tone in frames: each `next` continues where the last one ended. */
export class ToneSource {
  private readonly sampleRate: number;
  private readonly tones: number | Tone | readonly Tone[];
  private position = 0;

  constructor(sampleRate: number, tones: number | Tone | readonly Tone[]) {
    this.sampleRate = sampleRate;
    this.tones = tones;
  }

  next(out: Int16Array): void {
    out.set(tone(this.sampleRate, out.length, this.tones, this.position));
    this.position += out.length;
  }
}

/** Level of one frequency in dBFS. Neighbours at least 8 / duration Hz away leak less than -90 dB into it. */
export function levelAt(samples: ArrayLike<number>, sampleRate: number, hz: number): number {
  let real = 0;
  let imaginary = 0;
  let weight = 0;
  const step = (2 * Math.PI * hz) / sampleRate;
  for (let i = 0; i < samples.length; i++) {
    const windowed = blackmanHarris(i, samples.length);
    const value = samples[i]! * windowed;
    weight += windowed;
    real += value * Math.cos(step * i);
    imaginary -= value * Math.sin(step * i);
  }
  return decibels((2 * Math.hypot(real, imaginary)) / weight / FULL_SCALE);
}

/** Those candidates (Hz) that sound at `floorDb` dBFS or more, in the order given. */
export function tonesIn(
  samples: ArrayLike<number>,
  sampleRate: number,
  candidates: readonly number[],
  floorDb = -45,
): HeardTone[] {
  return candidates.map((hz) => ({ hz, db: levelAt(samples, sampleRate, hz) })).filter(({ db }) => db >= floorDb);
}

/** As `tonesIn`, frequencies only: `assert.deepEqual(hzIn(heard, 8000, [440, 550, 650]), [550, 650])`. */
export function hzIn(
  samples: ArrayLike<number>,
  sampleRate: number,
  candidates: readonly number[],
  floorDb = -45,
): number[] {
  return tonesIn(samples, sampleRate, candidates, floorDb).map(({ hz }) => hz);
}

/** Level of everything in dBFS: the root mean square against that of a full-scale sine. */
export function rmsDb(samples: ArrayLike<number>): number {
  return decibels((Math.sqrt(energy(samples) / samples.length) * Math.SQRT2) / FULL_SCALE);
}

/** A tone against all that is not that tone (noise, harmonics, hum), in dB. Fits amplitude, phase and offset first. */
export function sinad(samples: ArrayLike<number>, sampleRate: number, hz: number): number {
  const step = (2 * Math.PI * hz) / sampleRate;
  const basis = [
    Float64Array.from({ length: samples.length }, (_, i) => Math.sin(step * i)),
    Float64Array.from({ length: samples.length }, (_, i) => Math.cos(step * i)),
    new Float64Array(samples.length).fill(1),
  ];
  const rest = Float64Array.from(samples);
  let signal = 0;
  // Gram-Schmidt: the three are nearly orthogonal, exactly so after this.
  for (const [index, vector] of basis.entries()) {
    for (const earlier of basis.slice(0, index))
      subtract(vector, earlier, dot(vector, earlier) / dot(earlier, earlier));
    const share = dot(rest, vector) / dot(vector, vector);
    subtract(rest, vector, share);
    if (index < 2) signal += share * share * dot(vector, vector);
  }
  return 10 * Math.log10(signal / Math.max(energy(rest), Number.MIN_VALUE));
}

/** Signal to noise in dB of `actual` against `wanted`, sample by sample over the shorter of the two. */
export function snrDb(wanted: ArrayLike<number>, actual: ArrayLike<number>): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < Math.min(wanted.length, actual.length); i++) {
    signal += wanted[i]! ** 2;
    noise += (actual[i]! - wanted[i]!) ** 2;
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

/** By how many samples, 0 to `most`, `actual` lags `wanted`: the lag at which they correlate best. */
export function lagOf(wanted: ArrayLike<number>, actual: ArrayLike<number>, most: number): number {
  let best = 0;
  let bestScore = Number.NEGATIVE_INFINITY;
  const length = Math.min(wanted.length, actual.length - most);
  for (let lag = 0; lag <= most; lag++) {
    let score = 0;
    for (let i = 0; i < length; i++) score += wanted[i]! * actual[i + lag]!;
    if (score > bestScore) {
      best = lag;
      bestScore = score;
    }
  }
  return best;
}

function decibels(ratio: number): number {
  return 20 * Math.log10(Math.max(ratio, 1e-10));
}

function energy(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]! ** 2;
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function subtract(from: Float64Array, vector: Float64Array, factor: number): void {
  for (let i = 0; i < from.length; i++) from[i]! -= vector[i]! * factor;
}

/** Four-term Blackman-Harris window: side lobes at -92 dB, so a loud tone does not hide a quiet one. */
function blackmanHarris(i: number, length: number): number {
  const x = (2 * Math.PI * (i + 0.5)) / length;
  return 0.35875 - 0.48829 * Math.cos(x) + 0.14128 * Math.cos(2 * x) - 0.01168 * Math.cos(3 * x);
}
