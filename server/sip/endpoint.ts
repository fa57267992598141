import { randomBytes } from 'node:crypto';
import { Call, type CallDeps } from './call.ts';
import { ALLOW, CAPABILITIES, METHODS } from './capabilities.ts';
import { dialogKey, OWN_BRANCH } from './dialog.ts';
import type { Flow, Pressure, Receiver } from './flow.ts';
import type { Guard } from './guard.ts';
import { readContact, readInvitation, readTimer, refuseByForm } from './invitation.ts';
import type { SipLimits } from './limits.ts';
import { type SipRequest, tagOf } from './message.ts';
import { countedMethod, type DropReason, type SipObserver } from './observer.ts';
import { RateLimiter } from './rate.ts';
import type { ReadResult } from './reader.ts';
import { Responder } from './responder.ts';
import { type ServerTransaction, Transactions } from './transaction.ts';

export interface EndpointDeps extends Omit<CallDeps, 'transactions' | 'responder'> {
  readonly limits: SipLimits;
  readonly guard: Guard;
  readonly observer: SipObserver;
}

const RETRY_AFTER_RATE = { 'retry-after': '1' };
const RETRY_AFTER_CLOSING = { 'retry-after': '30' };

/** Takes every message from the transports, and decides what becomes of it. */
export class Endpoint implements Receiver {
  readonly #deps: EndpointDeps;
  readonly #callDeps: CallDeps;
  readonly #rate: RateLimiter;
  readonly #transactions: Transactions;
  readonly #responder: Responder;
  readonly #calls = new Map<string, Call>();
  /** Calls whose INVITE has no final answer, for CANCEL. */
  readonly #early = new Map<ServerTransaction, Call>();
  #closing = false;
  #onEmpty: () => void = () => {};

  constructor(deps: EndpointDeps) {
    this.#deps = deps;
    const { clock, limits, observer } = deps;
    this.#rate = new RateLimiter(limits.ratePerSecond, limits.sources, () => clock.now());
    this.#transactions = new Transactions({ clock, maxOpen: limits.transactions });
    this.#responder = new Responder(observer, randomBytes(32));
    this.#callDeps = { ...deps, transactions: this.#transactions, responder: this.#responder };
  }

  get dialogs(): number {
    return this.#calls.size;
  }

  get transactions(): number {
    return this.#transactions.open;
  }

  pressure(address: string): Pressure {
    return this.#rate.take(address);
  }

  awaitsResponses(): boolean {
    return this.#transactions.awaitsResponses;
  }

  dropped(reason: DropReason): void {
    this.#deps.observer.dropped(reason);
  }

  receive(read: ReadResult, flow: Flow, pressure: Pressure): void {
    try {
      this.#receive(read, flow, pressure);
    } catch (error) {
      // A mistake of ours; no message of one peer may end the calls of all others.
      this.#deps.log.error({ err: error }, 'a SIP message could not be handled');
    }
  }

