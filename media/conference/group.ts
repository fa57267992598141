import { Limiter } from '../audio/limiter.ts';
import { addFrame, addRamped, addScaled } from '../audio/pcm.ts';
import type { Airing } from '../play/airing.ts';
import type { Base, Member } from './member.ts';

/** How soft a covered layer is, and how long it takes to get there and back. */
const DIPPED_GAIN = 0.25;
export const DIP_FRAMES = 5;

/** Members who hear the same: the same live voices under the same plays. They share one mix and one encode. */
export class Group {
  readonly key: string;
  readonly base: Base;
  readonly airings: readonly Airing[];
  readonly members: Member[] = [];
  readonly limiter = new Limiter();
  /** The gain of live speech: below 1 while a play ducks it. */
  speechGain = 1;
  /** The gain of each airing, in their order: below 1 while a higher layer covers it. */
  readonly #layerGains: Float64Array;

  constructor(key: string, base: Base, airings: readonly Airing[]) {
    this.key = key;
    this.base = base;
    this.airings = airings;
    this.#layerGains = new Float64Array(airings.length).fill(1);
  }

  /** Goes on where the group stood that a member comes from. */
  inherit(former: Group): void {
    this.speechGain = former.speechGain;
    this.limiter.copyFrom(former.limiter);
    for (let i = 0; i < this.airings.length; i++) {
      const before = former.airings.indexOf(this.airings[i]!);
      if (before >= 0) this.#layerGains[i] = former.#layerGains[before]!;
    }
  }

  /**
   * This tick's sum of live speech and plays, or undefined for silence. Without a play it is the live sum itself, so it
   * must only be read. `live` is undefined when nobody this group hears is talking; anything else is summed into `mix`.
   */
  mix(live: Int32Array | undefined, mix: Int32Array): Int32Array | undefined {
    let sounding = false;
    for (const airing of this.airings) if (airing.voice.audible) sounding = true;
    const gain = this.#stepSpeechGain(mix.length);
    if (!sounding && gain === 1) return live;
    if (live === undefined) mix.fill(0);
    else if (gain === 1) mix.set(live);
    else for (let i = 0; i < mix.length; i++) mix[i] = Math.round(live[i]! * gain);
    for (let i = 0; i < this.airings.length; i++) this.#addAiring(mix, i);
    return mix;
  }

  #addAiring(mix: Int32Array, index: number): void {
    const { voice } = this.airings[index]!;
    const from = this.#layerGains[index]!;
    const to = this.#stepLayerGain(index);
    if (!voice.audible) return;
    if (from !== to) addRamped(mix, voice.frame, from, to);
    else if (to !== 1) addScaled(mix, voice.frame, to);
    else addFrame(mix, voice.frame);
  }

  /** Moves the gain of one airing a frame towards where a higher layer wants it. */
  #stepLayerGain(index: number): number {
    const { rank, pausesWhenCovered } = this.airings[index]!.run;
    let target = 1;
    if (!pausesWhenCovered)
      for (const { run, voice } of this.airings) if (voice.audible && run.rank > rank) target = DIPPED_GAIN;
    const gain = this.#layerGains[index]!;
    const step = (1 - DIPPED_GAIN) / DIP_FRAMES;
    const next = gain < target ? Math.min(target, gain + step) : Math.max(target, gain - step);
    this.#layerGains[index] = next;
    return next;
  }

  /** Moves the gain of live speech one frame towards what the plays ask for. */
  #stepSpeechGain(samples: number): number {
    let target = 1;
    let step = 1;
    for (const { run, voice } of this.airings) {
      step = Math.min(step, samples / Math.max(1, run.duckReleaseSamples));
      if (voice.audible && run.duckGain < target) {
        target = run.duckGain;
        step = samples / Math.max(1, run.duckAttackSamples);
      }
    }
    const gain = this.speechGain;
    if (gain === target) return gain;
    this.speechGain = gain < target ? Math.min(target, gain + step) : Math.max(target, gain - step);
    return this.speechGain;
  }
}
