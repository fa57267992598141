import { ComfortNoise } from '../audio/comfort-noise.ts';
import { Concealment, concealmentPast } from '../audio/conceal.ts';
import { samplesPerFrame } from '../audio/frame.ts';
import { isSilent } from '../audio/pcm.ts';
import { lengthen, OVERLAP_MS, STRETCH_AHEAD_MS, shorten } from '../audio/stretch.ts';
import type { FrameDecoder } from '../codec/codec.ts';
import { Timeline } from './timeline.ts';

/** What a pulled frame is made of. Of several parts, concealment names it, else received sound, else noise. */
export const FrameKind = { audio: 0, concealed: 1, comfort: 2, silence: 3 } as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

const HAS_AUDIO = 1;
const HAS_CONCEALED = 2;
const HAS_COMFORT = 4;

/** A decoder's own concealment is asked for in whole steps of this, in ms. */
const CONCEAL_STEP_MS = 10;
/** It counts as concealment this long, in ms; after that it fades, or is the codec's comfort noise. */
const CONCEALED_MS = 60;
/** After this, in ms, our own fade to silence takes over, so that a dead stream costs nothing. */
const SELF_CONCEAL_MS = 1000;

/** Ms of sound that must wait before `PlayoutSound.shorten` and `lengthen`. */
export const SHORTEN_AHEAD_MS = STRETCH_AHEAD_MS;
export const LENGTHEN_AHEAD_MS = OVERLAP_MS;

/** Decoded samples of one packet: 200 ms at 48 kHz. One for all legs of a thread. */
const scratch = new Int16Array(9600);

/**
 * The sound of one receiving leg, end to end: decodes payloads, fills gaps, joins what does not belong together, stretches,
 * and plays frames. It knows nothing of packets' numbers or of time.
 */
export class PlayoutSound {
  /** Samples of a frame. */
  readonly frameSamples: number;
  private readonly decoder: FrameDecoder;
  private readonly sampleRate: number;
  private readonly timeline: Timeline;
  private readonly concealment: Concealment;
  private readonly seed: number;
  private noise: ComfortNoise | undefined;
  /** Comfort noise stands for silence until sound is received again. */
  private noisy = false;
  private hissing = false;
  private broken = false;
  /** Samples of the decoder's own concealment in a row. */
  private selfConcealed = 0;
  /** Whether any sound was received yet. */
  private sounded = false;
  private parts = 0;
  /** Samples of received silence at the very end. */
  private silentSamples = 0;

  constructor(decoder: FrameDecoder, seed: number) {
    this.decoder = decoder;
    this.seed = seed;
    this.sampleRate = decoder.sampleRate;
    this.frameSamples = samplesPerFrame(decoder.sampleRate);
    this.concealment = new Concealment(decoder.sampleRate);
    this.timeline = new Timeline(concealmentPast(decoder.sampleRate), 3 * this.frameSamples);
  }

  /** Samples decoded and not yet played. */
  get waiting(): number {
    return this.timeline.waiting;
  }

  /** Whether nothing but silence would follow now, if nothing is received. */
  get silent(): boolean {
    if (this.timeline.waiting > 0 || this.noisy) return false;
    return !this.sounded || (this.concealment.active && this.concealment.faded);
  }

  /** Whether filling a gap has come to silence or noise, which may last longer or shorter without harm. */
  get quiet(): boolean {
    return this.noisy || this.concealment.faded || this.selfConcealed > (CONCEALED_MS * this.sampleRate) / 1000;
  }

  /** Whether the last sound heard was received, and no join is due: the next may be played as it is. */
  get intact(): boolean {
    return this.timeline.waiting === 0 && !this.concealment.active && !this.broken && !this.noisy;
  }

  /** Leaves out what waits, if it is received silence: what comes next is then a frame again. Returns whether it did. */
  skipSilence(): boolean {
    const { timeline } = this;
    if (this.silentSamples < timeline.waiting || this.concealment.active || this.broken || this.noisy) return false;
    this.silentSamples -= timeline.waiting;
    timeline.end = timeline.head;
    this.parts = 0;
    return true;
  }

  /** Whether a payload's length tells the duration of its sound; true of the codecs that we conceal ourselves. */
  get proportional(): boolean {
    return this.decoder.conceal === undefined;
  }

  /** Decodes one payload and appends it. Returns its samples, 0 when it cannot be decoded. */
  receive(payload: Uint8Array, offset: number, length: number): number {
    const made = Math.min(this.decoder.decode(payload, offset, length, scratch), scratch.length);
    if (made > 0) this.appendReceived(scratch, made);
    return made;
  }

  /**
   * Decodes one payload straight into `frame`, which plays it. Only while `intact`. Returns the samples made: if they are
   * not a whole frame, they wait like any others and the frame is not filled.
   */
  receiveFrame(payload: Uint8Array, offset: number, length: number, frame: Int16Array): number {
    const made = this.decoder.decode(payload, offset, length, frame);
    this.sounded = true;
    if (made === frame.length) {
      this.silentSamples = isSilent(frame) ? this.silentSamples + made : 0;
      this.timeline.remember(frame);
    } else if (made > 0) this.appendReceived(frame, made);
    return made;
  }

