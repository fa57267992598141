import type { LegId, PlayEndReason, PlayId } from '../engine.ts';
import { Airing } from '../play/airing.ts';
import type { Lane } from '../play/lane.ts';
import type { PlayRun } from '../play/play-run.ts';
import type { Sound } from '../play/sound.ts';
import { Voice, type VoicePlace } from '../play/voice.ts';
import { DIP_FRAMES } from './group.ts';
import type { Member } from './member.ts';

/** Takes what happens to plays; called outside the mixing, at the start or the end of a tick or from a command. */
export interface PlayReports {
  /** The first frame of a play was sent to these legs. */
  started(play: PlayId, legs: readonly LegId[]): void;
  ended(play: PlayId, leg: LegId, reason: PlayEndReason, playedSamples: number, underruns: number): void;
  /** Every target of the play has ended. */
  settled(play: PlayId): void;
}

/** A play that is not yet over, with whom it waits for. */
interface Booking {
  readonly run: PlayRun;
  readonly waiting: Set<Member>;
  /** Where it goes on for those who heard it from another mixer before. */
  readonly places: ReadonlyMap<Member, VoicePlace> | undefined;
  readonly airings: Set<Airing>;
  failure: PlayEndReason | undefined;
  paused: boolean;
}

/**
 * The plays of one conference: who waits for what, what sounds to whom. A play starts for all its idle listeners on one
 * tick; a busy member's own queue decides when it starts for her. Every target of a play is reported ended exactly once.
 */
export class Stage {
  readonly #samplesPerFrame: number;
  readonly #reports: PlayReports;
  /** Called when what a member hears has changed. */
  readonly #regroup: (member: Member) => void;
  readonly #bookings = new Map<PlayId, Booking>();
  readonly #airings: Airing[] = [];
  /** Started in this tick; reported once their first frame is out. */
  readonly #starting: Airing[] = [];
  /** Something may be able to start: looked at on the next tick. */
  #stirred = false;
  #lastAiring = 0;

  constructor(samplesPerFrame: number, reports: PlayReports, regroup: (member: Member) => void) {
    this.#samplesPerFrame = samplesPerFrame;
    this.#reports = reports;
    this.#regroup = regroup;
  }

  /** Plays not yet over. */
  get bookings(): IterableIterator<{ readonly run: PlayRun; readonly airings: ReadonlySet<Airing> }> {
    return this.#bookings.values();
  }

  get busy(): boolean {
    return this.#bookings.size > 0;
  }

  play(run: PlayRun, members: readonly Member[], places?: ReadonlyMap<Member, VoicePlace>): void {
    const waiting = new Set(members);
    this.#bookings.set(run.id, { run, waiting, places, airings: new Set(), failure: undefined, paused: false });
    for (const member of members) {
      const lane = member.lane(run.layer);
      if (places?.has(member)) {
        lane.resume(run);
        continue;
      }
      if (run.replace) this.#clear(member, lane);
      lane.enqueue(run);
    }
    this.#stirred = true;
  }

  /** Stops a play for some members, or for all. */
  stop(play: PlayId, members: readonly Member[] | undefined): void {
    const booking = this.#bookings.get(play);
    if (!booking) return;
    for (const member of members ?? [...booking.waiting]) this.#unqueue(booking, member, 'stopped');
    for (const airing of [...booking.airings]) this.#stopAiring(airing, members);
    this.#settle(booking);
  }

  pause(play: PlayId, paused: boolean): void {
    const booking = this.#bookings.get(play);
    if (!booking) return;
    booking.paused = paused;
    for (const airing of booking.airings) airing.voice.pause(paused || airing.covered);
  }

