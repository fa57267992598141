import { Limiter } from '../audio/limiter.ts';
import { addFrame } from '../audio/pcm.ts';
import type { LegId } from '../engine.ts';
import type { Airing } from '../play/airing.ts';
import { FrameRing } from '../recording/frame-ring.ts';
import type { Group } from './group.ts';
import type { Member } from './member.ts';

/** One recording as the mixer sees it: whose sound, and where it goes. */
export class Tap {
  readonly id: string;
  /** Only what this leg says; undefined: everything. */
  readonly leg: LegId | undefined;
  paused = false;
  /** Frames that came before the next one and are not in the ring. */
  missing = 0;
  readonly #ring: FrameRing;
  /** The tick of the last frame; -1: the next frame follows on it, whenever it comes. */
  #last = -1;

  constructor(id: string, leg: LegId | undefined, ring: FrameRing) {
    this.id = id;
    this.leg = leg;
    this.#ring = ring;
  }

  /** What comes after a pause joins what was before it. */
  pause(paused: boolean): void {
    this.paused = paused;
    this.#last = -1;
  }

  put(frame: Int16Array, tick: number): void {
    if (this.#last >= 0) this.missing += tick - this.#last - 1;
    this.#last = tick;
    if (this.#ring.write(frame, this.missing)) this.missing = 0;
    else this.missing += 1;
  }
}

/**
 * The recordings of one conference. What they hear of everything is each live voice, whoever may hear it, and each play that
 * sounds to somebody who is not on hold: once, however many hear it. Allocates nothing in a tick.
 */
export class Taps {
  readonly #samplesPerFrame: number;
  readonly #member: (leg: LegId) => Member | undefined;
  readonly #taps: Tap[] = [];
  readonly #sum: Int32Array;
  readonly #pcm: Int16Array;
  readonly #silence: Int16Array;
  readonly #limiter = new Limiter();
  /** The airings of this tick; only the first `#airingCount` count. */
  readonly #airings: Airing[] = [];
  #airingCount = 0;

  constructor(samplesPerFrame: number, member: (leg: LegId) => Member | undefined) {
    this.#samplesPerFrame = samplesPerFrame;
    this.#member = member;
    this.#sum = new Int32Array(samplesPerFrame);
    this.#pcm = new Int16Array(samplesPerFrame);
    this.#silence = new Int16Array(samplesPerFrame);
  }

  get empty(): boolean {
    return this.#taps.length === 0;
  }

  add(id: string, leg: LegId | undefined, memory: SharedArrayBuffer, paused: boolean): void {
    const tap = new Tap(id, leg, new FrameRing(memory, this.#samplesPerFrame));
    tap.paused = paused;
    this.#taps.push(tap);
  }

  find(id: string): Tap | undefined {
    return this.#taps.find((tap) => tap.id === id);
  }

  remove(tap: Tap): void {
    this.#taps.splice(this.#taps.indexOf(tap), 1);
  }

  /** Called when everybody has spoken and nobody has heard it yet. `live`: all voices of this tick, none when undefined. */
  take(live: Int32Array | undefined, groups: readonly Group[], tick: number): void {
    let everything: Int16Array | undefined;
    for (let i = 0; i < this.#taps.length; i++) {
      const tap = this.#taps[i]!;
      if (tap.paused) continue;
      if (tap.leg === undefined) {
        everything ??= this.#mix(live, groups);
        tap.put(everything, tick);
      } else {
        const member = this.#member(tap.leg);
        tap.put(member?.talking ? member.frame : this.#silence, tick);
      }
    }
  }

  #mix(live: Int32Array | undefined, groups: readonly Group[]): Int16Array {
    this.#airingCount = 0;
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i]!;
      if (group.airings.length > 0 && !allHeld(group.members))
        for (let j = 0; j < group.airings.length; j++) this.#choose(group.airings[j]!);
    }
    if (live === undefined && this.#airingCount === 0) {
      this.#limiter.reset();
      return this.#silence;
    }
    const sum = this.#sum;
    if (live === undefined) sum.fill(0);
    else sum.set(live);
    for (let i = 0; i < this.#airingCount; i++) addFrame(sum, this.#airings[i]!.voice.frame);
    this.#limiter.process(sum, this.#pcm);
    return this.#pcm;
  }

  /** Of a play that sounds from several places, as it does when some hear it later, the oldest is recorded. */
  #choose(airing: Airing): void {
    if (!airing.voice.audible) return;
    for (let i = 0; i < this.#airingCount; i++) {
      const chosen = this.#airings[i]!;
      if (chosen.run !== airing.run) continue;
      if (airing.id < chosen.id) this.#airings[i] = airing;
      return;
    }
    this.#airings[this.#airingCount] = airing;
    this.#airingCount += 1;
  }
}

function allHeld(members: readonly Member[]): boolean {
  for (let i = 0; i < members.length; i++) if (!members[i]!.held) return false;
  return true;
}
