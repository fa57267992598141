import { ALLOW } from './capabilities.ts';
import { Dialog, type DialogDeps, type DialogEvents } from './dialog.ts';
import { type Authorize, calling } from './dialog-identity.ts';
import type { Flow } from './flow.ts';
import type { InviteClient } from './invite-client.ts';
import { type NameAddress, type SipResponse, tagOf } from './message.ts';
import { newBranch, ownContact, ownVia } from './own-place.ts';
import { encodeRequest, type RequestParts } from './stack.ts';
import { GIVE_UP } from './timing.ts';

/** Whom to call, and with what. */
export interface InviteOrder {
  readonly uri: string;
  /** Without a tag. */
  readonly from: NameAddress;
  readonly to: NameAddress;
  readonly flow: Flow;
  readonly routes: readonly NameAddress[];
  readonly headers: Readonly<Record<string, string>>;
  readonly offer: Buffer;
  readonly authorize: Authorize | undefined;
  readonly dialogEvents: DialogEvents;
}

/** Why nobody answered. */
export type InviteFailure =
  /** The far side's own final word. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  | { readonly kind: 'timeout' | 'unreachable' };

export interface OutgoingInviteEvents {
  /** 180, 183 and the like; not 100. */
  readonly onProgress: (response: SipResponse) => void;
  readonly onAnswered: (dialog: Dialog, response: SipResponse) => void;
  readonly onFailed: (failure: InviteFailure) => void;
  /** It was refused, or taken back, and the last word on it is said. */
  readonly onSettled: () => void;
}

/** Sent to who answered as well, but later than another (RFC 3326). */
export const LOST_RACE = 'SIP;cause=200;text="Call completed elsewhere"';
/** A proxy and who is called, each with one nonce that grew old. */
const MAX_CHALLENGES = 4;

/**
 * One call of ours until it is answered: the INVITE, again with credentials when they are asked for, and its CANCEL. The first
 * to accept has the call; whoever accepts later, on another branch or after the CANCEL, is told so and hung up.
 */
export class OutgoingInvite {
  readonly #order: InviteOrder;
  readonly #deps: DialogDeps;
  readonly #events: OutgoingInviteEvents;
  readonly #from: NameAddress;
  readonly #callId: string;
  /** ACKs by the tag of who accepted. */
  readonly #acks = new Map<string, Buffer>();
  #sequence = 0;
  #challenges = 0;
  #credentials: Readonly<Record<string, string>> = {};
  #request: RequestParts;
  #client: InviteClient;
  #heard = false;
  #answered = false;
  #settled = false;
  #cancelReason: string | undefined;
  #stopPatience: () => void = () => {};