  seek(play: PlayId, sample: number): void {
    for (const airing of this.#bookings.get(play)?.airings ?? []) airing.voice.seek(sample);
  }

  setGain(play: PlayId, gain: number, rampSamples: number): void {
    for (const airing of this.#bookings.get(play)?.airings ?? []) airing.voice.setGain(gain, rampSamples);
  }

  /** More of a sound arrived, or its end. */
  soundGrew(): void {
    if (this.#bookings.size > 0) this.#stirred = true;
  }

  /** A sound will not come: plays that need it now fail at once, plays that need it later fail when they get there. */
  soundFailed(sound: Sound, reason: PlayEndReason): void {
    for (const booking of [...this.#bookings.values()]) {
      if (!booking.run.uses(sound)) continue;
      booking.failure = reason;
      for (const airing of [...booking.airings])
        if (airing.voice.current === sound) {
          airing.voice.stop(0);
          this.#finish(airing, reason);
        }
      if (booking.run.score.sounds[0] === sound)
        for (const member of [...booking.waiting]) this.#unqueue(booking, member, reason);
      this.#settle(booking);
    }
  }

  /** A new member hears what is played to those who join later: from where it is, or in her queue while it waits. */
  welcome(member: Member): void {
    for (const booking of this.#bookings.values()) {
      if (!booking.run.laterJoiners) continue;
      const lane = member.lane(booking.run.layer);
      const airing = [...booking.airings].find((each) => !each.stopping && !each.voice.ended);
      if (airing && lane.current === undefined) {
        lane.current = airing;
        this.#attach(airing, member);
        this.#reports.started(airing.run.id, [member.id]);
      } else if (airing || booking.waiting.size > 0) {
        booking.waiting.add(member);
        lane.enqueue(booking.run);
        this.#stirred = true;
      }
    }
  }

  /** A member goes: everything played to her or waiting for her ends. */
  dismiss(member: Member, reason: PlayEndReason): void {
    for (const airing of [...member.airings]) {
      const booking = this.#bookings.get(airing.run.id);
      this.#release(airing, member, reason);
      if (airing.listeners.size === 0) this.#drop(airing);
      if (booking) this.#settle(booking);
    }
    for (const lane of member.lanes)
      for (const run of [...lane.waiting]) {
        const booking = this.#bookings.get(run.id);
        if (!booking) continue;
        this.#unqueue(booking, member, reason);
        this.#settle(booking);
      }
  }

  /** First part of a tick: starts what can start and makes every voice's frame. */
  begin(): void {
    if (this.#stirred) this.#startReady();
    for (let i = 0; i < this.#airings.length; i++) this.#airings[i]!.voice.step();
  }

  /** Last part of a tick, after everything was sent. */
  end(): void {
    while (this.#starting.length > 0) {
      const airing = this.#starting.pop()!;
      this.#reports.started(
        airing.run.id,
        [...airing.listeners.keys()].map((member) => member.id),
      );
    }
    for (let i = this.#airings.length - 1; i >= 0; i--) {
      const airing = this.#airings[i]!;
      if (airing.voice.ended) this.#wrapUp(airing);
    }
  }

  #startReady(): void {
    this.#stirred = false;
    for (const booking of [...this.#bookings.values()]) {
      const idle = new Map<VoicePlace | undefined, Member[]>();
      for (const member of booking.waiting) {
        const lane = member.lane(booking.run.layer);
        if (lane.current !== undefined || lane.head !== booking.run) continue;
        const place = booking.places?.get(member);
        const others = idle.get(place);
        if (others) others.push(member);
        else idle.set(place, [member]);
      }
      for (const [place, members] of idle)
        if (booking.run.ready(this.#samplesPerFrame, place)) this.#start(booking, members, place);
    }
  }

  #start(booking: Booking, members: readonly Member[], place: VoicePlace | undefined): void {
    const airing = this.#air(booking, new Voice(booking.run.score, this.#samplesPerFrame, place));
    airing.voice.pause(booking.paused);
    this.#starting.push(airing);
    for (const member of members) {
      booking.waiting.delete(member);
      const lane = member.lane(booking.run.layer);
      lane.remove(booking.run);
      lane.current = airing;
      this.#attach(airing, member);
    }
    this.#cover(airing, members);
  }

  /** Pauses what the listeners of a new airing hear on lower layers, where it asked for that. */
  #cover(airing: Airing, members: readonly Member[]): void {
    for (const [lower, listeners] of byAiring(members, (each) => each.run.rank < airing.run.rank && !each.covered)) {
      if (!lower.run.pausesWhenCovered || lower.stopping || lower.reported) continue;
      const part = this.#part(lower, listeners);
      part.covered = true;
      part.voice.pause(true);
    }
  }

  /** Lets go on what was paused under an airing that has just ended for these members. */
  #uncover(members: readonly Member[]): void {
    for (const [lower, listeners] of byAiring(members, (each) => each.covered)) {
      const free = listeners.filter((member) => !isCovered(member, lower));
      if (free.length === 0) continue;
      const part = this.#part(lower, free);
      part.covered = false;
      part.voice.pause(this.#bookings.get(part.run.id)?.paused ?? false);
    }
  }

  /** An airing of these listeners alone: the same one when there are no others, else a twin at the same place. */
  #part(airing: Airing, leaving: readonly Member[]): Airing {
    const booking = this.#bookings.get(airing.run.id);
    if (leaving.length === airing.listeners.size || !booking) return airing;
    const twin = this.#air(booking, airing.voice.fork());
    twin.covered = airing.covered;
    for (const member of leaving) {
      twin.listeners.set(member, airing.listeners.get(member) ?? 0);
      airing.listeners.delete(member);
      member.airings.splice(member.airings.indexOf(airing), 1, twin);
      const lane = member.lane(airing.run.layer);
      if (lane.current === airing) lane.current = twin;
      this.#regroup(member);
    }
    return twin;
  }

  #air(booking: Booking, voice: Voice): Airing {
    this.#lastAiring += 1;
    const airing = new Airing(this.#lastAiring, booking.run, voice);
    booking.airings.add(airing);
    this.#airings.push(airing);
    return airing;
  }

  #attach(airing: Airing, member: Member): void {
    airing.listeners.set(member, airing.voice.played);
    member.airings.push(airing);
    this.#regroup(member);
  }

  /** Fades a playing voice out for some of its listeners, or all. Their lanes are free from now on. */
  #stopAiring(airing: Airing, members: readonly Member[] | undefined): void {
    if (airing.stopping) return;
    const leaving = members ? members.filter((member) => airing.listeners.has(member)) : [...airing.listeners.keys()];
    if (leaving.length === 0) return;
    if (!this.#bookings.has(airing.run.id)) return;
    const fading = this.#part(airing, leaving);
    fading.stopping = true;
    fading.voice.stop(airing.run.stopFadeSamples);
    for (const member of leaving) this.#freeLane(fading, member);
    if (fading.voice.ended) this.#finish(fading, 'stopped');
  }

  #wrapUp(airing: Airing): void {
    if (airing.lingerFrames > 0) {
      airing.lingerFrames -= 1;
      if (airing.lingerFrames === 0) this.#detachAll(airing);
      return;
    }
    const booking = this.#bookings.get(airing.run.id);
    this.#finish(airing, airing.stopping ? 'stopped' : (booking?.failure ?? 'completed'));
    if (booking) this.#settle(booking);
  }

  /** Reports the end to every listener. A voice that made others softer stays, silent, until they are back. */
  #finish(airing: Airing, reason: PlayEndReason): void {
    this.#bookings.get(airing.run.id)?.airings.delete(airing);
    for (const member of airing.listeners.keys()) {
      this.#freeLane(airing, member);
      this.#reports.ended(airing.run.id, member.id, reason, airing.playedTo(member), airing.voice.underruns);
    }
    airing.reported = true;
    this.#uncover([...airing.listeners.keys()]);
    airing.lingerFrames = this.#releaseFrames(airing);
    if (airing.lingerFrames === 0) this.#detachAll(airing);
  }

  /** How long it takes to bring back what this airing made softer. */
  #releaseFrames(airing: Airing): number {
    let frames = 0;
    if (airing.run.duckGain < 1) frames = Math.ceil(airing.run.duckReleaseSamples / this.#samplesPerFrame);
    for (const member of airing.listeners.keys())
      if (member.airings.some((other) => other.run.rank < airing.run.rank)) return Math.max(frames, DIP_FRAMES);
    return frames;
  }

  #detachAll(airing: Airing): void {
    for (const member of [...airing.listeners.keys()]) {
      member.airings.splice(member.airings.indexOf(airing), 1);
      this.#regroup(member);
    }
    airing.listeners.clear();
    this.#drop(airing);
  }

