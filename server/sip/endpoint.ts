import { randomBytes } from 'node:crypto';
import { inBackground } from '../background.ts';
import { ALLOW, CAPABILITIES, METHODS } from './capabilities.ts';
import { dialogKey } from './dialog-identity.ts';
import type { Flow, Pressure, Receiver } from './flow.ts';
import type { Guard, Standing } from './guard.ts';
import { type CallDeps, IncomingCall } from './incoming-call.ts';
import { readContact, readInvitation, readTimer, refuseByForm } from './invitation.ts';
import type { SipLimits } from './limits.ts';
import { type HeaderTexts, type SipRequest, tagOf } from './message.ts';
import { countedMethod, type DropReason, type SipObserver } from './observer.ts';
import { type CallOrder, OutgoingCall } from './outgoing-call.ts';
import { RateLimiter } from './rate.ts';
import type { ReadResult } from './reader.ts';
import type { Registrar } from './registrar.ts';
import { Responder } from './responder.ts';
import { forbidsCalls } from './sdes.ts';
import { type ServerTransaction, Transactions } from './transaction.ts';

export interface EndpointDeps extends Omit<CallDeps, 'transactions' | 'responder'> {
  readonly limits: SipLimits;
  readonly guard: Guard;
  readonly observer: SipObserver;
  /** Of users' addresses. */
  readonly realm: string;
  readonly registrar: Pick<Registrar, 'register'>;
}

