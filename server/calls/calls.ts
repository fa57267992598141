import { EngineBusy, type Leg, type LegEvent, type MediaEngine } from '../../media/engine.ts';
import type { Directory, ExitCause, JoinResult, JoinTerms, Mpc, MpcSound, Reservation } from '../mpc/index.ts';
import { Call, type CallSetup, isEnded } from './call.ts';
import { type CallEndCause, exitCauseOf } from './end-cause.ts';

/** Opens a call's leg; all its events go to `onEvent`. */
export type OpenLeg<L extends Leg> = (conference: string, onEvent: (event: LegEvent) => void) => Promise<L>;

export interface CallsDeps {
  readonly engine: Pick<MediaEngine, 'openConference' | 'closeConference'>;
  readonly directory: Directory;
  /** How rooms sound. */
  readonly roomSound: MpcSound;
  /** Calls at once, ringing ones included. */
  readonly maxCalls: number;
  readonly now: () => Date;
  readonly newUuid: () => string;
}

export type CallEvent =
  | { readonly type: 'ringing'; readonly call: Call }
  | { readonly type: 'answered'; readonly call: Call }
  /** Its `place` has changed. */
  | { readonly type: 'moved'; readonly call: Call }
  | { readonly type: 'leg'; readonly call: Call; readonly event: LegEvent }
  | { readonly type: 'ended'; readonly call: Call; readonly cause: CallEndCause };

export type RingResult =
  | { readonly ok: true; readonly call: Call }
  | { readonly ok: false; readonly reason: 'draining' | 'server_full' };

export type RoomResult<L extends Leg> =
  | { readonly ok: true; readonly leg: L }
  /** `ended`: the call was over before its leg was open. */
  | { readonly ok: false; readonly reason: 'busy' | 'ended' };

export type EnterResult = JoinResult<Leg> | { readonly ok: false; readonly reason: 'ended' };

/** Knows every call, and alone changes them: where they are, and whether they still are. Main thread. */
export class Calls {
  readonly #deps: CallsDeps;
  readonly #calls = new Map<string, Call>();
  /** Each call's last move from an MPC to its room. */
  readonly #settled = new WeakMap<Call, Promise<void>>();
  readonly #listeners = new Set<(event: CallEvent) => void>();

  constructor(deps: CallsDeps) {
    this.#deps = deps;
  }

