import { applyGain, applyRamp } from '../audio/pcm.ts';
import { type Sound, SoundCursor } from './sound.ts';

export interface VoiceScore {
  /** Played in order, without a gap between them. */
  readonly sounds: readonly Sound[];
  /** Times the whole list is played; 0 = until stopped. */
  readonly loop: number;
  /** Linear. */
  readonly gain: number;
  readonly startSample: number;
  /** Samples after which it ends by itself; Infinity = at the end of the sounds. */
  readonly lengthSamples: number;
  readonly fadeInSamples: number;
  readonly fadeOutSamples: number;
}

/** Where a play was in another mixer, to go on from there. */
export interface VoicePlace {
  /** Which of the sounds, from 0, in which round through them, from 1. */
  readonly item: number;
  readonly round: number;
  readonly sample: number;
  /** Sounded before, over all rounds. */
  readonly played: number;
}

/**
 * One play as it sounds to the members who started it on the same tick: a place in the play's list of sounds, a gain and
 * its fades. The frame is made once a tick however many listen. Worker thread; `step` allocates nothing.
 */
export class Voice {
  /** This tick's sound, already scaled; only its first `frameSamples` matter, the rest is silence. */
  readonly frame: Int16Array;
  /** True when `frame` has something to add in this tick. */
  audible = false;
  /** Samples sounded so far, over all loops. */
  played = 0;
  underruns = 0;
  readonly #score: VoiceScore;
  readonly #cursor: SoundCursor;
  #index = 0;
  #round = 1;
  #gain: number;
  /** Where the gain is heading, and how many samples are left to get there. */
  #targetGain: number;
  #rampLeft: number;
  /** Set when a stop was asked for: the voice ends once its gain reached zero. */
  #stopping = false;
  /** Asked to be silent; it is once the frame that fades out is over. */
  #paused = false;
  /** Sound that is cut off gets one frame of fade, and one when it comes back: neither is heard as a click. */
  #fadesOut = false;
  #fadesIn = false;
  /** Where to go on after the fade; -1 = where it is. */
  #seekTo = -1;
  #starving = false;
  #ended = false;

  /** With a `place` it rises from nothing within a frame, there, at its full gain. */
  constructor(score: VoiceScore, samplesPerFrame: number, place?: VoicePlace) {
    this.#score = score;
    this.frame = new Int16Array(samplesPerFrame);
    if (place) {
      this.#index = place.item;
      this.#round = place.round;
      this.#cursor = new SoundCursor(this.current);
      this.#cursor.seek(this.current, place.sample);
      this.played = place.played;
      this.#fadesIn = true;
      this.#gain = score.gain;
      this.#targetGain = score.gain;
      this.#rampLeft = 0;
      return;
    }
    this.#cursor = new SoundCursor(score.sounds[0]!);
    if (score.startSample > 0) this.#cursor.seek(score.sounds[0]!, score.startSample);
    this.#gain = score.fadeInSamples > 0 ? 0 : score.gain;
    this.#targetGain = score.gain;
    this.#rampLeft = score.fadeInSamples;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get current(): Sound {
    return this.#score.sounds[this.#index]!;
  }

  /** Which of the play's sounds it is in, from 0. */
  get item(): number {
    return this.#index;
  }

  /** The round through them, from 1. */
  get round(): number {
    return this.#round;
  }

  /** Place in the current sound, in samples. */
  get position(): number {
    return this.#cursor.position;
  }

