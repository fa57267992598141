import type { StatusNews } from '../callbacks/index.ts';
import type { CallbackFields } from '../callbacks/signature.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { Call, CallEndCause, CallEvent, Calls, EnterResult } from '../calls/index.ts';
import type { Directory, Expected } from '../mpc/index.ts';
import { LIMIT_REFUSALS, type LimitRefusal } from './allowance.ts';
import { Attempt, type AttemptDeps } from './attempt.ts';
import { type CallNews, callStatusFields } from './call-status.ts';
import { playMeanwhile } from './meanwhile.ts';
import type { Destination, DialOrder } from './order.ts';
import { ROUTE_REFUSALS, type Routed, type RouteRules, routeTo } from './route.ts';

export interface DiallerDeps extends AttemptDeps {
  readonly calls: Calls;
  readonly directory: Directory;
  readonly observer: DialObserver;
  readonly rules: RouteRules;
  readonly tell: (conference: string, target: CallbackTarget, fields: CallbackFields) => void;
  /** Tells the MPC's status callback. */
  readonly tellStatus: (news: StatusNews) => void;
  readonly now: () => Date;
}

export const DIAL_RESULTS = ['answered', 'busy', 'rejected', 'no_answer', 'cancelled', 'failed'] as const;

/** How a call of ours came out: a closed set, also a metric label. */
export type DialResult = (typeof DIAL_RESULTS)[number];

/** Why a call was not even tried: a closed set, also a metric label. */
export const DIAL_REFUSALS = [...ROUTE_REFUSALS, ...LIMIT_REFUSALS] as const;

export type DialRefusal = (typeof DIAL_REFUSALS)[number];

export interface DialObserver {
  dialled(result: DialResult): void;
  dialRefused(reason: DialRefusal): void;
}

export type Dialled =
  | { readonly ok: true; readonly requestUuid: string; readonly calls: readonly Call[] }
  | { readonly ok: false; readonly reason: 'draining' | 'server_full' }
  | LimitRefusal;

/** Calls people into MPCs. */
export class Dialler {
  readonly #deps: DiallerDeps;
  readonly #attempts = new Map<Call, { readonly attempt: Attempt; readonly request: DialRequest }>();

