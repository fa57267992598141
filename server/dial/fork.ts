import type { LegEvent, MediaEngine, RtpLeg } from '../../media/engine.ts';
import type { Call, Calls } from '../calls/index.ts';
import type { CallEnd, CallOrder, OutgoingCall } from '../sip/outgoing-call.ts';
import { LOST_RACE } from '../sip/outgoing-invite.ts';
import { bestEnd, isFinal, statusOf } from './best-end.ts';
import type { Way } from './ways.ts';

export interface ForkDeps {
  readonly calls: Pick<Calls, 'openSpareLeg'>;
  readonly engine: Pick<MediaEngine, 'openRtpLeg'>;
  readonly dial: (order: CallOrder) => OutgoingCall | undefined;
}

export interface ForkEvents {
  /** The first phone rings. */
  readonly onRinging: () => void;
  /** One that rings can be heard already, and hears what its leg sends. Left out: nobody wants to know. */
  readonly onEarlyMedia?: (leg: RtpLeg) => void;
  /** One answered, with this leg; the others are told so. */
  readonly onAnswered: (leg: RtpLeg) => void;
  /** Nobody answers any more, or who answered is gone. Exactly once, unless we hung up ourselves. */
  readonly onEnded: (end: CallEnd) => void;
}

/** One phone that is called, with a port of its own: descriptions and sound of several do not mix. */
interface Branch {
  readonly leg: RtpLeg;
  sip: OutgoingCall | undefined;
}

const UNREACHABLE: CallEnd = { kind: 'unreachable' };

/**
 * One call to all phones of whoever is called, at once. The first that answers has it; the call fails when the last phone has
 * failed, or when one refuses for all of them (RFC 3261 section 16.7).
 */
export class Fork {
  readonly #call: Call;
  readonly #headers: CallOrder['headers'];
  readonly #deps: ForkDeps;
  readonly #events: ForkEvents;
  /** Phones that may still answer, or the one that has. */
  readonly #branches = new Set<Branch>();
  readonly #failures: CallEnd[] = [];
  /** Phones that are not called yet: their legs are being opened. */
  #awaited = 0;
  #winner: Branch | undefined;
  /** Whatever phones say from now on changes nothing, but for the winner's end. */
  #settled = false;
  #rings = false;
  #isEarly = false;

  constructor(call: Call, headers: CallOrder['headers'], deps: ForkDeps, events: ForkEvents) {
    this.#call = call;
    this.#headers = headers;
    this.#deps = deps;
    this.#events = events;
  }

  /** Calls them; resolves when every INVITE is out. `ways`: at least one. */
  async begin(ways: readonly Way[]): Promise<void> {
    this.#awaited = ways.length;
    await Promise.all(ways.map((way) => this.#ring(way)));
  }

  /** Takes the call back from all, or ends it. No event follows. `reason`: a Reason header (RFC 3326). */
  hangUp(reason: string): void {
    this.#settled = true;
    for (const { sip } of this.#branches) sip?.hangUp(reason);
    this.#branches.clear();
  }

  async #ring(way: Way): Promise<void> {
    const { calls, engine, dial } = this.#deps;
    let branch: Branch | undefined;
    const opened = await calls.openSpareLeg(this.#call, (room, onEvent) =>
      engine.openRtpLeg(room, way.legOptions, (event) => {
        if (branch && branch !== this.#winner) this.#onSpareEvent(branch, event);
        else onEvent(event);
      }),
    );
    this.#awaited -= 1;
    if (!opened.ok) return this.#fail(UNREACHABLE);
    const { leg } = opened;
    if (this.#settled) return leg.close();
    const begun: Branch = { leg, sip: undefined };
    branch = begun;
    this.#branches.add(begun);
    const { onEarlyMedia } = this.#events;
    begun.sip = dial({
      ...way,
      headers: this.#headers,
      leg,
      onRinging: () => this.#onRinging(),
      ...(onEarlyMedia && { onEarlyMedia: () => this.#onEarlyMedia(begun) }),
      onAnswered: () => this.#onAnswered(begun),
      onEnded: (end) => this.#onEnded(begun, end),
    });
    if (!begun.sip) this.#onEnded(begun, UNREACHABLE);
  }

  #onRinging(): void {
    if (this.#settled || this.#rings) return;
    this.#rings = true;
    this.#events.onRinging();
  }

  #onEarlyMedia({ leg }: Branch): void {
    if (this.#settled || this.#isEarly) return;
    this.#isEarly = true;
    this.#events.onEarlyMedia?.(leg);
  }

  #onAnswered(branch: Branch): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#winner = branch;
    this.#takeBack(LOST_RACE);
    this.#events.onAnswered(branch.leg);
  }

  /** A leg that is not the call's yet: all that matters is whether it still can be. */
  #onSpareEvent(branch: Branch, event: LegEvent): void {
    if (event.type !== 'lost' || !this.#branches.has(branch)) return;
    branch.sip?.hangUp('Q.850;cause=41;text="lost"');
    this.#onEnded(branch, UNREACHABLE);
  }

  #onEnded(branch: Branch, end: CallEnd): void {
    if (!this.#branches.delete(branch)) return;
    if (branch === this.#winner) return this.#events.onEnded(end);
    branch.leg.close();
    this.#fail(end);
  }

  #fail(end: CallEnd): void {
    this.#failures.push(end);
    if (this.#settled) return;
    const isLast = this.#branches.size === 0 && this.#awaited === 0;
    if (!isLast && !isFinal(end)) return;
    this.#settled = true;
    this.#takeBack(`SIP;cause=${statusOf(end)}`);
    this.#events.onEnded(bestEnd(this.#failures));
  }

  /** Those that still ring stop; one whose answer is on its way is hung up when it comes. */
  #takeBack(reason: string): void {
    for (const branch of this.#branches) {
      if (branch === this.#winner) continue;
      this.#branches.delete(branch);
      branch.sip?.hangUp(reason);
      branch.leg.close();
    }
  }
}