  /** Those not ended, in order of their beginning. */
  get live(): readonly Call[] {
    return [...this.#calls.values()];
  }

  get count(): number {
    return this.#calls.size;
  }

  get draining(): boolean {
    return this.#deps.directory.draining;
  }

  find(uuid: string): Call | undefined {
    return this.#calls.get(uuid);
  }

  /** Returns a function that ends the subscription. */
  subscribe(listener: (event: CallEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Refuses all further calls; present ones stay. */
  drain(): void {
    this.#deps.directory.drain();
  }

  /** A call begins: somebody calls us, or we call somebody. */
  ring(setup: CallSetup): RingResult {
    if (this.draining) return { ok: false, reason: 'draining' };
    if (this.#calls.size >= this.#deps.maxCalls) return { ok: false, reason: 'server_full' };
    const call = new Call(this.#deps.newUuid(), setup, this.#deps.now());
    this.#calls.set(call.uuid, call);
    this.#emit({ type: 'ringing', call });
    return { ok: true, call };
  }

  /** It was answered: by us when it came in, by the far side when it went out. */
  answered(call: Call): void {
    if (call.status !== 'ringing') return;
    call.answeredAt = this.#deps.now();
    this.#emit({ type: 'answered', call });
  }

  /** Opens the call's leg in a room of its own. */
  async openInRoom<L extends Leg>(call: Call, openLeg: OpenLeg<L>): Promise<RoomResult<L>> {
    if (call.status === 'ended') return { ok: false, reason: 'ended' };
    this.openRoom(call);
    let opened: RoomResult<L> | undefined;
    try {
      opened = await this.openSpareLeg(call, openLeg);
    } finally {
      if (!opened?.ok) this.#deps.engine.closeConference(call.room);
    }
    if (opened.ok) this.takeLeg(call, opened.leg);
    return opened;
  }

  /** Opens a room of its own for a call that gets one of several legs. `beside`: a conference that it may go on to. */
  openRoom(call: Call, beside?: string): void {
    if (call.status === 'ended') return;
    this.#deps.engine.openConference({ id: call.room, ...this.#deps.roomSound, ...(beside && { beside }) });
  }

  /** Opens a leg in the call's room that is not the call's until it is taken; its owner closes it, or the room's end. */
  async openSpareLeg<L extends Leg>(call: Call, openLeg: OpenLeg<L>): Promise<RoomResult<L>> {
    if (call.status === 'ended') return { ok: false, reason: 'ended' };
    let leg: L | undefined;
    try {
      leg = await openLeg(call.room, (event) => {
        if (leg && call.leg === leg) this.#onLegEvent(call, event);
      });
    } catch (error) {
      if (error instanceof EngineBusy) return { ok: false, reason: isEnded(call) ? 'ended' : 'busy' };
      throw error;
    }
    if (!isEnded(call)) return { ok: true, leg };
    leg.close();
    return { ok: false, reason: 'ended' };
  }

  /** A leg that was opened in its room is the call's from now on. */
  takeLeg(call: Call, leg: Leg): void {
    if (call.status === 'ended' || call.leg) return;
    call.leg = leg;
    this.#move(call, { in: 'room' });
  }

  /** Opens the call's leg as a member of an MPC, at once. */
  async openInMpc<L extends Leg>(
    call: Call,
    mpcName: string,
    terms: JoinTerms,
    openLeg: OpenLeg<L>,
  ): Promise<JoinResult<L>> {
    return this.#join(call, mpcName, terms, async (conference) => {
      const leg = await openLeg(conference, (event) => this.#onLegEvent(call, event));
      call.leg = leg;
      return leg;
    });
  }

  /**
   * Makes a call that has a leg a member of an MPC. An MPC that takes nobody in leaves it where it is. `into`: the MPC of that
   * name that is meant: if it has ended, no new one begins.
   */
  async enterMpc(call: Call, mpcName: string, terms: JoinTerms, into?: Mpc): Promise<EnterResult> {
    const { directory } = this.#deps;
    const { place } = call;
    const here = place.in === 'mpc' && place.mpc.name === mpcName ? place : undefined;
    const refused = here ? undefined : directory.refusal(mpcName);
    if (refused) return { ok: false, reason: refused };
    const mpc = into ?? here?.mpc;
    if (mpc?.status === 'ended') return { ok: false, reason: 'ended' };
    const reservation = mpc && directory.reserve(mpc, here?.member);
    try {
      return await this.#enterFrom(place.in === 'mpc', call, mpcName, terms, reservation);
    } finally {
      reservation?.release();
    }
  }

  /** Takes a call out of its MPC into a room of its own. Resolves when it can be played to there, or has ended. */
  async enterRoom(call: Call): Promise<void> {
    if (call.place.in === 'mpc') this.#deps.directory.leave(call.place.mpc, call.place.member, 'transferred', true);
    await this.#settled.get(call);
  }

  /** Ends a call. `tellPeer` is false when the far side ended it. Idempotent. */
  end(call: Call, cause: CallEndCause, tellPeer: boolean): void {
    if (call.status === 'ended') return;
    const { place } = call;
    call.endedAt = this.#deps.now();
    call.endCause = cause;
    call.keeper = undefined;
    this.#calls.delete(call.uuid);
    if (place.in === 'mpc') this.#deps.directory.leave(place.mpc, place.member, exitCauseOf(cause), false);
    call.leg?.close();
    this.#deps.engine.closeConference(call.room);
    if (tellPeer) call.hangUp(cause);
    this.#emit({ type: 'ended', call, cause });
  }

  /** Hangs up on everybody. For the end of the process, after `drain`. */
  hangUpAll(): void {
    for (const call of this.live) this.end(call, 'shutdown', true);
  }

  async #enterFrom(
    isMember: boolean,
    call: Call,
    mpcName: string,
    terms: JoinTerms,
    reservation: Reservation | undefined,
  ): Promise<EnterResult> {
    await this.enterRoom(call);
    const { leg } = call;
    if (call.place.in !== 'room' || !leg) return { ok: false, reason: 'ended' };
    const move = async (conference: string): Promise<Leg> => {
      await leg.move(conference);
      return leg;
    };
    const isOver = reservation?.mpc.status === 'ended';
    const result: EnterResult = isOver
      ? { ok: false, reason: 'ended' }
      : await this.#join(call, mpcName, terms, move, reservation);
    if (result.ok) this.#deps.engine.closeConference(call.room);
    // The way back from a place that is gone is the way out.
    else if (leg.conference !== call.room) this.end(call, 'lost', true);
    // Its place in the other MPC is gone by now, and nobody would see to it in its room.
    else if (isMember) this.end(call, 'failed', true);
    return result;
  }

  async #join<L extends Leg>(
    call: Call,
    mpcName: string,
    terms: JoinTerms,
    openLeg: (conference: string) => Promise<L>,
    reservation?: Reservation,
  ): Promise<JoinResult<L>> {
    const { directory } = this.#deps;
    const result = await directory.join({
      mpcName,
      terms,
      kind: call.kind,
      address: call.direction === 'inbound' ? call.from : call.to,
      callUuid: call.uuid,
      reservation,
      ...(call.place.in === 'room' && { beside: call.room }),
      openLeg: (conference, onEvent) => {
        call.onMemberEvent = onEvent;
        return openLeg(conference);
      },
      hangUp: (cause) => this.end(call, cause === 'transferred' ? 'hangup' : cause, true),
      takeBack: (cause) => this.#takeBack(call, cause),
    });
    if (!result.ok) {
      call.onMemberEvent = undefined;
      return result;
    }
    if (isEnded(call)) directory.leave(result.mpc, result.member, 'hangup', false);
    else if (result.member.present) this.#move(call, { in: 'mpc', mpc: result.mpc, member: result.member });
    return result;
  }

  /** A member leaves whose far side is still there: whoever wants the call has it in its room. */
  #takeBack(call: Call, cause: ExitCause): boolean {
    const { leg } = call;
    if (!leg || call.status === 'ended' || cause === 'shutdown' || cause === 'lost' || cause === 'no_rtp') return false;
    if (cause !== 'transferred' && call.keeper?.(cause) !== true) return false;
    this.openRoom(call, call.place.in === 'mpc' ? call.place.mpc.uuid : undefined);
    call.onMemberEvent = undefined;
    const moved = leg.move(call.room).catch((error: unknown) => {
      if (!(error instanceof EngineBusy)) throw error;
      this.end(call, 'lost', true);
    });
    this.#settled.set(call, moved);
    this.#move(call, { in: 'room' });
    return true;
  }

  #onLegEvent(call: Call, event: LegEvent): void {
    this.#emit({ type: 'leg', call, event });
    if (call.onMemberEvent) call.onMemberEvent(event);
    else if (event.type === 'lost') this.end(call, 'lost', true);
    else if (event.type === 'no-rtp' && event.expired) this.end(call, 'no_rtp', true);
  }

  #move(call: Call, place: Call['place']): void {
    call.place = place;
    this.#emit({ type: 'moved', call });
  }

  #emit(event: CallEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