/** A call that stands or is being answered, whoever began it. */
interface Party {
  acknowledge(ack: SipRequest, flow: Flow): void;
  receive(transaction: ServerTransaction): void;
  shutDown(): void;
  /** Where its peer's signalling comes from; undefined before there was any. */
  readonly peerAddress: string | undefined;
  /** Whose password it began with, if with one. */
  readonly user?: string | undefined;
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
  readonly #calls = new Map<string, Party>();
  /** Calls of ours that nobody answered yet, and INVITEs taken back that are not settled. */
  readonly #dialling = new Set<OutgoingCall>();
  /** Calls whose INVITE has no final answer, for CANCEL. */
  readonly #early = new Map<ServerTransaction, IncomingCall>();
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
    return this.#calls.size + this.#dialling.size;
  }

  /** Calls somebody. Undefined: no new calls are made any more, too much is under way, or its sound would have to be plain. */
  dial(order: CallOrder): OutgoingCall | undefined {
    if (this.#isUnavailable() || this.#transactions.open >= this.#deps.limits.transactions) return undefined;
    const { way } = order;
    if (forbidsCalls(this.#deps.srtp, way)) {
      this.#deps.log.warn({ to: order.uri }, 'not called: SRTP is required, and there is no TLS on the way');
      return undefined;
    }
    const flow = 'send' in way ? way : this.#deps.connect(way.transport, way.address, way.port, way.name);
    let key: string | undefined;
    const call: OutgoingCall = new OutgoingCall(order, flow, this.#callDeps, {
      onDialog: (dialog) => {
        key = dialog.key;
        this.#calls.set(key, call);
        this.#dialling.delete(call);
      },
      onGone: () => {
        this.#dialling.delete(call);
        if (key !== undefined) this.#calls.delete(key);
        this.#counted();
      },
    });
    this.#dialling.add(call);
    this.#counted();
    return call;
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
      if (!this.#transactions.respond(read.message, flow)) this.dropped('stray');
    } else {
      this.#deps.observer.request(countedMethod(read.message.method));
      this.#receiveRequest(read.message, flow, pressure);
    }
  }

  /** Hangs up every call; resolves when all BYEs are answered, at the latest after `patienceMs`. */
  async close(patienceMs: number): Promise<void> {
    this.#closing = true;
    for (const call of [...this.#calls.values(), ...this.#dialling]) call.shutDown();
    if (this.dialogs > 0) {
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
    const refuse = (status: number, reason: string, headers: HeaderTexts = {}): void =>
      this.#responder.respondStateless(request, flow, { status, reason, headers });

    const call = this.#find(request);
    const verdict = this.#deps.guard.check(request, flow, this.#standing(request, call));
    if (!verdict.allowed) return refuse(verdict.status, verdict.reason, verdict.headers);
    // Under pressure calls that stand go on.
    if (pressure !== 'pass' && !call && request.method !== 'CANCEL')
      return refuse(503, 'Service Unavailable', RETRY_AFTER_RATE);
    if (this.#isLooped(request) || this.#transactions.isMerged(request)) return refuse(482, 'Loop Detected');
    const form = refuseByForm(request, flow);
    if (form) return refuse(form.status, form.reason, form.headers);

    if (request.method === 'CANCEL') return this.#cancel(request, flow);
    if (!METHODS.includes(request.method)) return refuse(405, 'Method Not Allowed', ALLOW);
    if (!call && (tagOf(request.to) !== undefined || !['INVITE', 'OPTIONS', 'REGISTER'].includes(request.method)))
      return refuse(481, 'Call Does Not Exist');
    if (!call && this.#isUnavailable()) return refuse(503, 'Service Unavailable', RETRY_AFTER_CLOSING);
    if (!call && request.method === 'OPTIONS') return refuse(200, 'OK', CAPABILITIES);

    const transaction = this.#transactions.answer(request, flow);
    if (!transaction) return refuse(503, 'Service Unavailable', RETRY_AFTER_RATE);
    if (call) call.receive(transaction);
    else if (request.method === 'REGISTER')
      this.#responder.respond(transaction, this.#deps.registrar.register(request, flow, verdict.user));
    else this.#invite(transaction, verdict.user);
  }

  #receiveAck(ack: SipRequest, flow: Flow): void {
    const call = this.#find(ack);
    // Nobody is asked for credentials here (RFC 3261 section 22.1): a call takes it from where its peer is.
    const isPeer = this.#deps.guard.trusts(flow) || call?.peerAddress === flow.address;
    if (!call && this.#responder.isOurs(ack)) return;
    if (!isPeer) this.dropped('untrusted');
    else if (call) call.acknowledge(ack, flow);
    else this.dropped('stray');
  }

  #invite(transaction: ServerTransaction, user: string | undefined): void {
    const { request } = transaction;
    const read = readInvitation(request, user, this.#deps.realm);
    const contact = readContact(request);
    const timer = readTimer(request);
    const refused = [read, contact, timer].find((part) => !part.ok);
    if (refused && !refused.ok) {
      this.#responder.respond(transaction, refused.refusal);
      return;
    }
    if (!read.ok || !contact.ok || !timer.ok) return;
    this.#responder.respond(transaction, { status: 100, reason: 'Trying' });
    const call = new IncomingCall(transaction, read.invitation, contact.target, timer.timer, this.#callDeps, () => {
      this.#early.delete(transaction);
      this.#calls.delete(call.dialog.key);
      this.#counted();
    });
    this.#calls.set(call.dialog.key, call);
    this.#early.set(transaction, call);
    this.#counted();
    const answered = call
      .start(transaction)
      .catch((error: unknown) => {
        this.#deps.log.error({ err: error }, 'a call could not be answered');
        call.dialog.refuse(500, 'Server Internal Error');
      })
      .finally(() => this.#early.delete(transaction));
    inBackground(answered, 'the refusal of a call', this.#deps.log);
  }

  #counted(): void {
    this.#deps.observer.dialogs(this.dialogs);
    if (this.dialogs === 0) this.#onEmpty();
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

  #find(request: SipRequest): Party | undefined {
    const localTag = tagOf(request.to);
    return localTag === undefined
      ? undefined
      : this.#calls.get(dialogKey(request.callId, localTag, tagOf(request.from)));
  }

  /** What stands already of which the request is a part. */
  #standing(request: SipRequest, call: Party | undefined): Standing | undefined {
    if (request.method === 'CANCEL') {
      const invite = this.#transactions.findInvite(request);
      return invite && { address: invite.flow.address, user: this.#early.get(invite)?.user };
    }
    return call?.peerAddress === undefined ? undefined : { address: call.peerAddress, user: call.user };
  }

  #isUnavailable(): boolean {
    return this.#closing || this.#deps.calls.draining;
  }

  /** A request of our own that came back (RFC 3261 section 16.3). */
  #isLooped(request: SipRequest): boolean {
    const { vias, method } = request;
    return vias.some((via) => this.#transactions.isOurs(via.params.get('branch') ?? '', method));
  }
}
