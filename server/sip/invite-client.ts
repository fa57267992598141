import type { Clock } from '../../media/time/clock.ts';
import type { Flow } from './flow.ts';
import type { SipResponse } from './message.ts';
import { repeat } from './repeat.ts';
import { GIVE_UP } from './timing.ts';

/** An INVITE of ours, ready to go out. */
export interface InviteRequest {
  readonly bytes: Buffer;
  /** The ACK of a refusal: it belongs to the transaction and repeats its branch (RFC 3261 section 17.1.1.3). */
  readonly ack: (refusal: SipResponse) => Buffer;
}

export interface InviteEvents {
  readonly onProvisional: (response: SipResponse) => void;
  /** Every 2xx that comes, repeated ones and those of other branches too: each wants an ACK, which is the caller's. */
  readonly onAccepted: (response: SipResponse) => void;
  /** `from`: the address that it came from. `timeout`: nobody said anything. `unreachable`: the connection broke. */
  readonly onFailed: (failure: SipResponse | 'timeout' | 'unreachable', from: string) => void;
  /** Nothing more comes. */
  readonly onEnded: () => void;
}

type State = 'calling' | 'proceeding' | 'accepted' | 'completed' | 'ended';

/** The client's transaction of an INVITE: RFC 3261 section 17.1.1, with the accepted state of RFC 6026. */
export class InviteClient {
  readonly #request: InviteRequest;
  readonly #flow: Flow;
  readonly #clock: Clock;
  readonly #events: InviteEvents;
  readonly #stopWatching: () => void;
  #state: State = 'calling';
  #ack: Buffer | undefined;
  #stopRepeating: () => void;
  #cancelTimer: () => void;

  constructor(request: InviteRequest, flow: Flow, clock: Clock, events: InviteEvents) {
    this.#request = request;
    this.#flow = flow;
    this.#clock = clock;
    this.#events = events;
    this.#stopWatching = flow.onClose(() => this.#onClosed());
    flow.send(request.bytes);
    // Timers A, whose intervals have no upper bound, and B.
    this.#stopRepeating = flow.reliable ? () => {} : repeat(clock, () => flow.send(request.bytes), GIVE_UP);
    this.#cancelTimer = clock.setTimeout(() => this.#fail('timeout'), GIVE_UP);
  }

  receive(response: SipResponse, from: Flow): void {
    const { status } = response;
    if (this.#state === 'calling' || this.#state === 'proceeding') {
      this.#stopRepeating();
      this.#cancelTimer();
      if (status < 200) {
        this.#state = 'proceeding';
        this.#events.onProvisional(response);
      } else if (status < 300) {
        this.#state = 'accepted';
        // Timer M.
        this.#cancelTimer = this.#clock.setTimeout(() => this.end(), GIVE_UP);
        this.#events.onAccepted(response);
      } else {
        this.#state = 'completed';
        this.#ack = this.#request.ack(response);
        this.#flow.send(this.#ack);
        // Timer D.
        this.#cancelTimer = this.#clock.setTimeout(() => this.end(), this.#flow.reliable ? 0 : GIVE_UP);
        this.#events.onFailed(response, from.address);
      }
    } else if (this.#state === 'accepted' && status >= 200 && status < 300) this.#events.onAccepted(response);
    else if (this.#state === 'completed' && status >= 300 && this.#ack) this.#flow.send(this.#ack);
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stopWatching();
    this.#stopRepeating();
    this.#cancelTimer();
    this.#events.onEnded();
  }

  #onClosed(): void {
    // A call that was taken goes on by a new connection.
    if (this.#state === 'calling' || this.#state === 'proceeding') this.#fail('unreachable');
  }

  #fail(reason: 'timeout' | 'unreachable'): void {
    this.#events.onFailed(reason, this.#flow.address);
    this.end();
  }
}