  constructor(deps: DiallerDeps) {
    this.#deps = deps;
    deps.calls.subscribe((event) => this.#onCall(event));
  }

  /** Calls under way that have not found their way into an MPC. */
  get ringing(): number {
    return this.#attempts.size;
  }

  /** Where a destination leads, if anywhere. */
  route(destination: string): Routed {
    const routed = routeTo(destination, this.#deps.rules);
    if (!routed.ok) this.#deps.observer.dialRefused(routed.reason);
    return routed;
  }

  /** Begins to call the destinations of an order; the calls go on by themselves. */
  dial(order: DialOrder): Dialled {
    const { calls, allowance } = this.#deps;
    if (calls.draining) return { ok: false, reason: 'draining' };
    const outside = order.destinations.filter(({ route }) => route.kind !== 'user').length;
    if (outside > 0) {
      const allowed = allowance.take(outside);
      if (!allowed.ok) {
        this.#deps.observer.dialRefused(allowed.reason);
        return allowed;
      }
    }
    const request = new DialRequest(order, this.#deps);
    const attempts = request.begin();
    if (!attempts) return { ok: false, reason: 'server_full' };
    for (const attempt of attempts) this.#attempts.set(attempt.call, { attempt, request });
    return { ok: true, requestUuid: request.uuid, calls: attempts.map(({ call }) => call) };
  }

  #onCall(event: CallEvent): void {
    const found = this.#attempts.get(event.call);
    if (!found) return;
    const { attempt, request } = found;
    if (event.type === 'leg' && event.event.type === 'dtmf') attempt.press(event.event.digit);
    if (event.type !== 'ended') return;
    this.#attempts.delete(event.call);
    attempt.ended();
    request.ended(attempt);
  }
}

/** How a call ends that was answered and is not let in. `ended`: its MPC has. */
const REFUSED_ENTRY: Readonly<Record<Extract<EnterResult, { ok: false }>['reason'], CallEndCause>> = {
  mpc_full: 'rejected',
  ended: 'mpc_ended',
  server_full: 'failed',
  draining: 'failed',
  busy: 'failed',
};

/** One order: its attempts race, and the first that is accepted has the place in the MPC. */
class DialRequest {
  readonly #order: DialOrder;
  readonly #deps: DiallerDeps;
  readonly #racing = new Set<Attempt>();
  #expected: Expected | undefined;
  #uuid = '';
  #hasWinner = false;
  #stopMusic: (() => void) | undefined;

  constructor(order: DialOrder, deps: DiallerDeps) {
    this.#order = order;
    this.#deps = deps;
  }

  /** That of the only call, or one of its own for several. */
  get uuid(): string {
    return this.#uuid;
  }

  /** Undefined: the server takes no more calls, and none was begun. */
  begin(): readonly Attempt[] | undefined {
    const { calls, directory, newUuid } = this.#deps;
    const { destinations, mpcName } = this.#order;
    for (const destination of destinations) {
      const attempt = this.#attempt(destination);
      if (!attempt) {
        for (const begun of this.#racing) calls.end(begun.call, 'failed', false);
        return undefined;
      }
      this.#racing.add(attempt);
    }
    const attempts = [...this.#racing];
    const [only, ...more] = attempts;
    this.#uuid = only && more.length === 0 ? only.call.uuid : newUuid();
    this.#expected = directory.expect(mpcName, () => this.#giveUp());
    const { mpc } = this.#expected;
    const legs = () => mpc.presentMembers.flatMap((member) => (member.leg ? [member.leg.id] : []));
    const fields = new Map([
      ['MPCUUID', mpc.uuid],
      ['MPCName', mpc.name],
      ['RequestUUID', this.#uuid],
    ]);
    this.#stopMusic = playMeanwhile(this.#order.music, { conference: mpc.uuid, legs, fields }, this.#deps);
    this.#tellStatus('AddParticipantByAPIActionInitiated');
    return attempts;
  }

  /** A call of it is over. */
  ended(attempt: Attempt): void {
    const { observer, now } = this.#deps;
    const { call } = attempt;
    observer.dialled(call.answeredAt ? 'answered' : resultOf(call));
    this.#tell('ended', attempt, call.endedAt ?? now());
    this.#racing.delete(attempt);
    if (this.#racing.size === 0 && !this.#hasWinner) this.#settle();
  }

  #attempt(destination: Destination): Attempt | undefined {
    const rung = this.#deps.calls.ring({
      kind: 'sip',
      direction: 'outbound',
      from: this.#order.from,
      to: destination.to,
      hangUp: (cause) => attempt.hangUp(cause),
    });
    if (!rung.ok) return undefined;
    const attempt: Attempt = new Attempt(rung.call, destination, this.#order, this.#deps, {
      destined: () => this.#expected?.mpc.uuid,
      onRinging: () => this.#tell('ringing', attempt, this.#deps.now()),
      onAnswered: () => this.#tell('answered', attempt, this.#deps.now()),
      onAccepted: () => this.#accept(attempt),
    });
    return attempt;
  }

  #accept(winner: Attempt): void {
    this.#hasWinner = true;
    this.#racing.delete(winner);
    for (const attempt of [...this.#racing]) attempt.loseRace();
    this.#stopMusic?.();
    this.#enter(winner.call)
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error, call: winner.call.uuid }, 'who was called could not enter the MPC');
        this.#deps.calls.end(winner.call, 'failed', true);
      })
      .finally(() => this.#settle());
  }

  /** Into the MPC that it was called for, and no other of that name. */
  async #enter(call: Call): Promise<void> {
    const { calls } = this.#deps;
    const { mpcName, terms } = this.#order;
    const entered = await calls.enterMpc(call, mpcName, terms, this.#expected?.mpc);
    if (!entered.ok) calls.end(call, REFUSED_ENTRY[entered.reason], true);
  }

  /** The MPC is over: nobody is called for it any more. */
  #giveUp(): void {
    for (const attempt of [...this.#racing]) this.#deps.calls.end(attempt.call, 'cancelled', true);
  }

  #settle(): void {
    this.#stopMusic?.();
    this.#tellStatus('AddParticipantByAPIActionCompleted');
    this.#expected?.release();
  }

  /** An MPC without members has no status callback of its own yet: then it is that of who is called. */
  #tellStatus(event: string): void {
    const { mpc } = this.#expected ?? {};
    if (!mpc) return;
    const { terms } = this.#order;
    const told = mpc.terms?.status ? mpc : { name: mpc.name, terms: { status: terms.mpc?.status } };
    const fields = { RequestUUID: this.#uuid, ParticipantRole: terms.role };
    this.#deps.tellStatus({ group: 'add-participant-api-events', event, mpc: told, fields });
  }

  #tell(news: CallNews, attempt: Attempt, at: Date): void {
    const { status } = this.#order;
    if (!status) return;
    this.#deps.tell(attempt.call.uuid, status, callStatusFields(news, attempt.call, this.#uuid, at, attempt.lostRace));
  }
}

function resultOf(call: Call): DialResult {
  return DIAL_RESULTS.find((result) => result === call.endCause) ?? 'cancelled';
}
