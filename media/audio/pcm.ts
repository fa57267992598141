/*
 * The mixer's inner loops. A sum is 32-bit and is saturated once, at the very end: saturating first and subtracting a
 * voice after would leave that voice's distortion behind. Frames are Int16Array, gains are linear factors (1 = as is).
 * `| 0` keeps the arithmetic in 32-bit integers; 65,536 members at full scale still fit.
 */

export const MAX_SAMPLE = 32767;
export const MIN_SAMPLE = -32768;

/** Adds a frame to the running sum. */
export function addFrame(sum: Int32Array, frame: Int16Array): void {
  const samples = frame.length;
  for (let i = 0; i < samples; i++) sum[i] = (sum[i]! + frame[i]!) | 0;
}

/** Adds a frame to the running sum at a fixed gain. */
export function addScaled(sum: Int32Array, frame: Int16Array, gain: number): void {
  const samples = frame.length;
  for (let i = 0; i < samples; i++) sum[i] = (sum[i]! + Math.round(frame[i]! * gain)) | 0;
}

/**
 * Adds a frame to the running sum while its gain moves in a straight line: the first sample is one step past `from`,
 * the last is exactly at `to`, so consecutive ramps join without a repeated or skipped step.
 */
export function addRamped(sum: Int32Array, frame: Int16Array, from: number, to: number): void {
  const samples = frame.length;
  const step = (to - from) / samples;
  for (let i = 0; i < samples; i++) sum[i] = (sum[i]! + Math.round(frame[i]! * (from + step * (i + 1)))) | 0;
}

/** Takes a frame out of a sum: `into` = `sum` - `own`. Returns the largest magnitude written. */
export function subtractFrame(sum: Int32Array, own: Int16Array, into: Int32Array): number {
  let high = 0;
  let low = 0;
  const samples = own.length;
  for (let i = 0; i < samples; i++) {
    const value = (sum[i]! - own[i]!) | 0;
    into[i] = value;
    high = Math.max(high, value);
    low = Math.min(low, value);
  }
  return Math.max(high, -low);
}

/**
 * What a speaker hears: `out` = `sum` - `own`, saturated. Returns the largest magnitude BEFORE saturation, so a result
 * above `MAX_SAMPLE` says that this listener needs the limiter.
 */
export function minusOwn(sum: Int32Array, own: Int16Array, out: Int16Array): number {
  let high = 0;
  let low = 0;
  const samples = out.length;
  for (let i = 0; i < samples; i++) {
    const value = (sum[i]! - own[i]!) | 0;
    high = Math.max(high, value);
    low = Math.min(low, value);
    out[i] = value;
  }
  // Nearly always everything fits, so saturation is not part of the loop.
  if (high > MAX_SAMPLE || low < MIN_SAMPLE) {
    for (let i = 0; i < samples; i++) out[i] = Math.max(MIN_SAMPLE, Math.min(MAX_SAMPLE, (sum[i]! - own[i]!) | 0));
  }
  return Math.max(high, -low);
}

/** What a silent member hears: the sum, saturated. Returns the largest magnitude before saturation. */
export function saturate(sum: Int32Array, out: Int16Array): number {
  let high = 0;
  let low = 0;
  const samples = out.length;
  for (let i = 0; i < samples; i++) {
    const value = sum[i]!;
    high = Math.max(high, value);
    low = Math.min(low, value);
    out[i] = value;
  }
  if (high > MAX_SAMPLE || low < MIN_SAMPLE) {
    for (let i = 0; i < samples; i++) out[i] = Math.max(MIN_SAMPLE, Math.min(MAX_SAMPLE, sum[i]!));
  }
  return Math.max(high, -low);
}

/** Scales a frame in place, saturating. Gain 1 leaves every sample as it is. */
export function applyGain(frame: Int16Array, gain: number): void {
  const samples = frame.length;
  for (let i = 0; i < samples; i++) frame[i] = saturated(frame[i]! * gain);
}

/** Scales a frame in place while the gain moves in a straight line from `from` to `to` (see `addRamped`). */
export function applyRamp(frame: Int16Array, from: number, to: number): void {
  const samples = frame.length;
  const step = (to - from) / samples;
  for (let i = 0; i < samples; i++) frame[i] = saturated(frame[i]! * (from + step * (i + 1)));
}

/** The nearest 16-bit sample to a real value. */
export function saturated(value: number): number {
  return Math.max(MIN_SAMPLE, Math.min(MAX_SAMPLE, Math.round(value)));
}

/** True when every sample is zero: nothing to add, and all such frames share one encode. */
export function isSilent(frame: Int16Array): boolean {
  const samples = frame.length;
  for (let i = 0; i < samples; i++) if (frame[i] !== 0) return false;
  return true;
}

/** Largest magnitude in a frame, 0 to 32768. */
export function peak(frame: Int16Array): number {
  let high = 0;
  let low = 0;
  const samples = frame.length;
  for (let i = 0; i < samples; i++) {
    const value = frame[i]!;
    high = Math.max(high, value);
    low = Math.min(low, value);
  }
  return Math.max(high, -low);
}

/** The linear factor for a gain in decibels. */
export function gainOfDb(db: number): number {
  return 10 ** (db / 20);
}
