import type { PlayId, PlayLayer } from '../engine.ts';
import type { Sound } from './sound.ts';
import type { VoicePlace, VoiceScore } from './voice.ts';

/** Sound that must be there before a play begins, so that a source that comes in bursts does not stutter at once. */
const START_FRAMES = 3;

const LAYERS: readonly PlayLayer[] = ['bed', 'announcement', 'whisper'];

/** A play as a mixer thread carries it out. */
export class PlayRun {
  readonly id: PlayId;
  readonly score: VoiceScore;
  readonly layer: PlayLayer;
  /** Position of the layer: the higher covers the lower. */
  readonly rank: number;
  readonly pausesWhenCovered: boolean;
  readonly mix: boolean;
  readonly priority: number;
  readonly replace: boolean;
  readonly laterJoiners: boolean;
  readonly stopFadeSamples: number;
  /** Linear gain of live speech while this play sounds; 1 leaves it alone. */
  readonly duckGain: number;
  readonly duckAttackSamples: number;
  readonly duckReleaseSamples: number;

  constructor(options: {
    id: PlayId;
    score: VoiceScore;
    layer: PlayLayer;
    pausesWhenCovered: boolean;
    mix: boolean;
    priority: number;
    replace: boolean;
    laterJoiners: boolean;
    stopFadeSamples: number;
    duckGain: number;
    duckAttackSamples: number;
    duckReleaseSamples: number;
  }) {
    this.id = options.id;
    this.score = options.score;
    this.layer = options.layer;
    this.rank = LAYERS.indexOf(options.layer);
    this.pausesWhenCovered = options.pausesWhenCovered;
    this.mix = options.mix;
    this.priority = options.priority;
    this.replace = options.replace;
    this.laterJoiners = options.laterJoiners;
    this.stopFadeSamples = options.stopFadeSamples;
    this.duckGain = options.duckGain;
    this.duckAttackSamples = options.duckAttackSamples;
    this.duckReleaseSamples = options.duckReleaseSamples;
  }

  uses(sound: Sound): boolean {
    return this.score.sounds.includes(sound);
  }

  /** True once the first frames are there, of the beginning or from `place` on. */
  ready(samplesPerFrame: number, place: VoicePlace | undefined): boolean {
    const first = this.score.sounds[place?.item ?? 0]!;
    const from = place?.sample ?? this.score.startSample;
    return first.complete || first.sampleCount - from >= START_FRAMES * samplesPerFrame;
  }
}
