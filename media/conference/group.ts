import { Limiter } from '../audio/limiter.ts';
import { addFrame } from '../audio/pcm.ts';
import type { Airing } from '../play/airing.ts';
import type { Base, Member } from './member.ts';
import { Output } from './output.ts';

/** Members who hear the same: the same live voices under the same plays. They share one mix and one encode. */
export class Group {
  readonly key: string;
  readonly base: Base;
  readonly airings: readonly Airing[];
  readonly members: Member[] = [];
  /** What everyone in it hears who does not talk herself. */
  readonly output: Output;
  readonly limiter = new Limiter();
  /** The gain of live speech: below 1 while a play ducks it. */
  speechGain = 1;
  readonly #mix: Int32Array;

  constructor(key: string, base: Base, airings: readonly Airing[], samplesPerFrame: number) {
    this.key = key;
    this.base = base;
    this.airings = airings;
    this.output = new Output(samplesPerFrame);
    this.#mix = new Int32Array(samplesPerFrame);
  }

  /**
   * This tick's sum of live speech and plays, or undefined for silence. Without a play it is the live sum itself, so it
   * must only be read. `live` is undefined when nobody this group hears is talking.
   */
  mix(live: Int32Array | undefined): Int32Array | undefined {
    let sounding = false;
    for (const airing of this.airings) if (airing.voice.audible) sounding = true;
    const gain = this.#stepSpeechGain();
    if (!sounding && gain === 1) return live;
    const mix = this.#mix;
    if (live === undefined) mix.fill(0);
    else if (gain === 1) mix.set(live);
    else for (let i = 0; i < mix.length; i++) mix[i] = Math.round(live[i]! * gain);
    for (const airing of this.airings) if (airing.voice.audible) addFrame(mix, airing.voice.frame);
    return mix;
  }

  /** Moves the gain of live speech one frame towards what the plays ask for. */
  #stepSpeechGain(): number {
    let target = 1;
    let step = 1;
    for (const { run, voice } of this.airings) {
      step = Math.min(step, this.#mix.length / Math.max(1, run.duckReleaseSamples));
      if (voice.audible && run.duckGain < target) {
        target = run.duckGain;
        step = this.#mix.length / Math.max(1, run.duckAttackSamples);
      }
    }
    const gain = this.speechGain;
    if (gain === target) return gain;
    this.speechGain = gain < target ? Math.min(target, gain + step) : Math.max(target, gain - step);
    return this.speechGain;
  }
}