  #receive(read: ReadResult, flow: Flow, pressure: Pressure): void {
    if (read.outcome === 'garbage') this.dropped('garbage');
    else if (read.outcome === 'broken') {
      this.#deps.observer.request(countedMethod(read.request.method));
      if (this.#deps.guard.trusts(flow)) this.#responder.refuseBroken(read.request, flow, read.refusal);
      else this.dropped('untrusted');
    } else if (read.message.kind === 'response') {
      if (!this.#transactions.respond(read.message)) this.dropped('stray');
    } else {
      this.#deps.observer.request(countedMethod(read.message.method));
      this.#receiveRequest(read.message, flow, pressure);
    }
  }

  /** Hangs up every call; resolves when all BYEs are answered, at the latest after `patienceMs`. */
  async close(patienceMs: number): Promise<void> {
    this.#closing = true;
    for (const call of [...this.#calls.values()]) call.shutDown();
    if (this.#calls.size > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#deps.clock.setTimeout(resolve, patienceMs);
        this.#onEmpty = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#transactions.close();
  }

  #receiveRequest(request: SipRequest, flow: Flow, pressure: Pressure): void {
    if (this.#transactions.absorb(request, flow)) return;
    if (request.method === 'ACK') {
      this.#receiveAck(request, flow);
      return;
    }
    const refuse = (status: number, reason: string, headers: Readonly<Record<string, string>> = {}): void =>
      this.#responder.respondStateless(request, flow, { status, reason, headers });

    const verdict = this.#deps.guard.check(request, flow);
    if (!verdict.allowed) return refuse(verdict.status, verdict.reason, verdict.headers);
    const call = this.#find(request);
    // Under pressure calls that stand go on.
    if (pressure !== 'pass' && !call && request.method !== 'CANCEL')
      return refuse(503, 'Service Unavailable', RETRY_AFTER_RATE);
    if (this.#isLooped(request) || this.#transactions.isMerged(request)) return refuse(482, 'Loop Detected');
    const form = refuseByForm(request);
    if (form) return refuse(form.status, form.reason, form.headers);

    if (request.method === 'CANCEL') return this.#cancel(request, flow);
    if (!METHODS.includes(request.method)) return refuse(405, 'Method Not Allowed', ALLOW);
    if (!call && (tagOf(request.to) !== undefined || !['INVITE', 'OPTIONS'].includes(request.method)))
      return refuse(481, 'Call Does Not Exist');
    if (!call && this.#isUnavailable()) return refuse(503, 'Service Unavailable', RETRY_AFTER_CLOSING);
    if (!call && request.method === 'OPTIONS') return refuse(200, 'OK', CAPABILITIES);

    const transaction = this.#transactions.answer(request, flow);
    if (!transaction) return refuse(503, 'Service Unavailable', RETRY_AFTER_RATE);
    if (call) call.receive(transaction);
    else this.#invite(transaction);
  }

  #receiveAck(ack: SipRequest, flow: Flow): void {
    const call = this.#find(ack);
    if (!this.#deps.guard.trusts(flow) && !call) this.dropped('untrusted');
    else if (call) call.acknowledge(ack, flow);
    else this.dropped('stray');
  }

  #invite(transaction: ServerTransaction): void {
    const { request } = transaction;
    const read = readInvitation(request);
    const contact = readContact(request);
    const timer = readTimer(request);
    const refused = [read, contact, timer].find((part) => !part.ok);
    if (refused && !refused.ok) {
      this.#responder.respond(transaction, refused.refusal);
      return;
    }
    if (!read.ok || !contact.ok || !timer.ok) return;
    this.#responder.respond(transaction, { status: 100, reason: 'Trying' });
    const call = new Call(transaction, read.invitation, contact.target, timer.timer, this.#callDeps, () => {
      this.#early.delete(transaction);
      this.#calls.delete(call.dialog.key);
      this.#deps.observer.dialogs(this.#calls.size);
      if (this.#calls.size === 0) this.#onEmpty();
    });
    this.#calls.set(call.dialog.key, call);
    this.#early.set(transaction, call);
    this.#deps.observer.dialogs(this.#calls.size);
    void call
      .start(transaction)
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error }, 'a call could not be answered');
        call.dialog.refuse(500, 'Server Internal Error');
      })
      .finally(() => this.#early.delete(transaction));
  }

  #cancel(request: SipRequest, flow: Flow): void {
    const invite = this.#transactions.findInvite(request);
    const call = invite && this.#early.get(invite);
    const answer = invite
      ? { status: 200, reason: 'OK', ...(call ? { toTag: call.dialog.localTag } : {}) }
      : { status: 481, reason: 'Call Does Not Exist' };
    this.#responder.respondStateless(request, flow, answer);
    call?.cancel();
  }

  #find(request: SipRequest): Call | undefined {
    const localTag = tagOf(request.to);
    return localTag === undefined
      ? undefined
      : this.#calls.get(dialogKey(request.callId, localTag, tagOf(request.from)));
  }

  #isUnavailable(): boolean {
    return this.#closing || this.#deps.directory.draining;
  }

  /** A request of our own that came back (RFC 3261 section 16.3). */
  #isLooped(request: SipRequest): boolean {
    return request.vias.some((via) => via.params.get('branch')?.startsWith(OWN_BRANCH) === true);
  }
}
