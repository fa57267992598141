import type { MediaEngine, RtpLeg } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import { type Call, type CallEndCause, type Calls, isEnded } from '../calls/index.ts';
import type { CallEnd } from '../sip/outgoing-call.ts';
import { LOST_RACE } from '../sip/outgoing-invite.ts';
import { reasonHeader } from '../sip/reason.ts';
import type { Allowance, RunningTime } from './allowance.ts';
import { Fork, type ForkDeps } from './fork.ts';
import { type MeanwhileDeps, playMeanwhile } from './meanwhile.ts';
import type { Destination, DialOrder } from './order.ts';
import type { Way } from './ways.ts';

export interface AttemptDeps extends MeanwhileDeps, Pick<ForkDeps, 'dial'> {
  readonly calls: Calls;
  readonly engine: Pick<MediaEngine, 'openRtpLeg' | 'play'>;
  readonly clock: Clock;
  readonly allowance: Allowance;
  /** Finds the ways that a route leads now; none: nowhere. */
  readonly find: (destination: Destination, order: DialOrder) => Promise<readonly Way[]>;
}

export interface AttemptEvents {
  /** Asked for the conference that it goes to when it is accepted, as far as there is one. */
  readonly destined: () => string | undefined;
  readonly onRinging: () => void;
  /** It answered, and pressed the key if there is one. */
  readonly onAccepted: () => void;
  readonly onAnswered: () => void;
}

/** How long somebody who answered may take to press the key. */
const CONFIRM_MS = 30_000;

/** One destination being called: its delay, its ringing, its answer and the key it presses. The call itself tells its end. */
export class Attempt {
  readonly destination: Destination;
  readonly call: Call;
  readonly #order: DialOrder;
  readonly #deps: AttemptDeps;
  readonly #events: AttemptEvents;
  #fork: Fork | undefined;
  /** Who got the digits while it rang. */
  #early: RtpLeg | undefined;
  #time: RunningTime | undefined;
  #cancelTimer: () => void;
  #stopSound: () => void = () => {};
  #awaitsKey = false;
  #lostRace = false;

  constructor(call: Call, destination: Destination, order: DialOrder, deps: AttemptDeps, events: AttemptEvents) {
    this.call = call;
    this.destination = destination;
    this.#order = order;
    this.#deps = deps;
    this.#events = events;
    this.#cancelTimer = deps.clock.setTimeout(() => this.#start(), destination.delayMs);
  }

  get lostRace(): boolean {
    return this.#lostRace;
  }

  /** Ends it at the far side, in whatever way its state asks for. */
  hangUp(cause: CallEndCause): void {
    this.#fork?.hangUp(this.#lostRace ? LOST_RACE : reasonHeader(cause));
  }

  /** Another was quicker. */
  loseRace(): void {
    this.#lostRace = true;
    this.#end('cancelled', true);
  }

  /** Takes a digit that the far side pressed. */
  press(digit: string): void {
    if (!this.#awaitsKey || digit !== this.#order.confirmation?.key) return;
    this.#awaitsKey = false;
    this.#stopSound();
    this.#cancelTimer();
    this.#events.onAccepted();
  }

  /** The call is over, whoever ended it. */
  ended(): void {
    this.#awaitsKey = false;
    this.#cancelTimer();
    this.#stopSound();
    this.#time?.stop();
  }

  #start(): void {
    this.#begin().catch((error: unknown) => {
      this.#deps.log.error({ err: error, call: this.call.uuid }, 'a call could not be made');
      this.#end('failed', true);
    });
  }

  async #begin(): Promise<void> {
    const { calls, clock } = this.#deps;
    const ways = await this.#deps.find(this.destination, this.#order);
    if (isEnded(this.call)) return;
    if (ways.length === 0) return this.#end('failed', false);
    calls.openRoom(this.call, this.#events.destined());
    const { digits, headers } = this.#order;
    this.#fork = new Fork(this.call, headers, this.#deps, {
      onRinging: this.#events.onRinging,
      ...(digits?.early && { onEarlyMedia: (leg) => this.#sendDigits(leg) }),
      onAnswered: (leg) => this.#onAnswered(leg),
      onEnded: (end) => this.#end(causeOf(end), false),
    });
    this.#cancelTimer = clock.setTimeout(() => this.#end('no_answer', true), this.destination.ringMs);
    await this.#fork.begin(ways);
  }

  #sendDigits(leg: RtpLeg): void {
    const { digits } = this.#order;
    if (!digits || this.#early === leg) return;
    this.#early = leg;
    leg.sendDigits(digits.text);
  }

  #onAnswered(leg: RtpLeg): void {
    if (isEnded(this.call)) return;
    const { calls, clock, allowance } = this.#deps;
    const { confirmation } = this.#order;
    this.#cancelTimer();
    calls.takeLeg(this.call, leg);
    if (this.destination.route.kind !== 'user') this.#time = allowance.start(() => this.#end('failed', true));
    calls.answered(this.call);
    this.#events.onAnswered();
    if (isEnded(this.call)) return;
    this.#sendDigits(leg);
    if (!confirmation) return this.#events.onAccepted();
    this.#awaitsKey = true;
    if (confirmation.sound) this.#stopSound = playMeanwhile(confirmation.sound, this.#audience(), this.#deps);
    this.#cancelTimer = clock.setTimeout(() => this.#end('rejected', true), CONFIRM_MS);
  }

  /** Who answered, in a room of its own. */
  #audience() {
    const { call } = this;
    const fields = new Map([
      ['CallUUID', call.uuid],
      ['From', call.from],
      ['To', call.to],
    ]);
    return { conference: call.room, legs: () => (call.leg ? [call.leg.id] : []), fields };
  }

  #end(cause: CallEndCause, tellPeer: boolean): void {
    this.#deps.calls.end(this.call, cause, tellPeer);
  }
}

function causeOf(end: CallEnd): CallEndCause {
  switch (end.kind) {
    case 'hangup':
    case 'lost':
      return end.kind;
    case 'timeout':
    case 'unreachable':
    case 'no-media':
      return 'failed';
    case 'refused':
      return causeOfStatus(end.status);
  }
}

function causeOfStatus(status: number): CallEndCause {
  if (status === 486 || status === 600) return 'busy';
  if (status === 408 || status === 480) return 'no_answer';
  return status === 403 || status === 603 ? 'rejected' : 'failed';
}
