import { FRAME_MS } from './frame.ts';
import { MAX_SAMPLE, saturated } from './pcm.ts';

/*
 * Brings a sum that is too loud back into 16 bits by turning it down, smoothly. A frame is cut into blocks; each block's
 * peak says how far the gain must be down by then, and between blocks the gain moves in a straight line. Within the frame
 * the limiter sees a peak coming and goes down before it; only a peak in the first block of a frame can come as a surprise,
 * and is saturated while the gain follows, for a millisecond. That way no delay is added.
 */

const BLOCKS = 16;
const BLOCK_MS = FRAME_MS / BLOCKS;
/** Most that the gain falls from one block to the next when it has the choice: down to half takes 5 ms. */
const ATTACK_STEP = 0.125;
/** The gain does not rise before this long after a peak that needed it: a wave of 25 Hz is then not followed. */
const HOLD_BLOCKS = FRAME_MS / BLOCK_MS;
/** A peak this close to needing the present gain counts as needing it: sampled peaks of a steady tone differ a little. */
const HOLD_MARGIN = 1.02;
/** Time constant of the rise, so nine tenths of it take 150 ms. */
const RELEASE_MS = 65;
const RELEASE_STEP = 1 - Math.exp(-BLOCK_MS / RELEASE_MS);
/** When the gain is this close to 1 it becomes 1, and frames pass bit for bit again. */
const RELEASED = 0.9995;

/** Scratch for one frame, shared by all limiters of a thread: nothing in it outlives `process`. */
const needed = new Float64Array(BLOCKS + 1);
const knots = new Float64Array(BLOCKS + 1);

/** The limiter of one distinct output. Frames must be a multiple of 16 samples, at any rate. */
export class Limiter {
  private gain = 1;
  private hold = 0;

  /** True while it turns down: then even a quiet frame must go through `process`. */
  get active(): boolean {
    return this.gain < 1;
  }

  /** Writes the sum to `out`: bit for bit while it fits 16 bits and no reduction is in force, turned down otherwise. */
  process(sum: Int32Array, out: Int16Array): void {
    const samples = out.length;
    let bits = 0;
    for (let i = 0; i < samples; i++) {
      const value = sum[i]!;
      bits |= value ^ (value >> 31);
      out[i] = value;
    }
    if (bits <= MAX_SAMPLE && this.gain === 1) return;

    const length = samples / BLOCKS;
    this.measure(sum, length);
    this.plan();
    for (let block = 0; block < BLOCKS; block++) {
      const step = (knots[block + 1]! - knots[block]!) / length;
      let gain = knots[block]!;
      for (let i = block * length, end = i + length; i < end; i++) {
        gain += step;
        out[i] = saturated(sum[i]! * gain);
      }
    }
  }

  /** Takes over another limiter's state, for a member who moves between a shared and an own output. */
  copyFrom(other: Limiter): void {
    this.gain = other.gain;
    this.hold = other.hold;
  }

  /** Forgets all reduction. */
  reset(): void {
    this.gain = 1;
    this.hold = 0;
  }

  /** The gain that each block needs. -32768 fits, so negative magnitudes are counted one less. */
  private measure(sum: Int32Array, length: number): void {
    for (let block = 0; block < BLOCKS; block++) {
      let peak = MAX_SAMPLE;
      for (let i = block * length, end = i + length; i < end; i++) {
        const value = sum[i]!;
        peak = Math.max(peak, value ^ (value >> 31));
      }
      needed[block] = MAX_SAMPLE / peak;
    }
    needed[BLOCKS] = needed[BLOCKS - 1]!;
  }

  /** Lays the gain's knots: one at each end of each block, low enough for the blocks on both sides. */
  private plan(): void {
    let gain = this.gain;
    let hold = this.hold;
    knots[0] = gain;
    for (let i = 1; i <= BLOCKS; i++) {
      const limit = Math.min(needed[i - 1]!, needed[i]!);
      if (limit < gain * HOLD_MARGIN && limit < 1) hold = HOLD_BLOCKS;
      else if (hold > 0) hold--;
      else gain += (1 - gain) * RELEASE_STEP;
      if (gain > RELEASED) gain = 1;
      if (gain > limit) gain = limit;
      knots[i] = gain;
    }
    for (let i = BLOCKS - 1; i > 0; i--) knots[i] = Math.min(knots[i]!, knots[i + 1]! + ATTACK_STEP);
    this.gain = gain;
    this.hold = hold;
  }
}
