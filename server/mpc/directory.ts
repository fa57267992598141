import { EngineBusy, type Leg, type LegEvent, type MediaEngine } from '../../media/engine.ts';
import type { MpcRef } from './identity.ts';
import type { JoinTerms } from './join-terms.ts';
import { type ExitCause, type LegKind, Member } from './member.ts';
import { Mpc, type MpcEndCause } from './mpc.ts';
import { joinedTerms } from './mpc-terms.ts';
import type { MpcSound } from './sound-rules.ts';

export interface DirectoryLimits {
  readonly maxMembers: number;
  readonly maxMembersPerMpc: number;
  /** Members who left kept readable in each MPC. */
  readonly exitedKept?: number;
}

const EXITED_KEPT = 1000;

export interface DirectoryDeps {
  readonly engine: MediaEngine;
  readonly limits: DirectoryLimits;
  /** How an MPC of this friendly name sounds. */
  readonly sound: (mpcName: string) => MpcSound;
  readonly now: () => Date;
  readonly newUuid: () => string;
}

/** What a signalling side brings along when somebody wants in. */
export interface JoinRequest<L extends Leg> {
  readonly mpcName: string;
  readonly terms: JoinTerms;
  readonly kind: LegKind;
  readonly address: string;
  /** Opens the leg in the MPC's conference; the directory passes on what it needs to hear of. */
  readonly openLeg: (conference: string, onEvent: (event: LegEvent) => void) => Promise<L>;
  /** Ends the call at the far side; called at most once, and never after the far side left by itself. */
  readonly hangUp: (cause: ExitCause) => void;
  /** Asked before that: true when the call goes on elsewhere and has moved its leg there. */
  readonly takeBack?: (cause: ExitCause) => boolean;
  /** A new one when left out. */
  readonly callUuid?: string;
  /** Into this place, whatever its name leads to by now. */
  readonly reservation?: Reservation | undefined;
  /** The conference that the leg is in: a new MPC opens on the same mixer. */
  readonly beside?: string;
  /** Leg events of interest to the signalling side, such as DTMF. */
  readonly onLegEvent?: (event: LegEvent) => void;
}

export type JoinResult<L extends Leg> =
  | { readonly ok: true; readonly mpc: Mpc; readonly member: Member; readonly leg: L }
  | { readonly ok: false; readonly reason: 'mpc_full' | 'server_full' | 'draining' | 'busy' };

interface NoPlace {
  readonly reason: 'mpc_full' | 'server_full' | 'draining';
}

export type DirectoryEvent =
  /** Its first member is about to be in it. */
  | { readonly type: 'mpc-initialized'; readonly mpc: Mpc }
  | { readonly type: 'mpc-started'; readonly mpc: Mpc }
  | { readonly type: 'mpc-ended'; readonly mpc: Mpc }
  | { readonly type: 'member-joined'; readonly mpc: Mpc; readonly member: Member }
  | { readonly type: 'member-left'; readonly mpc: Mpc; readonly member: Member }
  /** Muted, held or coaching: not as before. */
  | {
      readonly type: 'member-changed';
      readonly mpc: Mpc;
      readonly member: Member;
      readonly what: keyof MemberChanges;
      /** No sound is to tell of it. */
      readonly quiet: boolean;
    }
  | { readonly type: 'leg'; readonly mpc: Mpc; readonly member: Member; readonly event: LegEvent };

/** What may change about a member who is in an MPC; absent fields stay. */
export interface MemberChanges {
  readonly muted?: boolean | undefined;
  readonly held?: boolean | undefined;
  /** For supervisors. */
  readonly coach?: boolean | undefined;
}

/** An MPC that somebody is being called for. */
export interface Expected {
  readonly mpc: Mpc;
  /** Nobody is called any more. Idempotent. */
  release(): void;
}

