import type { Clock } from '../../media/time/clock.ts';
import type { Flow } from './flow.ts';
import { InviteClient, type InviteEvents, type InviteRequest } from './invite-client.ts';
import { type SipRequest, type SipResponse, tagOf, topVia } from './message.ts';
import { repeat } from './repeat.ts';
import { GIVE_UP, T4 } from './timing.ts';

/** Begins every branch made by RFC 3261's rules: such a branch alone names the transaction. */
export const MAGIC_COOKIE = 'z9hG4bK';

/** A request being answered (RFC 3261 section 17.2, for INVITE as RFC 6026 has it). */
export interface ServerTransaction {
  readonly request: SipRequest;
  /** Where the last copy of the request came from, and so where answers go. */
  readonly flow: Flow;
  /** Of the last answer; 0 before the first. */
  readonly status: number;
  /** Sends an answer and repeats it as needed. After a final one further answers are ignored, but for 2xx to INVITE. */
  respond(status: number, bytes: Buffer): void;
}

export type ResponseHandler = (response: SipResponse | 'timeout') => void;

export interface TransactionsDeps {
  readonly clock: Clock;
  readonly maxOpen: number;
}

/** All transactions of the server: finds retransmissions, repeats what is not acknowledged, forgets in time. */
export class Transactions {
  readonly #clock: Clock;
  readonly #maxOpen: number;
  readonly #servers = new Map<string, Server>();
  readonly #clients = new Map<string, Client | InviteClient>();
  /** Requests that started something, by what stays the same on every path they may take here. */
  readonly #origins = new Map<string, Server>();

  constructor(deps: TransactionsDeps) {
    this.#clock = deps.clock;
    this.#maxOpen = deps.maxOpen;
  }

  get open(): number {
    return this.#servers.size + this.#clients.size;
  }

  get awaitsResponses(): boolean {
    return this.#clients.size > 0;
  }

  /** Takes retransmissions, and the ACK of a refusal. True: there is nothing more to do with the request. */
  absorb(request: SipRequest, flow: Flow): boolean {
    const found = this.#servers.get(serverKey(request));
    if (!found) return false;
    return found.repeated(request, flow);
  }