  /** Ends an airing for one member who goes. */
  #release(airing: Airing, member: Member, reason: PlayEndReason): void {
    const played = airing.playedTo(member);
    this.#freeLane(airing, member);
    airing.listeners.delete(member);
    member.airings.splice(member.airings.indexOf(airing), 1);
    if (!airing.reported) this.#reports.ended(airing.run.id, member.id, reason, played, airing.voice.underruns);
  }

  #drop(airing: Airing): void {
    this.#bookings.get(airing.run.id)?.airings.delete(airing);
    const at = this.#airings.indexOf(airing);
    if (at >= 0) this.#airings.splice(at, 1);
    const starting = this.#starting.indexOf(airing);
    if (starting >= 0) this.#starting.splice(starting, 1);
  }

  #freeLane(airing: Airing, member: Member): void {
    const lane = member.lane(airing.run.layer);
    if (lane.current !== airing) return;
    lane.current = undefined;
    this.#stirred = true;
  }

  #unqueue(booking: Booking, member: Member, reason: PlayEndReason): void {
    if (!booking.waiting.delete(member)) return;
    member.lane(booking.run.layer).remove(booking.run);
    this.#reports.ended(booking.run.id, member.id, reason, 0, 0);
    this.#stirred = true;
  }

  /** Everything of a member's lane gives way to a replacing play. */
  #clear(member: Member, lane: Lane): void {
    for (const run of [...lane.waiting]) {
      const booking = this.#bookings.get(run.id);
      if (!booking) continue;
      this.#unqueue(booking, member, 'stopped');
      this.#settle(booking);
    }
    if (lane.current) this.#stopAiring(lane.current, [member]);
  }

  #settle(booking: Booking): void {
    if (booking.waiting.size > 0 || booking.airings.size > 0) return;
    if (this.#bookings.delete(booking.run.id)) this.#reports.settled(booking.run.id);
  }
}

/** These members' airings that pass, each with those of the members who hear it. */
function byAiring(members: readonly Member[], passes: (airing: Airing) => boolean): Map<Airing, Member[]> {
  const found = new Map<Airing, Member[]>();
  for (const member of members)
    for (const airing of member.airings) {
      if (!passes(airing)) continue;
      const listeners = found.get(airing);
      if (listeners) listeners.push(member);
      else found.set(airing, [member]);
    }
  return found;
}

/** Whether something on a higher layer still sounds to this member. */
function isCovered(member: Member, lower: Airing): boolean {
  return member.airings.some((other) => other.run.rank > lower.run.rank && !other.reported);
}
