import type { MediaEngine, RtpLeg } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import type { Call, CallEndCause, Calls } from '../calls/index.ts';
import type { CallEnd, CallOrder, OutgoingCall } from '../sip/outgoing-call.ts';
import { LOST_RACE } from '../sip/outgoing-invite.ts';
import { reasonHeader } from '../sip/reason.ts';
import type { Allowance, RunningTime } from './allowance.ts';
import { type MeanwhileDeps, playMeanwhile } from './meanwhile.ts';
import type { Destination, DialOrder } from './order.ts';
import type { Way } from './ways.ts';

export interface AttemptDeps extends MeanwhileDeps {
  readonly calls: Calls;
  readonly engine: Pick<MediaEngine, 'openRtpLeg' | 'play'>;
  readonly clock: Clock;
  readonly allowance: Allowance;
  /** Finds where a route leads now; undefined: nowhere. */
  readonly find: (destination: Destination, order: DialOrder) => Promise<Way | undefined>;
  readonly dial: (order: CallOrder) => OutgoingCall | undefined;
}

export interface AttemptEvents {
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
  #sip: OutgoingCall | undefined;
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
    this.#cancelTimer = deps.clock.setTimeout(() => void this.#begin(), destination.delayMs);
  }

  get lostRace(): boolean {
    return this.#lostRace;
  }

  /** Ends it at the far side, in whatever way its state asks for. */
  hangUp(cause: CallEndCause): void {
    this.#sip?.hangUp(this.#lostRace ? LOST_RACE : reasonHeader(cause));
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

  async #begin(): Promise<void> {
    const { calls, engine } = this.#deps;
    const way = await this.#deps.find(this.destination, this.#order);
    if (!way) return this.#end('failed', false);
    if (isEnded(this.call)) return;
    const opened = await calls.openInRoom(this.call, (conference, onEvent) =>
      engine.openRtpLeg(conference, way.legOptions, onEvent),
    );
    if (!opened.ok) return this.#end('failed', false);
    if (isEnded(this.call)) return;
    this.#sip = this.#deps.dial(this.#orderFor(way, opened.leg));
    if (!this.#sip) return this.#end('failed', false);
    this.#cancelTimer = this.#deps.clock.setTimeout(() => this.#end('no_answer', true), this.destination.ringMs);
  }

  #orderFor(way: Way, leg: RtpLeg): CallOrder {
    return {
      ...way,
      headers: this.#order.headers,
      leg,
      onRinging: this.#events.onRinging,
      onAnswered: () => this.#onAnswered(),
      onEnded: (end) => this.#end(causeOf(end), false),
    };
  }

  #onAnswered(): void {
    if (isEnded(this.call)) return;
    const { calls, clock, allowance } = this.#deps;
    const { digits, confirmation } = this.#order;
    this.#cancelTimer();
    if (this.destination.route.kind !== 'user') this.#time = allowance.start(() => this.#end('failed', true));
    calls.answered(this.call);
    this.#events.onAnswered();
    if (this.call.status === 'ended') return;
    if (digits !== undefined) this.call.leg?.sendDigits(digits);
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

/** Asked anew: while something was waited for, the call may have ended. */
function isEnded(call: Call): boolean {
  return call.status === 'ended';
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
