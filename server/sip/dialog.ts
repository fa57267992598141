import type { Clock } from '../../media/time/clock.ts';
import { DIALOG_CAPABILITIES } from './capabilities.ts';
import { type Authorize, type DialogIdentity, dialogKey } from './dialog-identity.ts';
import type { Flow } from './flow.ts';
import { type NameAddress, type SipRequest, tagOf } from './message.ts';
import { DEFAULT_PORT, newBranch, type OwnPlace, ownContact, ownVia, placeOf } from './own-place.ts';
import { repeat } from './repeat.ts';
import type { Responder } from './responder.ts';
import { encodeRequest } from './stack.ts';
import { GIVE_UP } from './timing.ts';
import type { ResponseHandler, ServerTransaction, Transactions } from './transaction.ts';
import { readUri } from './uri.ts';

/** A 2xx that is repeated until its ACK comes. */
interface Unacknowledged {
  /** Of the INVITE, and so of the ACK. */
  readonly cseq: number;
  stop(): void;
}

/** A call as SIP sees it. Data that exists in one state only lives in that state. */
export type DialogState =
  /** The INVITE has no final answer yet. */
  | { readonly status: 'early'; readonly invite: ServerTransaction }
  /** Accepted by us; no BYE may be sent before the ACK (RFC 3261 section 15), so a wish to hang up waits. */
  | { readonly status: 'accepted'; readonly unacknowledged: Unacknowledged; readonly hangUpReason: string | undefined }
  /** A re-INVITE may wait for its ACK meanwhile. */
  | { readonly status: 'confirmed'; readonly unacknowledged: Unacknowledged | undefined }
  /** Our BYE is on its way. */
  | { readonly status: 'closing' }
  | { readonly status: 'ended' };

export interface DialogDeps extends OwnPlace {
  readonly clock: Clock;
  readonly transactions: Transactions;
  readonly responder: Responder;
  /** At least 64 bits of hexadecimal digits. */
  readonly newToken: () => string;
  /** A flow that we begin; what is sent before it stands waits. */
  readonly connect: (transport: Flow['transport'], address: string, port: number, name?: string) => Flow;
}

export interface DialogEvents {
  /** No ACK came for a 2xx. */
  readonly onUnconfirmed: () => void;
  /** Nothing of the dialog is left. */
  readonly onEnded: () => void;
}

/** The signalling of one call, whoever began it: who is who, what is acknowledged, how it ends. Knows no media. */
export class Dialog {
  readonly localTag: string;
  readonly #deps: DialogDeps;
  readonly #events: DialogEvents;
  readonly #local: NameAddress;
  readonly #remote: NameAddress;
  readonly #callId: string;
  readonly #routes: readonly NameAddress[];
  readonly #authorize: Authorize | undefined;
  #state: DialogState;
  /** Where the peer's last request in the dialog came from. Ours go there: it works through NAT, and names no victim. */
  #flow: Flow;
  #release: () => void;
  #target: string | undefined;
  #remoteSequence: number;
  #localSequence: number;

  /** `invite`: the peer's, still to be answered; without it the call is ours and was answered. */
  constructor(identity: DialogIdentity, invite: ServerTransaction | undefined, deps: DialogDeps, events: DialogEvents) {
    this.#deps = deps;
    this.#events = events;
    this.localTag = tagOf(identity.local) ?? '';
    this.#local = identity.local;
    this.#remote = identity.remote;
    this.#callId = identity.callId;
    this.#routes = identity.routes;
    this.#authorize = identity.authorize;
    this.#state = invite ? { status: 'early', invite } : { status: 'confirmed', unacknowledged: undefined };
    this.#flow = identity.flow;
    this.#release = identity.flow.hold();
    this.#target = identity.target;
    this.#localSequence = identity.localSequence;
    this.#remoteSequence = identity.remoteSequence;
  }

  get status(): DialogState['status'] {
    return this.#state.status;
  }

