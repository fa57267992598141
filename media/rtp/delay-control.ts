import { FRAME_MS } from '../audio/frame.ts';
import type { DelayEstimator } from './delay-estimator.ts';

/** Bounds of the playout delay aimed at. */
export const LEAST_DELAY_MS = FRAME_MS;
export const LARGEST_DELAY_MS = 200;
/** Past this the delay is cut at once instead of being stretched away. */
export const CUT_DELAY_MS = LARGEST_DELAY_MS + 100;

/** Pulls over which delay and slack are measured; the least of them is free of the listener's own lateness. */
const BLOCK_PULLS = 8;
/** Blocks before the peak is known well enough to call a reserve unused: 5 s. */
const SETTLED_BLOCKS = 32;
/** Far too long: corrected quickly. */
const FAST_EXCESS_MS = 45;
/** A little too long for seconds: corrected gently. */
const SLOW_EXCESS_MS = 30;
/** Slack over the measured spread that calls for growth, and what growth then aims at. */
const GROWTH_TRIGGER_MS = 3;
const GROWTH_MARGIN_MS = 5;
/** A first packet waits this long at least: room for the usual unevenness of packets and ticks. */
const START_MARGIN_MS = 8;
/** Delays counted from bases that differ more are not compared. */
const BASE_TOLERANCE_MS = 1;
/** Corrections smaller than this wait for more. */
const LEAST_CORRECTION_MS = 2.5;

/**
 * Decides how much sound to take out or put in so that the delay follows what `DelayEstimator` measures. All delays are
 * counted from the moment a packet of least transit arrives.
 *
 * - **delay**: until its sound is heard;
 * - **slack**: until it is decoded, which is sooner when a part of a packet waits for the next frame. A packet later than the
 *   slack comes too late. Frames and packets step together, so slack moves by whole steps; a change of less than a step
 *   costs or gains nothing but delay.
 */
export class DelayControl {
  /** Ms of sound to take out (positive) or put in (negative). */
  correctionMs = 0;
  /** Playout delay of the frame pulled last; set it before `noteFrame`. A field, not an argument: see `DelayEstimator`. */
  currentMs = 0;
  /** Added to what the jitter calls for, in ms: time for the packet after a lost one to come. */
  repairMs = 0;
  /** Whether the delay is so long that packets should be dropped. */
  cut = false;
  private readonly estimator: DelayEstimator;
  private readonly spreadMarginMs: number;
  private pulls = 0;
  private blocks = 0;
  private delayMs = Infinity;
  private slackMs = Infinity;
  /** The base that they are counted from. */
  private baseMs = 0;
  /** Ms of decoded sound that the packet time itself leaves waiting: 10 for packets of 10 or 30 ms. */
  private stepMs = 0;

  /**
   * `arrivalGrainMs`: step of the arrival times. Times of ticks are exact to the purpose, as a packet is played at a tick: one
   * that seems just in time is in time, and a margin over the spread would call for a step too many.
   */
  constructor(estimator: DelayEstimator, arrivalGrainMs: number) {
    this.estimator = estimator;
    this.spreadMarginMs = arrivalGrainMs > 0 ? -arrivalGrainMs / 2 : GROWTH_TRIGGER_MS;
  }

  /** Playout delay aimed at, in ms. */
  get targetMs(): number {
    return Math.max(LEAST_DELAY_MS, this.floorMs);
  }

  /** Delay to come out at when it is changed anyway, in ms: what is needed, wherever in a frame a packet begins. */
  get goalMs(): number {
    return this.floorMs + GROWTH_TRIGGER_MS + FRAME_MS + this.stepMs;
  }

  /** Delay under which packets of usual lateness are missed, in ms. */
  get floorMs(): number {
    return Math.min(LARGEST_DELAY_MS, this.estimator.spreadMs + this.repairMs);
  }

  /** Delay past which it is shortened at once, in ms. */
  get ceilingMs(): number {
    return this.floorMs + FAST_EXCESS_MS + this.stepMs;
  }

  /** Ms a packet should wait before the first pull, beyond what it needs to be there in time for. */
  get startMs(): number {
    return START_MARGIN_MS + this.stepMs;
  }

  setPacketTime(ms: number): void {
    const rest = ms % FRAME_MS;
    this.stepMs = rest === 0 ? 0 : FRAME_MS - commonDivisor(rest, FRAME_MS);
  }

  /** A packet was decoded `slackMs` after a packet of least transit would have arrived. */
  noteSlack(slackMs: number): void {
    if (slackMs < this.slackMs) this.slackMs = slackMs;
  }

  /** A frame of received sound was pulled, its first sample `currentMs` after it could have arrived at best. */
  noteFrame(): void {
    const { baseMs } = this.estimator;
    const delayMs = this.currentMs;
    if (baseMs - this.baseMs > BASE_TOLERANCE_MS || this.baseMs - baseMs > BASE_TOLERANCE_MS) {
      this.baseMs = baseMs;
      this.startBlock();
      return;
    }
    if (delayMs < this.delayMs) this.delayMs = delayMs;
    if (++this.pulls >= BLOCK_PULLS) this.decide();
  }

  /** `ms` of sound were taken out (positive) or put in (negative). */
  noteCorrection(ms: number): void {
    const rest = this.correctionMs - ms;
    const done = this.correctionMs > 0 ? rest < LEAST_CORRECTION_MS : rest > -LEAST_CORRECTION_MS;
    this.correctionMs = done ? 0 : rest;
    this.startBlock();
  }

  /** The delay changed by other means, or is not known: measures afresh. */
  startBlock(): void {
    this.pulls = 0;
    this.delayMs = Infinity;
    this.slackMs = Infinity;
  }

  /** The stream begins anew. */
  reset(): void {
    this.correctionMs = 0;
    this.cut = false;
    this.blocks = 0;
    this.startBlock();
  }

  private decide(): void {
    const { delayMs, slackMs, floorMs, goalMs } = this;
    this.blocks++;
    this.cut = delayMs > CUT_DELAY_MS;
    this.correctionMs = 0;
    const reserveMs =
      Math.max(floorMs, Math.min(LARGEST_DELAY_MS, this.estimator.peakMs + this.repairMs)) + this.stepMs;
    if (delayMs > this.ceilingMs) {
      this.correctionMs = delayMs - goalMs;
    } else if (slackMs < Math.max(GROWTH_TRIGGER_MS, floorMs + this.spreadMarginMs)) {
      const untilStep = FRAME_MS - (delayMs - slackMs);
      this.correctionMs = -Math.min(FRAME_MS, Math.max(untilStep, floorMs + GROWTH_MARGIN_MS - slackMs));
    } else if (delayMs > reserveMs + SLOW_EXCESS_MS && this.blocks > SETTLED_BLOCKS) {
      this.correctionMs = delayMs - reserveMs - FRAME_MS - GROWTH_TRIGGER_MS;
    }
    this.startBlock();
  }
}

function commonDivisor(a: number, b: number): number {
  return b < 0.01 ? a : commonDivisor(b, a % b);
}
