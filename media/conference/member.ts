import { levelOf, SILENT_LEVEL, TalkDetector } from '../audio/level.ts';
import { Limiter } from '../audio/limiter.ts';
import { applyRamp } from '../audio/pcm.ts';
import type { LegChanges, LegId, PlayLayer } from '../engine.ts';
import type { MixerLeg } from '../leg/leg.ts';
import type { Airing } from '../play/airing.ts';
import { Lane } from '../play/lane.ts';
import type { Group } from './group.ts';

/** Samples from one that is looked at to the next, when a voice's level is measured. */
const LEVEL_STRIDE = 5;

/** Which live voices a member hears under her plays. */
export type Base = 'none' | 'conference' | 'conference+whispers';

/** One party in a conference, as the mixer sees it. */
export class Member {
  readonly id: LegId;
  leg: MixerLeg;
  /** What she says in this tick; meaningful only while `talking`, and until her conference has sent. */
  frame: Int16Array;
  /** Her voice is in this tick's mix. */
  talking = false;
  /** Whether she speaks at all, by her level over time. */
  readonly detector = new TalkDetector();
  /** Of what she hears while she talks. */
  readonly limiter = new Limiter();
  /** She had an output of her own in the last tick. */
  hadOwnOutput = false;
  muted = false;
  held = false;
  whispering = false;
  hearsWhispers = false;
  /** Everything that is played to her now, oldest first. */
  readonly airings: Airing[] = [];
  group: Group | undefined;
  readonly #lanes: Lane[] = [];
  /** Her voice went into the last mix: leaving or entering it takes one frame of fade. */
  #open = true;

  constructor(id: LegId, leg: MixerLeg, frame: Int16Array) {
    this.id = id;
    this.leg = leg;
    this.frame = frame;
  }

  update(changes: LegChanges): void {
    if (changes.muted !== undefined) this.muted = changes.muted;
    if (changes.held !== undefined) this.held = changes.held;
    if (changes.voice !== undefined) this.whispering = changes.voice === 'whisper';
    if (changes.hearsWhispers !== undefined) this.hearsWhispers = changes.hearsWhispers;
  }

  /**
   * Takes in what her leg gave in this tick: `sounding` when `frame` holds anything but silence. Returns whether she has
   * just begun or ceased to speak.
   */
  listen(sounding: boolean): boolean {
    this.talking = sounding && !this.unheard;
    return this.detector.update(sounding ? levelOf(this.frame, LEVEL_STRIDE) : SILENT_LEVEL);
  }

  /** Lets her voice into the mix or keeps it out, with a fade of one frame whenever that changes. */
  admit(wanted: boolean): void {
    if (wanted === this.#open) {
      this.talking &&= wanted;
      return;
    }
    this.#open = wanted;
    if (this.talking) applyRamp(this.frame, wanted ? 0 : 1, wanted ? 1 : 0);
  }

  /** A play without mixing shuts her off from the conference while it sounds. */
  get shutOff(): boolean {
    return this.airings.some((airing) => !airing.run.mix);
  }

  /** Nobody hears her. */
  get unheard(): boolean {
    return this.muted || this.held || this.shutOff;
  }

  get base(): Base {
    if (this.held || this.shutOff) return 'none';
    return this.hearsWhispers ? 'conference+whispers' : 'conference';
  }

  lane(layer: PlayLayer): Lane {
    let lane = this.#lanes.find((candidate) => candidate.layer === layer);
    if (!lane) {
      lane = new Lane(layer);
      this.#lanes.push(lane);
    }
    return lane;
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }
}