  /** Names the dialog among all others. */
  get key(): string {
    return dialogKey(this.#callId, this.localTag, tagOf(this.#remote));
  }

  get signallingAddress(): string {
    return this.#flow.address;
  }

  /** Where the peer's signalling comes from, and how. */
  get signalling(): Pick<Flow, 'transport' | 'address'> {
    return this.#flow;
  }

  /** True while a 2xx waits for its ACK: the peer may not ask for another change meanwhile. */
  get awaitsAck(): boolean {
    return (
      this.#state.status === 'accepted' ||
      (this.#state.status === 'confirmed' && this.#state.unacknowledged !== undefined)
    );
  }

  ring(): void {
    if (this.#state.status !== 'early') return;
    this.#respond(this.#state.invite, 180, 'Ringing');
  }

  /** Answers the INVITE, or a later one, with 200 and repeats that until the ACK comes. */
  accept(invite: ServerTransaction, body: Buffer, headers: Readonly<Record<string, string>>): void {
    const bytes = this.#respond(invite, 200, 'OK', { 'content-type': 'application/sdp', ...headers }, body);
    const stopRepeating = repeat(this.#deps.clock, () => invite.respond(200, bytes));
    const cancel = this.#deps.clock.setTimeout(() => this.#giveUp(), GIVE_UP);
    const unacknowledged: Unacknowledged = {
      cseq: invite.request.cseq.number,
      stop: () => {
        stopRepeating();
        cancel();
      },
    };
    this.#state =
      this.#state.status === 'early'
        ? { status: 'accepted', unacknowledged, hangUpReason: undefined }
        : { status: 'confirmed', unacknowledged };
  }

  /** Answers a request within the dialog. */
  respond(
    transaction: ServerTransaction,
    status: number,
    reason: string,
    headers?: Readonly<Record<string, string>>,
    body?: Buffer,
  ): void {
    this.#respond(transaction, status, reason, headers, body);
  }

  /** Refuses the INVITE that began it all. */
  refuse(status: number, reason: string, headers?: Readonly<Record<string, string>>): void {
    if (this.#state.status !== 'early') return;
    this.#respond(this.#state.invite, status, reason, headers);
    this.#end();
  }

  /** True when the ACK is the one waited for; copies of it, and others, change nothing. */
  acknowledge(ack: SipRequest, flow: Flow): boolean {
    const state = this.#state;
    if (state.status !== 'accepted' && state.status !== 'confirmed') return false;
    if (state.unacknowledged?.cseq !== ack.cseq.number) return false;
    this.#moveTo(flow);
    state.unacknowledged.stop();
    this.#state = { status: 'confirmed', unacknowledged: undefined };
    if (state.status === 'accepted' && state.hangUpReason !== undefined) this.#sendBye(state.hangUpReason);
    return true;
  }

  /** Takes note of a request of the peer. False: it is out of order (RFC 3261 section 12.2.2). */
  advance(request: SipRequest, flow: Flow): boolean {
    if (request.cseq.number <= this.#remoteSequence) return false;
    this.#remoteSequence = request.cseq.number;
    this.#moveTo(flow);
    return true;
  }

  /** The peer wants later requests sent elsewhere. */
  retarget(target: string | undefined): void {
    this.#target = target ?? this.#target;
  }

  /** Hangs up from our side, in whatever way the state asks for. `reason`: a Reason header (RFC 3326). */
  hangUp(reason: string): void {
    switch (this.#state.status) {
      case 'early':
        this.refuse(480, 'Temporarily Unavailable', { reason });
        break;
      case 'accepted':
        this.#state = { ...this.#state, hangUpReason: reason };
        break;
      case 'confirmed':
        this.#state.unacknowledged?.stop();
        this.#sendBye(reason);
        break;
      case 'closing':
      case 'ended':
        break;
      default:
        this.#state satisfies never;
    }
  }

  /** The peer hung up; the answer to its BYE is the caller's to give. */
  remoteHungUp(): void {
    if (this.#state.status === 'early') this.refuse(487, 'Request Terminated');
    else if (this.#state.status !== 'closing') this.#end();
  }

  #giveUp(): void {
    const state = this.#state;
    if (state.status !== 'accepted' && state.status !== 'confirmed') return;
    state.unacknowledged?.stop();
    // Now a BYE is in order (RFC 3261 section 13.3.1.4).
    const reason = state.status === 'accepted' ? state.hangUpReason : undefined;
    this.#state = { status: 'confirmed', unacknowledged: undefined };
    if (reason !== undefined) this.#sendBye(reason);
    else this.#events.onUnconfirmed();
  }

  #sendBye(reason: string): void {
    this.#state = { status: 'closing' };
    this.request('BYE', { reason }, () => this.#end());
  }

  /** Sends a request of ours within the dialog, other than INVITE. */
  request(method: string, headers: Readonly<Record<string, string>>, done: ResponseHandler): void {
    this.#send(method, headers, done, this.#authorize);
  }

  /** Sends the ACK of a 2xx to an INVITE of ours, and gives its bytes for when the 2xx comes again. */
  sendAck(cseq: number): Buffer {
    const bytes = this.#encode('ACK', cseq, newBranch(this.#deps.newToken), {});
    this.#openFlow().send(bytes);
    return bytes;
  }

  #send(
    method: string,
    headers: Readonly<Record<string, string>>,
    done: ResponseHandler,
    authorize: Authorize | undefined,
  ): void {
    const flow = this.#openFlow();
    const branch = newBranch(this.#deps.newToken);
    this.#localSequence += 1;
    const bytes = this.#encode(method, this.#localSequence, branch, headers);
    this.#deps.transactions.send(method, branch, bytes, flow, (response) => {
      const credentials = response === 'timeout' ? undefined : authorize?.(response, method, this.#uri);
      if (credentials && this.#state.status !== 'ended')
        this.#send(method, { ...headers, ...credentials }, done, undefined);
      else done(response);
    });
  }

  #encode(method: string, number: number, branch: string, headers: Readonly<Record<string, string>>): Buffer {
    return encodeRequest({
      method,
      uri: this.#uri,
      via: ownVia(this.#flow, this.#deps, branch),
      from: this.#local,
      to: this.#remote,
      callId: this.#callId,
      cseq: { number, method },
      routes: this.#routes,
      headers,
    });
  }

  get #uri(): string {
    return this.#target ?? placeOf(this.#flow, this.#flow.address, this.#flow.port);
  }

  /** A connection that the peer closed is opened again, to the port where its Contact says it listens. */
  #openFlow(): Flow {
    if (this.#flow.open) return this.#flow;
    const contact = this.#target === undefined ? undefined : readUri(this.#target);
    const port = (contact?.ok ? contact.uri.port : undefined) ?? DEFAULT_PORT[this.#flow.transport];
    this.#moveTo(this.#deps.connect(this.#flow.transport, this.#flow.address, port, this.#flow.name));
    return this.#flow;
  }

  #moveTo(flow: Flow): void {
    if (flow === this.#flow) return;
    this.#release();
    this.#flow = flow;
    this.#release = flow.hold();
  }

  #respond(
    transaction: ServerTransaction,
    status: number,
    reason: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Buffer,
  ): Buffer {
    const isTarget =
      status < 300 && (transaction.request.method === 'INVITE' || transaction.request.method === 'UPDATE');
    return this.#deps.responder.respond(transaction, {
      status,
      reason,
      toTag: this.localTag,
      headers: isTarget ? { ...DIALOG_CAPABILITIES, ...headers } : headers,
      ...(isTarget ? { contact: ownContact(this.#flow, this.#deps, transaction.request.uri) } : {}),
      ...(body ? { body } : {}),
    });
  }

  #end(): void {
    if (this.#state.status === 'ended') return;
    if (this.#state.status === 'accepted' || this.#state.status === 'confirmed') this.#state.unacknowledged?.stop();
    this.#state = { status: 'ended' };
    this.#release();
    this.#events.onEnded();
  }
}
