import type { LegId } from '../engine.ts';
import type { PacketSocket } from '../io/packet-io.ts';
import type { MixerLeg } from '../leg/leg.ts';
import type { ListeningLeg } from '../leg/listening-leg.ts';
import type { Member } from './member.ts';
import { Output } from './output.ts';

/** A leg whose owner hears what it always heard, and others with her. */
class OverheardLeg implements MixerLeg {
  readonly inner: MixerLeg;
  readonly listeners: ListeningLeg[] = [];

  constructor(inner: MixerLeg) {
    this.inner = inner;
  }

  get socket(): PacketSocket | undefined {
    return this.inner.socket;
  }

  pull(frame: Int16Array, now: number): boolean {
    return this.inner.pull(frame, now);
  }

  push(output: Output, tick: number): void {
    this.inner.push(output, tick);
    for (let i = 0; i < this.listeners.length; i++) this.listeners[i]!.overhear(output);
  }

  close(): void {
    this.inner.close();
  }
}

/**
 * Those in a conference who listen along with a member. While theirs is not there, which happens between its moves and
 * after a mixer died, they hear silence. Allocates nothing in a tick.
 */
export class Listeners {
  readonly #member: (leg: LegId) => Member | undefined;
  readonly #listeners: ListeningLeg[] = [];
  readonly #said: Output;
  readonly #silence: Output;

  constructor(samplesPerFrame: number, member: (leg: LegId) => Member | undefined) {
    this.#member = member;
    this.#said = new Output(samplesPerFrame);
    this.#silence = new Output(samplesPerFrame);
  }

  get empty(): boolean {
    return this.#listeners.length === 0;
  }

  add(leg: ListeningLeg): void {
    this.#listeners.push(leg);
    const member = this.#member(leg.target);
    if (member && leg.track === 'heard') overheard(member).listeners.push(leg);
  }

  remove(leg: ListeningLeg): void {
    const at = this.#listeners.indexOf(leg);
    if (at < 0) return;
    this.#listeners.splice(at, 1);
    const member = this.#member(leg.target);
    if (!(member?.leg instanceof OverheardLeg)) return;
    const { listeners, inner } = member.leg;
    if (listeners.includes(leg)) listeners.splice(listeners.indexOf(leg), 1);
    if (listeners.length === 0) member.leg = inner;
  }

  /** Somebody has come whom some may be waiting for. */
  joined(member: Member): void {
    for (const leg of this.#listeners)
      if (leg.target === member.id && leg.track === 'heard') overheard(member).listeners.push(leg);
  }

  /** Gives what was said in this tick, and silence for those who are not there. */
  take(): void {
    for (let i = 0; i < this.#listeners.length; i++) {
      const leg = this.#listeners[i]!;
      const member = this.#member(leg.target);
      if (member === undefined) {
        this.#silence.begin(true);
        leg.overhear(this.#silence);
      } else if (leg.track === 'said') {
        this.#said.begin(!member.talking);
        if (member.talking) this.#said.pcm.set(member.frame);
        leg.overhear(this.#said);
      }
    }
  }
}

/** The leg itself, without those who listen along. */
export function ownLeg(leg: MixerLeg): MixerLeg {
  return leg instanceof OverheardLeg ? leg.inner : leg;
}

function overheard(member: Member): OverheardLeg {
  if (member.leg instanceof OverheardLeg) return member.leg;
  const leg = new OverheardLeg(member.leg);
  member.leg = leg;
  return leg;
}