  /** Begins to answer a request that `absorb` did not know. Undefined: too many are open. */
  answer(request: SipRequest, flow: Flow): ServerTransaction | undefined {
    if (this.open >= this.#maxOpen) return undefined;
    const key = serverKey(request);
    const origin = originKey(request);
    const forget = (): void => {
      this.#servers.delete(key);
      if (this.#origins.get(origin) === server) this.#origins.delete(origin);
    };
    const server: Server =
      request.method === 'INVITE'
        ? new InviteServer(request, flow, this.#clock, forget)
        : new OtherServer(request, flow, this.#clock, forget);
    this.#servers.set(key, server);
    if (tagOf(request.to) === undefined) this.#origins.set(origin, server);
    return server;
  }

  /** The INVITE that a CANCEL means. */
  findInvite(cancel: SipRequest): ServerTransaction | undefined {
    return this.#servers.get(serverKey(cancel, 'INVITE'));
  }

  /** True when the request came before by another path (RFC 3261 section 8.2.2.2). */
  isMerged(request: SipRequest): boolean {
    return tagOf(request.to) === undefined && this.#origins.has(originKey(request));
  }

  /** Sends a request of ours, other than INVITE and ACK; `done` hears the final answer, once. */
  send(method: string, branch: string, bytes: Buffer, flow: Flow, done: ResponseHandler): void {
    const key = clientKey(branch, method);
    const client = new Client(bytes, flow, this.#clock, done, () => this.#clients.delete(key));
    this.#clients.set(key, client);
  }

  /** Sends an INVITE of ours. */
  invite(branch: string, request: InviteRequest, flow: Flow, events: InviteEvents): InviteClient {
    const key = clientKey(branch, 'INVITE');
    const onEnded = (): void => {
      this.#clients.delete(key);
      events.onEnded();
    };
    const client = new InviteClient(request, flow, this.#clock, { ...events, onEnded });
    this.#clients.set(key, client);
    return client;
  }

  /** Hands a response to the request it answers. False: to none of ours. */
  respond(response: SipResponse, from: Flow): boolean {
    const branch = topVia(response).params.get('branch');
    const client = branch ? this.#clients.get(clientKey(branch, response.cseq.method)) : undefined;
    client?.receive(response, from);
    return client !== undefined;
  }

  /** True for the branch of a request of ours that is not settled. */
  isOurs(branch: string, method: string): boolean {
    return this.#clients.has(clientKey(branch, method));
  }

  /** Forgets everything at once; nothing more is sent. */
  close(): void {
    for (const transaction of [...this.#servers.values(), ...this.#clients.values()]) transaction.end();
  }
}

/** RFC 3261 section 17.2.3, with its rule for older senders, whose branches need not differ. */
function serverKey(request: SipRequest, method = request.method === 'ACK' ? 'INVITE' : request.method): string {
  const via = topVia(request);
  const branch = via.params.get('branch') ?? '';
  const sentBy = `${via.host.toLowerCase()}:${via.port ?? ''}`;
  if (branch.startsWith(MAGIC_COOKIE)) return [method, branch, sentBy].join(' ');
  const { from, callId, cseq, uri } = request;
  return [method, branch, sentBy, uri, tagOf(from) ?? '', callId, cseq.number].join(' ');
}

function originKey(request: SipRequest): string {
  return [request.cseq.method, request.cseq.number, tagOf(request.from) ?? '', request.callId].join(' ');
}

function clientKey(branch: string, method: string): string {
  return `${method} ${branch}`;
}

abstract class Server implements ServerTransaction {
  readonly request: SipRequest;
  flow: Flow;
  status = 0;
  protected readonly clock: Clock;
  protected cancelTimers: (() => void)[] = [];
  #last: Buffer | undefined;
  readonly #forget: () => void;

  constructor(request: SipRequest, flow: Flow, clock: Clock, forget: () => void) {
    this.request = request;
    this.flow = flow;
    this.clock = clock;
    this.#forget = forget;
  }

  abstract respond(status: number, bytes: Buffer): void;
  abstract repeated(request: SipRequest, flow: Flow): boolean;

  end(): void {
    for (const cancel of this.cancelTimers) cancel();
    this.cancelTimers = [];
    this.#forget();
  }

  protected transmit(status: number, bytes: Buffer): void {
    this.status = status;
    this.#last = bytes;
    this.flow.send(bytes);
  }

  protected retransmit(): void {
    if (this.#last) this.flow.send(this.#last);
  }

  protected endAfter(ms: number): void {
    this.cancelTimers.push(this.clock.setTimeout(() => this.end(), ms));
  }
}

class OtherServer extends Server {
  override respond(status: number, bytes: Buffer): void {
    if (this.status >= 200) return;
    this.transmit(status, bytes);
    if (status < 200) return;
    // Timer J. On a stream no copy can come; a turn of the clock keeps the order of events the same as for UDP.
    this.endAfter(this.flow.reliable ? 0 : GIVE_UP);
  }

  override repeated(_request: SipRequest, flow: Flow): boolean {
    this.flow = flow;
    this.retransmit();
    return true;
  }
}

class InviteServer extends Server {
  #acknowledged = false;

  override respond(status: number, bytes: Buffer): void {
    const isAccepted = this.status >= 200 && this.status < 300;
    if (isAccepted && status >= 200 && status < 300) {
      // The dialog repeats its 2xx itself until the ACK comes (RFC 3261 section 13.3.1.4).
      this.transmit(status, bytes);
      return;
    }
    if (this.status >= 200) return;
    this.transmit(status, bytes);
    if (status < 200) return;
    // Timers L and H.
    this.endAfter(GIVE_UP);
    // Timer G.
    if (status >= 300 && !this.flow.reliable) this.cancelTimers.push(repeat(this.clock, () => this.retransmit()));
  }

  override repeated(request: SipRequest, flow: Flow): boolean {
    if (request.method === 'ACK') {
      // After a 2xx the ACK is the dialog's.
      if (this.status < 300) return false;
      if (!this.#acknowledged) this.#confirm();
      return true;
    }
    this.flow = flow;
    // A 2xx is being repeated by the dialog anyway.
    if (!this.#acknowledged && (this.status < 200 || this.status >= 300)) this.retransmit();
    return true;
  }

  #confirm(): void {
    this.#acknowledged = true;
    for (const cancel of this.cancelTimers) cancel();
    this.cancelTimers = [];
    // Timer I: takes the ACK's copies.
    this.endAfter(this.flow.reliable ? 0 : T4);
  }
}

/** RFC 3261 section 17.1.2. */
class Client {
  readonly #done: ResponseHandler;
  readonly #forget: () => void;
  readonly #clock: Clock;
  readonly #flow: Flow;
  readonly #stopRepeating: () => void;
  #cancelEnd: () => void;
  #answered = false;

  constructor(bytes: Buffer, flow: Flow, clock: Clock, done: ResponseHandler, forget: () => void) {
    this.#flow = flow;
    this.#clock = clock;
    this.#done = done;
    this.#forget = forget;
    flow.send(bytes);
    // Timers E and F.
    this.#stopRepeating = flow.reliable ? () => {} : repeat(clock, () => flow.send(bytes));
    this.#cancelEnd = clock.setTimeout(() => {
      this.end();
      done('timeout');
    }, GIVE_UP);
  }

  receive(response: SipResponse): void {
    if (this.#answered || response.status < 200) return;
    this.#answered = true;
    this.#stopRepeating();
    this.#cancelEnd();
    // Timer K.
    this.#cancelEnd = this.#clock.setTimeout(() => this.end(), this.#flow.reliable ? 0 : T4);
    this.#done(response);
  }

  end(): void {
    this.#stopRepeating();
    this.#cancelEnd();
    this.#forget();
  }
}
