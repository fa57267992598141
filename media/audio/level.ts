/*
 * How loud a frame is, and who is talking. Levels are in dBov as in RFC 6464: the root mean square against full scale, so a
 * full-scale sine is -3 and silence is -127. Nothing here knows a clock: the detector counts frames.
 */

/** The level of digital silence, the lowest there is. */
export const SILENT_LEVEL = -127;

const FULL_SCALE_SQUARED = 32_768 ** 2;

/**
 * A frame's level in dBov, -127 to 0. With a `stride` only every so-manieth sample is looked at: enough to tell talk from
 * quiet, at a fraction of the cost.
 */
export function levelOf(frame: Int16Array, stride = 1): number {
  const samples = frame.length;
  let energy = 0;
  for (let i = 0; i < samples; i += stride) {
    const sample = frame[i]!;
    energy += sample * sample;
  }
  if (energy === 0) return SILENT_LEVEL;
  return Math.max(SILENT_LEVEL, 10 * Math.log10((energy * stride) / samples / FULL_SCALE_SQUARED));
}

/** What counts as talking. Levels in dBov, times in frames of 20 ms. */
export interface TalkThresholds {
  /** In a quiet place this level is talk. Active speech is usually near -26. */
  readonly quietStart: number;
  /** Whatever the noise around, this level is talk. */
  readonly loudStart: number;
  /** How far above the noise around talk must be. */
  readonly aboveNoise: number;
  /** How far below the level that starts talk a talker must fall to be quiet: pauses between words do. */
  readonly hysteresis: number;
  /** Frames in a row that start talk: a click is shorter. */
  readonly startFrames: number;
  /** Frames in a row that end it: the gap between two sentences is shorter. */
  readonly stopFrames: number;
}

const DEFAULT_THRESHOLDS: TalkThresholds = {
  quietStart: -45,
  loudStart: -35,
  aboveNoise: 10,
  hysteresis: 5,
  startFrames: 2,
  stopFrames: 25,
};

/** The estimate of the noise around follows falling levels at once and rising ones by this much a frame: 1 dB a second. */
const NOISE_RISE = 0.02;
/** How fast `strength` falls after a loud frame, in dB a frame. */
const STRENGTH_FALL = 0.5;

/** Follows one member's frames: talking or not, and how strongly. */
export class TalkDetector {
  /** True from the start of talk until it has been over for a while. */
  talking = false;
  /** Level of the last frame, in dBov. */
  level = SILENT_LEVEL;
  /** Level of the loudest recent frame, falling slowly, in dBov: what to rank talkers by. */
  strength = SILENT_LEVEL;

  /** Silence has lasted so long that more of it changes nothing. */
  private resting = false;
  private readonly thresholds: TalkThresholds;
  private noise: number;
  private run = 0;

  constructor(thresholds: TalkThresholds = DEFAULT_THRESHOLDS) {
    this.thresholds = thresholds;
    this.noise = thresholds.quietStart - thresholds.aboveNoise;
  }

  /** Takes in the level of the next frame; returns true when `talking` has just changed. */
  update(level: number): boolean {
    if (this.resting && level === SILENT_LEVEL) return false;
    const { quietStart, loudStart, aboveNoise, hysteresis, startFrames, stopFrames } = this.thresholds;
    this.level = level;
    this.strength = Math.max(level, this.strength - STRENGTH_FALL);
    this.noise = Math.min(level, this.noise + NOISE_RISE);
    this.resting = !this.talking && this.strength === SILENT_LEVEL;
    const start = Math.max(quietStart, Math.min(loudStart, this.noise + aboveNoise));

    const against = this.talking ? level < start - hysteresis : level >= start;
    this.run = against ? this.run + 1 : 0;
    if (this.run < (this.talking ? stopFrames : startFrames)) return false;
    this.talking = !this.talking;
    this.run = 0;
    return true;
  }
}
