import type { SampleRate } from '../audio/frame.ts';
import { addFrame, MAX_SAMPLE, minusOwn, subtractFrame } from '../audio/pcm.ts';
import type { ConferenceId, FloorRules, LegChanges, LegId, PlayEndReason, PlayId } from '../engine.ts';
import type { MixerLeg } from '../leg/leg.ts';
import { ListeningLeg } from '../leg/listening-leg.ts';
import { type Desk, deskOf } from './desk.ts';
import { Floor } from './floor.ts';
import { Group } from './group.ts';
import { Listeners, ownLeg } from './listeners.ts';
import { Member } from './member.ts';
import { type PlayReports, Stage } from './stage.ts';
import type { Taps } from './taps.ts';

/** What a conference tells; called within a tick. */
export interface ConferenceReports extends PlayReports {
  /** A member began or ceased to speak. */
  talking(leg: LegId, active: boolean): void;
}

/**
 * Sums who talks, and sends every member the sum without her own voice plus what is played to her. One mixer thread owns
 * it: every 20 ms it calls `begin`, `listen` and `send`, which allocate nothing while nobody comes, goes or starts a play.
 */
export class Conference {
  readonly id: ConferenceId;
  readonly sampleRate: SampleRate;
  readonly stage: Stage;
  /** Set while somebody records. */
  taps: Taps | undefined;
  /** Set while somebody listens along with a member. */
  #listeners: Listeners | undefined;
  readonly #samplesPerFrame: number;
  readonly #members: Member[] = [];
  readonly #byId = new Map<LegId, Member>();
  readonly #groups = new Map<string, Group>();
  readonly #groupList: Group[] = [];
  readonly #desk: Desk;
  readonly #floor: Floor;
  readonly #reports: ConferenceReports;