/** A place in an MPC that somebody is on the way to: it counts, and keeps the MPC alive. */
export interface Reservation {
  readonly mpc: Mpc;
  /** Who held it is there, or does not come. Idempotent. */
  release(): void;
}

/** Knows every MPC and every member, and alone opens and closes them. Main thread. */
export class Directory {
  readonly #deps: DirectoryDeps;
  readonly #liveByName = new Map<string, Mpc>();
  readonly #liveByUuid = new Map<string, Mpc>();
  readonly #byCall = new Map<string, { mpc: Mpc; member: Member }>();
  readonly #listeners = new Set<(event: DirectoryEvent) => void>();
  /** Joins under way per MPC: they count against its limit and keep it alive. */
  readonly #joining = new Map<Mpc, number>();
  /** Members who leave only to come back. */
  readonly #returning = new Set<Member>();
  /** Who is to know when an MPC ends that somebody is being called for. */
  readonly #expecting = new Map<Mpc, Set<() => void>>();
  #memberCount = 0;
  #draining = false;

  constructor(deps: DirectoryDeps) {
    this.#deps = deps;
  }

  get live(): readonly Mpc[] {
    return [...this.#liveByUuid.values()];
  }

  get memberCount(): number {
    return this.#memberCount;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Members present, by kind of leg. */
  countByKind(): Readonly<Record<LegKind, number>> {
    const counts = { sip: 0, ws: 0, webrtc: 0 };
    for (const { member } of this.#byCall.values()) counts[member.kind] += 1;
    return counts;
  }

  /** Refuses all further joins; present members stay. */
  drain(): void {
    this.#draining = true;
  }

  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: DirectoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  find(ref: MpcRef): Mpc | undefined {
    if (ref.by === 'name') return this.#liveByName.get(ref.name);
    return this.#liveByUuid.get(ref.uuid);
  }

  findCall(callUuid: string): { readonly mpc: Mpc; readonly member: Member } | undefined {
    return this.#byCall.get(callUuid);
  }

  /** Why an MPC would take nobody in now, if it would not: for those who give something up before they join. */
  refusal(mpcName: string): 'draining' | 'mpc_full' | undefined {
    if (this.#draining) return 'draining';
    const mpc = this.#liveByName.get(mpcName);
    const isFull = mpc && mpc.presentMembers.length + (this.#joining.get(mpc) ?? 0) >= this.#roomIn(mpc);
    return isFull ? 'mpc_full' : undefined;
  }

  /** Adds a member to the live MPC of that name, or to a new one. */
  async join<L extends Leg>(request: JoinRequest<L>): Promise<JoinResult<L>> {
    const place = this.#placeFor(request);
    if ('reason' in place) return { ok: false, reason: place.reason };
    const { mpc } = place;
    let member: Member | undefined;
    const onEvent = (event: LegEvent): void => {
      if (!member?.present) return;
      request.onLegEvent?.(event);
      if (event.type === 'talking') member.talking = event.active;
      if (event.type === 'lost') this.leave(mpc, member, 'lost', true);
      else if (event.type === 'no-rtp' && event.expired) this.leave(mpc, member, 'no_rtp', true);
      else this.#emit({ type: 'leg', mpc, member, event });
    };
    try {
      const leg = await request.openLeg(mpc.uuid, onEvent);
      if (mpc.status === 'ended') {
        leg.close();
        return { ok: false, reason: 'busy' };
      }
      member = new Member({
        id: mpc.nextMemberId(),
        callUuid: request.callUuid ?? this.#deps.newUuid(),
        terms: request.terms,
        kind: request.kind,
        address: request.address,
        joinedAt: this.#deps.now(),
        hangUp: request.hangUp,
        takeBack: request.takeBack,
      });
      member.leg = leg;
      this.#enter(mpc, member);
      return { ok: true, mpc, member, leg };
    } catch (error) {
      if (error instanceof EngineBusy) return { ok: false, reason: 'busy' };
      throw error;
    } finally {
      place.release();
    }
  }

  /** Keeps a place in an MPC. `returning`: for a member of it, whose leaving ends nothing if she comes back to it. */
  reserve(mpc: Mpc, returning?: Member): Reservation {
    this.#joining.set(mpc, (this.#joining.get(mpc) ?? 0) + 1);
    if (returning) this.#returning.add(returning);
    let held = true;
    return {
      mpc,
      release: () => {
        if (!held) return;
        held = false;
        const left = (this.#joining.get(mpc) ?? 1) - 1;
        if (left === 0) this.#joining.delete(mpc);
        else this.#joining.set(mpc, left);
        if (returning) this.#returned(mpc, returning);
        this.#endIfEmpty(mpc);
      },
    };
  }

  /**
   * Somebody is being called for the MPC of that name: it lives from now on, if need be without a member. Once it has had one
   * it lives no longer than its members stay. `onEnded`: it is over, and the call for it has no purpose any more.
   */
  expect(mpcName: string, onEnded: () => void): Expected {
    const mpc = this.#liveByName.get(mpcName) ?? this.#open(mpcName);
    const expecting = this.#expecting.get(mpc) ?? new Set();
    const tell = (): void => onEnded();
    this.#expecting.set(mpc, expecting.add(tell));
    return {
      mpc,
      release: () => {
        if (!expecting.delete(tell) || expecting.size > 0) return;
        this.#expecting.delete(mpc);
        this.#endIfEmpty(mpc);
        const someoneLeft = mpc.members.some((member) => !member.present);
        if (mpc.status !== 'ended' && someoneLeft && this.#isLeftAlone(mpc)) this.end(mpc, 'stay_alone_not_permitted');
      },
    };
  }

  /** Starts an MPC whose members wait. False: it has started, or has ended. */
  start(mpc: Mpc): boolean {
    if (mpc.status !== 'initialized') return false;
    mpc.start(this.#deps.now());
    this.#emit({ type: 'mpc-started', mpc });
    return true;
  }

  /** Mutes, holds or lets coach. What is that way already is not told again. */
  change(mpc: Mpc, member: Member, changes: MemberChanges, quiet = false): void {
    if (!member.present) return;
    const changed: (keyof MemberChanges)[] = [];
    for (const what of ['muted', 'held', 'coach'] as const)
      if (changes[what] !== undefined && changes[what] !== member[what]) changed.push(what);
    for (const what of changed) member.set(what, changes[what] === true);
    for (const what of changed) this.#emit({ type: 'member-changed', mpc, member, what, quiet });
  }

  /** Takes a member out. `tellPeer` is false when the far side hung up. Idempotent. */
  leave(mpc: Mpc, member: Member, cause: ExitCause, tellPeer: boolean): void {
    if (!member.present) return;
    member.exit(cause, this.#deps.now(), tellPeer);
    this.#byCall.delete(member.callUuid);
    this.#memberCount -= 1;
    mpc.forgetExited(this.#deps.limits.exitedKept ?? EXITED_KEPT);
    this.#emit({ type: 'member-left', mpc, member });
    if (!this.#returning.has(member)) this.#endIfDue(mpc, member);
  }

  /** Ends an MPC and hangs everybody up. */
  end(mpc: Mpc, cause: MpcEndCause): void {
    if (mpc.status === 'ended') return;
    mpc.end(cause, this.#deps.now());
    this.#liveByName.delete(mpc.name);
    this.#liveByUuid.delete(mpc.uuid);
    for (const member of mpc.presentMembers) member.giveBack('mpc_ended');
    // First, so that plays end because the conference did, not because their listeners left one by one.
    this.#deps.engine.closeConference(mpc.uuid);
    for (const member of mpc.presentMembers) this.leave(mpc, member, 'mpc_ended', true);
    if (mpc.wasJoined) this.#emit({ type: 'mpc-ended', mpc });
    for (const onEnded of [...(this.#expecting.get(mpc) ?? [])]) onEnded();
    this.#expecting.delete(mpc);
  }

  /** Hangs up on everybody present. For the end of the process, after `drain`. */
  hangUpAll(): void {
    for (const mpc of this.live) for (const member of mpc.presentMembers) this.leave(mpc, member, 'shutdown', true);
  }

  #open(name: string, beside?: string): Mpc {
    const mpc = new Mpc(this.#deps.newUuid(), name, this.#deps.now());
    this.#liveByName.set(name, mpc);
    this.#liveByUuid.set(mpc.uuid, mpc);
    this.#deps.engine.openConference({ id: mpc.uuid, ...this.#deps.sound(name), ...(beside && { beside }) });
    return mpc;
  }

  /** The place that is reserved, or one in the live MPC of that name, or in a new one. */
  #placeFor({ mpcName, beside, reservation }: JoinRequest<Leg>): Reservation | NoPlace {
    const refused = reservation ? undefined : this.refusal(mpcName);
    if (refused) return { reason: refused };
    const total = this.#memberCount + this.#joiningTotal() + (reservation ? 0 : 1);
    if (total > this.#deps.limits.maxMembers) return { reason: 'server_full' };
    if (reservation) return reservation;
    return this.reserve(this.#liveByName.get(mpcName) ?? this.#open(mpcName, beside));
  }

  /** She came back, or her leaving counts after all. */
  #returned(mpc: Mpc, member: Member): void {
    this.#returning.delete(member);
    const isBack = this.#byCall.get(member.callUuid)?.mpc === mpc;
    if (!isBack && mpc.status !== 'ended') this.#endIfDue(mpc, member);
  }

  #endIfDue(mpc: Mpc, member: Member): void {
    const cause = this.#endAfter(mpc, member);
    if (cause) this.end(mpc, cause);
  }

  #enter(mpc: Mpc, member: Member): void {
    const isFirst = !mpc.wasJoined;
    mpc.terms = joinedTerms(mpc.terms, member.terms.mpc);
    mpc.add(member);
    this.#byCall.set(member.callUuid, { mpc, member });
    this.#memberCount += 1;
    if (isFirst) this.#emit({ type: 'mpc-initialized', mpc });
    if (member.terms.startMpcOnEnter) this.start(mpc);
    this.#emit({ type: 'member-joined', mpc, member });
  }

  #roomIn(mpc: Mpc): number {
    return Math.min(this.#deps.limits.maxMembersPerMpc, mpc.terms?.maxParticipants ?? Number.POSITIVE_INFINITY);
  }

  /** Why an MPC ends now that this member left it, if it does. */
  #endAfter(mpc: Mpc, member: Member): MpcEndCause | undefined {
    if (this.#countIn(mpc) === 0 || member.terms.endMpcOnExit) return 'no_active_participants';
    return this.#isLeftAlone(mpc) ? 'stay_alone_not_permitted' : undefined;
  }

  /** Who waits for the start, or for somebody who is being called, is alone for a while only. */
  #isLeftAlone(mpc: Mpc): boolean {
    const mayStay = mpc.terms?.stayAlone !== false || mpc.status === 'initialized' || this.#expecting.has(mpc);
    return this.#countIn(mpc) === 1 && !mayStay;
  }

  /** Members present or on their way in. */
  #countIn(mpc: Mpc): number {
    return mpc.presentMembers.length + (this.#joining.get(mpc) ?? 0);
  }

  #endIfEmpty(mpc: Mpc): void {
    const isAwaited = this.#joining.has(mpc) || (!mpc.wasJoined && this.#expecting.has(mpc));
    if (mpc.status !== 'ended' && !isAwaited && mpc.presentMembers.length === 0)
      this.end(mpc, 'no_active_participants');
  }

  #joiningTotal(): number {
    let total = 0;
    for (const count of this.#joining.values()) total += count;
    return total;
  }

  #emit(event: DirectoryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