  /** The byte that silent payloads are made of, -1 when there is none. */
  get silentByte(): number {
    return this.decoder.silentByte ?? -1;
  }

  /** Whether all that is remembered of the past is silence: one more frame of it changes nothing. Only while `intact`. */
  get pastSilent(): boolean {
    return this.silentSamples >= this.timeline.past;
  }

  /** Appends the packet before this payload, `count` samples, if the payload holds it. Returns the samples appended. */
  recover(payload: Uint8Array, offset: number, length: number, count: number): number {
    if (this.decoder.recover === undefined || count > scratch.length) return 0;
    const made = this.decoder.recover(payload, offset, length, scratch.subarray(0, count));
    if (made > 0) this.appendReceived(scratch, made);
    return made;
  }

  /** Whether lost packets may be rebuilt at all. */
  get recovers(): boolean {
    return this.decoder.recover !== undefined;
  }

  /** From the end on, silence is the noise that this payload describes. */
  describeNoise(payload: Uint8Array, offset: number, length: number, shaped: boolean): void {
    this.noise ??= new ComfortNoise(this.seed);
    this.noise.describe(payload, offset, length, shaped);
    this.noisy = true;
  }

  /** Appends `count` samples in place of sound that is missing. Returns the samples appended, 10 ms more at most. */
  fill(count: number): number {
    if (this.noise !== undefined && this.noisy) return this.hiss(this.noise, count);
    this.silentSamples = 0;
    const own = this.fillByDecoder(count);
    if (own > 0) return own;
    const { timeline, concealment } = this;
    timeline.reserve(count);
    concealment.fill(timeline.samples, timeline.end, count);
    timeline.end += count;
    if (!concealment.faded) this.parts |= HAS_CONCEALED;
    return count;
  }

  /** What is received next does not follow on what is there: join them. */
  breakOff(): void {
    this.broken = true;
  }

  /** Takes up to `most` samples out of what waits. Returns how many. */
  shorten(most: number, leastMatch: number): number {
    const { timeline } = this;
    const removed = shorten(timeline.samples, timeline.head, timeline.end, most, leastMatch, this.sampleRate);
    timeline.end -= removed;
    return removed;
  }

  /** Repeats up to `most` samples of what was just played. Returns how many. */
  lengthen(most: number, leastMatch: number): number {
    const { timeline } = this;
    timeline.reserve(most);
    const added = lengthen(timeline.samples, timeline.head, timeline.end, most, leastMatch, this.sampleRate);
    timeline.end += added;
    return added;
  }

  /** Plays a frame; its samples must be waiting. */
  play(frame: Int16Array): FrameKind {
    this.timeline.play(frame);
    const { parts } = this;
    // What is left over belongs to the sound appended last; of a concealed frame it was said already.
    if (this.timeline.waiting === 0) this.parts = 0;
    else this.parts = parts & HAS_AUDIO;
    if ((parts & HAS_CONCEALED) !== 0) return FrameKind.concealed;
    if ((parts & HAS_AUDIO) !== 0) return FrameKind.audio;
    return (parts & HAS_COMFORT) !== 0 ? FrameKind.comfort : FrameKind.silence;
  }

  private appendReceived(pcm: Int16Array, count: number): void {
    const { timeline } = this;
    timeline.append(pcm, count);
    this.silentSamples = timeline.endsSilent(count) ? this.silentSamples + count : 0;
    if (this.concealment.active || this.broken) {
      this.silentSamples = 0;
      this.concealment.join(timeline.samples, timeline.end - count, count);
      this.broken = false;
    }
    this.noisy = false;
    this.hissing = false;
    this.selfConcealed = 0;
    this.sounded = true;
    this.parts |= HAS_AUDIO;
  }

  private fillByDecoder(count: number): number {
    if (this.decoder.conceal === undefined || !this.sounded || this.concealment.active) return 0;
    if (this.selfConcealed >= (SELF_CONCEAL_MS * this.sampleRate) / 1000) return 0;
    const step = (CONCEAL_STEP_MS * this.sampleRate) / 1000;
    const wanted = Math.min(this.frameSamples, Math.ceil(count / step) * step);
    const made = Math.min(this.decoder.conceal(wanted, scratch), wanted);
    if (made <= 0) return 0;
    this.timeline.append(scratch, made);
    const concealed = this.selfConcealed < (CONCEALED_MS * this.sampleRate) / 1000;
    this.parts |= concealed ? HAS_CONCEALED : HAS_COMFORT;
    this.selfConcealed += made;
    return made;
  }

  private hiss(noise: ComfortNoise, count: number): number {
    const { timeline } = this;
    timeline.reserve(count);
    if (!this.hissing) noise.settle();
    noise.fill(timeline.samples, timeline.end, count);
    if (!this.hissing) this.concealment.join(timeline.samples, timeline.end, count);
    this.hissing = true;
    timeline.end += count;
    this.parts |= HAS_COMFORT;
    return count;
  }
}
