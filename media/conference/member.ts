import type { LegChanges, LegId } from '../engine.ts';
import type { MixerLeg } from '../leg/leg.ts';
import type { Airing } from '../play/airing.ts';
import { Lane } from '../play/lane.ts';
import type { Group } from './group.ts';

/** Which live voices a member hears under her plays. */
export type Base = 'none' | 'conference' | 'conference+whispers';

/** One party in a conference, as the mixer sees it. */
export class Member {
  readonly id: LegId;
  readonly leg: MixerLeg;
  /** What she says in this tick; meaningful only while `talking`. */
  readonly frame: Int16Array;
  talking = false;
  muted = false;
  held = false;
  whispering = false;
  hearsWhispers = false;
  /** Everything that is played to her now, oldest first. */
  readonly airings: Airing[] = [];
  group: Group | undefined;
  readonly #lanes: Lane[] = [];

  constructor(id: LegId, leg: MixerLeg, samplesPerFrame: number) {
    this.id = id;
    this.leg = leg;
    this.frame = new Int16Array(samplesPerFrame);
  }

  update(changes: LegChanges): void {
    if (changes.muted !== undefined) this.muted = changes.muted;
    if (changes.held !== undefined) this.held = changes.held;
    if (changes.voice !== undefined) this.whispering = changes.voice === 'whisper';
    if (changes.hearsWhispers !== undefined) this.hearsWhispers = changes.hearsWhispers;
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

  lane(layer: string): Lane {
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