  /** A twin at the same place, for listeners who part from the others. */
  fork(): Voice {
    const twin = new Voice(this.#score, this.frame.length);
    twin.#index = this.#index;
    twin.#round = this.#round;
    twin.#cursor.seek(this.#score.sounds[this.#index]!, this.#cursor.position);
    twin.#gain = this.#gain;
    twin.#targetGain = this.#targetGain;
    twin.#rampLeft = this.#rampLeft;
    twin.audible = this.audible;
    twin.#paused = this.#paused;
    twin.#fadesOut = this.#fadesOut;
    twin.#fadesIn = this.#fadesIn;
    twin.#seekTo = this.#seekTo;
    twin.played = this.played;
    return twin;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Falls silent in place, or goes on from there. */
  pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#fadesOut = this.audible;
    else if (this.#fadesOut) this.#fadesOut = false;
    else this.#fadesIn = this.played > 0;
  }

  /** Moves within the current sound, in samples. */
  seek(sample: number): void {
    if (this.audible) {
      this.#fadesOut = true;
      this.#seekTo = sample;
    } else {
      this.#cursor.seek(this.current, sample);
    }
  }

  /** Goes to a linear gain in a straight line over `samples`. */
  setGain(gain: number, samples: number): void {
    if (this.#stopping) return;
    this.#targetGain = gain;
    this.#rampLeft = samples;
    if (samples <= 0) this.#gain = gain;
  }

  /** Fades out over `samples` and ends; a paused voice ends at once. */
  stop(samples: number): void {
    this.setGain(0, samples);
    this.#stopping = true;
    if ((this.#paused && !this.#fadesOut) || samples <= 0) this.#end();
  }

  /** Makes the frame of one tick. One that has just `ended` may still hold a last piece of sound. */
  step(): void {
    this.audible = false;
    if (this.#ended || (this.#paused && !this.#fadesOut)) return;
    const filled = this.#fill();
    if (filled > 0) {
      this.frame.fill(0, filled);
      this.#shape(filled);
      this.audible = true;
      this.played += filled;
    }
    if (this.#fadesIn || this.#fadesOut) this.#fade();
    if (this.#ended) return;
    const starves = filled < this.frame.length;
    if (starves && !this.#starving) this.underruns += 1;
    this.#starving = starves;
  }

  /** The frame before a cut falls to nothing, the one after it rises from nothing. */
  #fade(): void {
    applyRamp(this.frame, this.#fadesIn ? 0 : 1, this.#fadesOut ? 0 : 1);
    this.#fadesIn = false;
    if (!this.#fadesOut) return;
    this.#fadesOut = false;
    if (this.#seekTo >= 0 && !this.#ended) {
      this.#cursor.seek(this.current, this.#seekTo);
      this.#fadesIn = true;
    }
    this.#seekTo = -1;
    if (this.#paused) this.#fadesIn = false;
  }

  #fill(): number {
    const wanted = Math.min(this.frame.length, this.#score.lengthSamples - this.played);
    let filled = 0;
    while (filled < wanted) {
      filled += this.#cursor.read(this.frame, filled, wanted - filled);
      if (filled === wanted) break;
      if (!this.#cursor.atEnd || !this.#nextSound()) break;
    }
    const spent = this.#score.lengthSamples <= this.played + filled;
    // Looking one sound ahead ends a play with its last sample instead of one silent tick later.
    if (spent || (this.#cursor.atEnd && !this.#hasNext())) this.#end();
    this.#fadeNearEnd(filled);
    return filled;
  }

  #hasNext(): boolean {
    const { sounds, loop } = this.#score;
    if (this.#index + 1 < sounds.length) return !sounds[this.#index + 1]!.failed;
    if (loop !== 0 && this.#round >= loop) return false;
    // A list without a single sample would go round for ever within one tick.
    return !sounds[0]!.failed && sounds.some((sound) => !sound.complete || sound.sampleCount > 0);
  }

  #nextSound(): boolean {
    if (!this.#hasNext()) return false;
    this.#index += 1;
    if (this.#index === this.#score.sounds.length) {
      this.#index = 0;
      this.#round += 1;
    }
    this.#cursor.seek(this.#score.sounds[this.#index]!, 0);
    return true;
  }

  /** Starts the fade-out as soon as the end is known to be that near. */
  #fadeNearEnd(filled: number): void {
    if (this.#score.fadeOutSamples === 0 || this.#stopping) return;
    const left = this.#samplesLeft() + filled;
    if (left <= this.#score.fadeOutSamples) {
      this.setGain(0, left);
      this.#stopping = true;
    }
  }

  #samplesLeft(): number {
    const byLength = this.#score.lengthSamples - this.played;
    if (this.#hasNext()) return byLength;
    const sound = this.#score.sounds[this.#index]!;
    return Math.min(byLength, sound.complete ? sound.sampleCount - this.#cursor.position : Number.POSITIVE_INFINITY);
  }

  #shape(filled: number): void {
    if (this.#rampLeft > 0) {
      const from = this.#gain;
      const part = Math.min(1, this.frame.length / this.#rampLeft);
      this.#gain = from + (this.#targetGain - from) * part;
      this.#rampLeft = Math.max(0, this.#rampLeft - this.frame.length);
      applyRamp(this.frame, from, this.#gain);
      if (this.#rampLeft === 0 && this.#stopping && this.#targetGain === 0) this.#end();
    } else if (this.#gain !== 1 && filled > 0) {
      applyGain(this.frame, this.#gain);
    }
  }

  #end(): void {
    this.#ended = true;
  }
}