  constructor(order: InviteOrder, deps: DialogDeps, events: OutgoingInviteEvents) {
    this.#order = order;
    this.#deps = deps;
    this.#events = events;
    this.#from = { ...order.from, params: new Map([['tag', deps.newToken()]]) };
    this.#callId = deps.newToken();
    [this.#request, this.#client] = this.#send({});
  }

  /** Takes the call back, unless it was answered. No event but `onSettled` follows. `reason`: a Reason header (RFC 3326). */
  cancel(reason: string): void {
    if (this.#answered || this.#cancelReason !== undefined) return;
    this.#cancelReason = reason;
    // Before anything came back it might overtake the INVITE (RFC 3261 section 9.1).
    if (this.#heard) this.#sendCancel(reason);
  }

  #send(headers: Readonly<Record<string, string>>): [RequestParts, InviteClient] {
    const { uri, to, flow, routes, offer } = this.#order;
    const { transactions, newToken } = this.#deps;
    this.#sequence += 1;
    this.#heard = false;
    const branch = newBranch(newToken);
    const request: RequestParts = {
      method: 'INVITE',
      uri,
      via: ownVia(flow, this.#deps, branch),
      from: this.#from,
      to,
      callId: this.#callId,
      cseq: { number: this.#sequence, method: 'INVITE' },
      routes,
    };
    const bytes = encodeRequest({
      ...request,
      contact: ownContact(flow, this.#deps, uri),
      headers: { ...ALLOW, 'content-type': 'application/sdp', ...this.#order.headers, ...headers },
      body: offer,
    });
    const ack = (refusal: SipResponse): Buffer =>
      encodeRequest({ ...request, method: 'ACK', to: refusal.to, cseq: { ...request.cseq, method: 'ACK' } });
    let again = false;
    const client = transactions.invite(branch, { bytes, ack }, flow, {
      onProvisional: (response) => this.#onProvisional(response),
      onAccepted: (response) => this.#onAccepted(response),
      onFailed: (failure, from) => {
        again = this.#onFailed(failure, from);
        if (!again) this.#settle();
      },
      onEnded: () => {
        if (!again) this.#settle();
      },
    });
    return [request, client];
  }

  #onProvisional(response: SipResponse): void {
    this.#heard = true;
    if (this.#cancelReason !== undefined) this.#sendCancel(this.#cancelReason);
    else if (response.status > 100) this.#events.onProgress(response);
  }

  #onAccepted(response: SipResponse): void {
    const tag = tagOf(response.to) ?? '';
    const acknowledged = this.#acks.get(tag);
    if (acknowledged) {
      this.#order.flow.send(acknowledged);
      return;
    }
    this.#stopPatience();
    const wins = !this.#answered && this.#cancelReason === undefined;
    const identity = { ...calling(response, this.#order.flow), authorize: this.#order.authorize };
    const ignore = { onUnconfirmed: () => {}, onEnded: () => {} };
    const dialog = new Dialog(identity, undefined, this.#deps, wins ? this.#order.dialogEvents : ignore);
    this.#acks.set(tag, dialog.sendAck(response.cseq.number));
    if (!wins) {
      dialog.hangUp(this.#cancelReason ?? LOST_RACE);
      if (!this.#answered) this.#settle();
      return;
    }
    this.#answered = true;
    this.#events.onAnswered(dialog, response);
  }

  /** True when the INVITE goes out once more. */
  #onFailed(failure: SipResponse | 'timeout' | 'unreachable', from: string): boolean {
    if (this.#cancelReason !== undefined) return false;
    if (typeof failure === 'string') {
      this.#events.onFailed({ kind: failure });
      return false;
    }
    const credentials = this.#credentialsFor(failure, from);
    if (credentials) {
      [this.#request, this.#client] = this.#send(credentials);
      return true;
    }
    this.#events.onFailed({ kind: 'refused', status: failure.status, reason: failure.reason });
    return false;
  }

  /** Only the peer we called is answered. The same demand again, unless for a nonce that grew old, means they are wrong. */
  #credentialsFor(response: SipResponse, from: string): Readonly<Record<string, string>> | undefined {
    const { authorize, flow, uri } = this.#order;
    if (from !== flow.address || this.#challenges === MAX_CHALLENGES) return undefined;
    const answer = authorize?.(response, 'INVITE', uri);
    if (!answer) return undefined;
    const isRepeated = Object.keys(answer).some((header) => header in this.#credentials);
    if (isRepeated && !isStale(response)) return undefined;
    this.#challenges += 1;
    this.#credentials = { ...this.#credentials, ...answer };
    return this.#credentials;
  }

  #sendCancel(reason: string): void {
    const { transactions, clock } = this.#deps;
    const { via, cseq } = this.#request;
    const bytes = encodeRequest({
      ...this.#request,
      method: 'CANCEL',
      cseq: { ...cseq, method: 'CANCEL' },
      headers: { reason },
    });
    transactions.send('CANCEL', via.params.get('branch') ?? '', bytes, this.#order.flow, () => {});
    // A peer that answers the CANCEL but never the INVITE is not waited for (RFC 3261 section 9.1).
    this.#stopPatience = clock.setTimeout(() => this.#client.end(), GIVE_UP);
  }

  #settle(): void {
    this.#stopPatience();
    if (this.#settled) return;
    this.#settled = true;
    this.#events.onSettled();
  }
}

function isStale({ status, headers }: SipResponse): boolean {
  return /stale *= *"?true/i.test(headers.get(status === 407 ? 'proxy-authenticate' : 'www-authenticate') ?? '');
}