  constructor(
    id: ConferenceId,
    sampleRate: SampleRate,
    samplesPerFrame: number,
    reports: ConferenceReports,
    floor: FloorRules,
  ) {
    this.id = id;
    this.sampleRate = sampleRate;
    this.#samplesPerFrame = samplesPerFrame;
    this.#desk = deskOf(samplesPerFrame);
    this.#floor = new Floor(floor);
    this.#reports = reports;
    this.stage = new Stage(samplesPerFrame, reports, (member) => this.#regroup(member));
  }

  get members(): readonly Member[] {
    return this.#members;
  }

  add(id: LegId, leg: MixerLeg, state: LegChanges): Member {
    const member = new Member(id, leg, this.#desk.frame(this.#members.length));
    member.update(state);
    this.#members.push(member);
    this.#byId.set(id, member);
    if (leg instanceof ListeningLeg) {
      this.#listeners ??= new Listeners(this.#samplesPerFrame, (target) => this.#byId.get(target));
      this.#listeners.add(leg);
    } else {
      this.stage.welcome(member);
      this.#listeners?.joined(member);
    }
    this.#regroup(member);
    return member;
  }

  /** Closes the leg; its plays end with `reason`. */
  remove(id: LegId, reason: PlayEndReason): void {
    this.release(id, reason)?.close();
  }

  /** Lets the leg go on elsewhere; its plays here end with `reason`. */
  release(id: LegId, reason: PlayEndReason): MixerLeg | undefined {
    const member = this.#byId.get(id);
    if (!member) return undefined;
    this.stage.dismiss(member, reason);
    this.#leaveGroup(member);
    this.#byId.delete(id);
    this.#members.splice(this.#members.indexOf(member), 1);
    for (const [place, each] of this.#members.entries()) each.frame = this.#desk.frame(place);
    if (member.leg instanceof ListeningLeg) {
      this.#listeners?.remove(member.leg);
      if (this.#listeners?.empty) this.#listeners = undefined;
    }
    return ownLeg(member.leg);
  }

  update(id: LegId, changes: LegChanges): void {
    const member = this.#byId.get(id);
    if (!member) return;
    member.update(changes);
    this.#regroup(member);
  }

  member(id: LegId): Member | undefined {
    return this.#byId.get(id);
  }

  /** First part of a tick: starts what is to be played. */
  begin(): void {
    this.stage.begin();
  }

  /** Second part, for all members in turn: pulls the legs of those from one place to another. `now` in ms. */
  listen(from: number, to: number, now: number): void {
    const members = this.#members;
    for (let i = from; i < to; i++) {
      const member = members[i]!;
      // A muted leg is pulled all the same: its buffer must not fill up.
      if (member.listen(member.leg.pull(member.frame, now))) this.#reports.talking(member.id, member.detector.talking);
    }
  }

  /** Last part: sums who talks and sends every member one frame. */
  send(tick: number): void {
    const talking = this.#sum();
    const speech = (talking & 1) !== 0 ? this.#desk.speech : undefined;
    const everything = (talking & 2) !== 0 ? this.#sumWithWhispers(speech) : speech;
    if (this.taps !== undefined) this.taps.take(everything, this.#groupList, tick);
    if (this.#listeners !== undefined) this.#listeners.take();
    for (let i = 0; i < this.#groupList.length; i++) {
      const group = this.#groupList[i]!;
      const live = group.base === 'none' ? undefined : group.base === 'conference' ? speech : everything;
      this.#sendTo(group, live, tick);
    }
    this.stage.end();
  }

  /** Sums who talks; bit 0: speech for all, bit 1: whispers. */
  #sum(): number {
    const members = this.#members;
    const { speech, whispers } = this.#desk;
    if (!this.#floor.open) this.#floor.decide(members);
    let talking = 0;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      if (!member.talking) continue;
      const bit = member.whispering ? 2 : 1;
      const sum = member.whispering ? whispers : speech;
      if ((talking & bit) === 0) sum.set(member.frame);
      else addFrame(sum, member.frame);
      talking |= bit;
    }
    return talking;
  }

  #sumWithWhispers(speech: Int32Array | undefined): Int32Array {
    const { whispers, speechAndWhispers: sum } = this.#desk;
    if (speech === undefined) return whispers;
    for (let i = 0; i < sum.length; i++) sum[i] = whispers[i]! + speech[i]!;
    return sum;
  }

  #sendTo(group: Group, live: Int32Array | undefined, tick: number): void {
    const { shared, groupMix } = this.#desk;
    const mix = group.mix(live, groupMix);
    shared.begin(mix === undefined);
    if (mix !== undefined) group.limiter.process(mix, shared.pcm);
    else group.limiter.reset();
    for (let i = 0; i < group.members.length; i++) {
      const member = group.members[i]!;
      if (mix !== undefined && member.talking && this.#isIn(member, group)) {
        this.#sendWithoutOwn(member, group, mix, tick);
      } else {
        member.hadOwnOutput = false;
        member.leg.push(shared, tick);
      }
    }
  }

  /** Whether the group's mix holds this member's own voice. */
  #isIn(member: Member, group: Group): boolean {
    return group.base === 'conference+whispers' || (group.base === 'conference' && !member.whispering);
  }

  #sendWithoutOwn(member: Member, group: Group, mix: Int32Array, tick: number): void {
    const { frame, limiter } = member;
    const { speechGain } = group;
    const { own, ownMix } = this.#desk;
    // Her voice went into the mix ducked, so it comes out ducked by the same rounding.
    if (speechGain !== 1) for (let i = 0; i < frame.length; i++) frame[i] = Math.round(frame[i]! * speechGain);
    if (!member.hadOwnOutput) limiter.copyFrom(group.limiter);
    member.hadOwnOutput = true;
    const peak = minusOwn(mix, frame, own.pcm);
    own.begin(peak === 0);
    if (peak > MAX_SAMPLE || limiter.active) {
      subtractFrame(mix, frame, ownMix);
      limiter.process(ownMix, own.pcm);
    }
    member.leg.push(own, tick);
  }

  #regroup(member: Member): void {
    const base = member.base;
    let key: string = base;
    for (const airing of member.airings) key += `|${airing.id}`;
    if (member.group?.key === key) return;
    const former = member.group;
    this.#leaveGroup(member);
    let group = this.#groups.get(key);
    if (!group) {
      group = new Group(key, base, [...member.airings]);
      if (former) group.inherit(former);
      this.#groups.set(key, group);
      this.#groupList.push(group);
    }
    group.members.push(member);
    member.group = group;
  }

  #leaveGroup(member: Member): void {
    const group = member.group;
    if (!group) return;
    member.group = undefined;
    group.members.splice(group.members.indexOf(member), 1);
    if (group.members.length > 0) return;
    this.#groups.delete(group.key);
    this.#groupList.splice(this.#groupList.indexOf(group), 1);
  }

  /** Passes play commands to the stage; here so that callers hold one object per conference. */
  stopPlay(play: PlayId, legs: readonly LegId[] | undefined): void {
    this.stage.stop(
      play,
      legs?.flatMap((id) => this.#byId.get(id) ?? []),
    );
  }
}
