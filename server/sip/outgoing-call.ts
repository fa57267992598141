import type { RtpLeg, RtpLegOptions } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import { sessionDescription } from './body.ts';
import { answerChallenge, type Credentials } from './challenge.ts';
import type { SupportedCodec } from './codecs.ts';
import type { Dialog, DialogDeps } from './dialog.ts';
import type { Flow } from './flow.ts';
import type { Place } from './locate.ts';
import type { SipLog } from './log.ts';
import { DISCARD_PORT } from './media-target.ts';
import type { NameAddress, SipRequest, SipResponse } from './message.ts';
import { Negotiation } from './negotiation.ts';
import { type InviteFailure, OutgoingInvite } from './outgoing-invite.ts';
import { callForms, type OfferForm, type SrtpPolicy } from './sdes.ts';
import { changesFor, Session } from './session.ts';
import type { ServerTransaction } from './transaction.ts';

/** Whom to call, with whose words, and who wants to know how it goes. */
export interface CallOrder {
  /** Who is called: the Request-URI and To. */
  readonly uri: string;
  /** Where it goes: a connection that stands, as to a phone that registered, or a place to be reached. */
  readonly way: Flow | Place;
  /** Proxies on the way (RFC 3327). */
  readonly routes?: readonly NameAddress[];
  readonly from: NameAddress;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the peer on the way; undefined leaves its challenges unanswered. */
  readonly credentials: Credentials | undefined;
  /** Opened with `outgoingLegOptions`: its port is offered, the answer sets the rest. Its owner closes it. */
  readonly leg: RtpLeg;
  readonly onRinging: () => void;
  /** Sound flows while it rings, as far as the far side lets it. Left out: not before the answer. */
  readonly onEarlyMedia?: () => void;
  readonly onAnswered: () => void;
  /** Exactly once, unless we hung up ourselves. */
  readonly onEnded: (end: CallEnd) => void;
}

/** How a call of ours ended that we did not end. */
export type CallEnd =
  | InviteFailure
  /** It was answered with a description that we cannot use. */
  | { readonly kind: 'no-media'; readonly reason: string }
  /** It stood, and the far side hung up or was lost. */
  | { readonly kind: 'hangup' | 'lost' };

export interface OutgoingCallDeps extends DialogDeps {
  readonly clock: Clock;
  readonly codecs: readonly SupportedCodec[];
  readonly log: SipLog;
  readonly newSessionId: () => number;
  readonly srtp: SrtpPolicy;
  /** A key and its salt for SRTP. */
  readonly newMaster: () => Uint8Array;
}

export interface OutgoingCallEvents {
  /** It can be found by its dialog from now on. */
  readonly onDialog: (dialog: Dialog) => void;
  /** Nothing of it is left: neither INVITE nor dialog. */
  readonly onGone: () => void;
}

/** Said of an offer that the far side cannot take: another one may do (RFC 3261 section 21.4.26). */
const NOT_ACCEPTABLE: readonly number[] = [415, 488, 606];

/** How to open the leg of a call that we make: silent, to nowhere, until the answer says more. */
export function outgoingLegOptions(codecs: readonly SupportedCodec[], address: string): RtpLegOptions {
  const [codec] = codecs;
  if (!codec) throw new Error('the setting names at least one codec');
  const remote = { address, port: DISCARD_PORT };
  return { codec, remote, direction: 'inactive', alsoTrusted: [address] };
}

/** One call that we make, from INVITE to BYE. */
export class OutgoingCall {
  readonly #order: CallOrder;
  readonly #deps: OutgoingCallDeps;
  readonly #events: OutgoingCallEvents;
  readonly #negotiation: Negotiation;
  readonly #flow: Flow;
  /** How the sound may be offered, the next one first. */
  readonly #forms: OfferForm[];
  #invite: OutgoingInvite;
  #invites = 0;
  #dialog: Dialog | undefined;
  #session: Session | undefined;
  #settled = false;
  #over = false;
  #rings = false;
  #isEarly = false;

  constructor(order: CallOrder, flow: Flow, deps: OutgoingCallDeps, events: OutgoingCallEvents) {
    this.#order = order;
    this.#deps = deps;
    this.#events = events;
    this.#flow = flow;
    this.#forms = callForms(deps.srtp, flow);
    this.#negotiation = new Negotiation({
      codecs: deps.codecs,
      publicAddress: deps.publicAddress,
      sessionId: deps.newSessionId(),
      srtp: deps.srtp,
      newMaster: deps.newMaster,
    });
    this.#invite = this.#send();
  }

  /** Takes the call back, or ends it. No event to the owner follows. `reason`: a Reason header (RFC 3326). */
  hangUp(reason: string): void {
    this.#over = true;
    if (this.#dialog) this.#dialog.hangUp(reason);
    else this.#invite.cancel(reason);
  }

  /** Where the peer's signalling comes from, once it answered. */
  get peerAddress(): string | undefined {
    return this.#dialog?.signallingAddress;
  }

  acknowledge(ack: SipRequest, flow: Flow): void {
    this.#session?.acknowledge(ack, flow);
  }

  receive(transaction: ServerTransaction): void {
    this.#session?.receive(transaction);
  }

  /** Hangs up because the server goes down. */
  shutDown(): void {
    this.hangUp('Q.850;cause=16;text="shutdown"');
  }

  /** Invites the far side with the next form of offer. */
  #send(): OutgoingInvite {
    this.#invites += 1;
    const [order, deps, invite] = [this.#order, this.#deps, this.#invites];
    const { credentials } = order;
    return new OutgoingInvite(
      {
        uri: order.uri,
        from: order.from,
        to: { name: undefined, uri: order.uri, params: new Map() },
        flow: this.#flow,
        routes: order.routes ?? [],
        headers: order.headers,
        offer: this.#negotiation.offer(order.leg.port, this.#flow, this.#forms.shift()),
        authorize: credentials
          ? (challenge, method, uri) => answerChallenge(challenge, credentials, { method, uri }, deps.newToken())
          : undefined,
        dialogEvents: { onUnconfirmed: () => this.#leave('lost', true), onEnded: () => this.#onDialogEnded() },
      },
      deps,
      {
        onProgress: (response) => this.#onProgress(response),
        onAnswered: (dialog, response) => this.#onAnswered(dialog, response),
        onFailed: (failure) => this.#onFailed(failure),
        onSettled: () => {
          if (invite !== this.#invites) return;
          this.#settled = true;
          this.#goneIfDone();
        },
      },
    );
  }

  /** Those that ring say so again and again. */
  #onProgress(response: SipResponse): void {
    if (this.#over) return;
    if (!this.#rings) {
      this.#rings = true;
      this.#deps.log.debug({ to: this.#order.uri }, 'call rings');
      this.#order.onRinging();
    }
    if (this.#order.onEarlyMedia && !this.#isEarly) this.#hearEarly(response, this.#order.onEarlyMedia);
  }

  /** The first description that comes while it rings (RFC 3261 section 13.2.1); the answer's own counts later. */
  #hearEarly(response: SipResponse, tell: () => void): void {
    const body = sessionDescription(response);
    if (!body.ok || !body.sdp) return;
    const answer = this.#negotiation.answered(body.sdp, this.#flow);
    if (!answer.ok) return;
    this.#isEarly = true;
    this.#order.leg.update({ started: true, ...changesFor(answer.terms) });
    tell();
  }

  #onFailed(failure: InviteFailure): void {
    const isRefusedOffer = failure.kind === 'refused' && NOT_ACCEPTABLE.includes(failure.status);
    if (isRefusedOffer && this.#forms.length > 0 && !this.#over) this.#invite = this.#send();
    else this.#end(failure);
  }

  #onAnswered(dialog: Dialog, response: SipResponse): void {
    this.#dialog = dialog;
    this.#session = new Session({
      clock: this.#deps.clock,
      publicAddress: this.#deps.publicAddress,
      dialog,
      negotiation: this.#negotiation,
      timer: { kind: 'none' },
      onLeave: (cause, tellPeer) => this.#leave(cause, tellPeer),
    });
    this.#events.onDialog(dialog);
    const body = sessionDescription(response);
    const answer =
      body.ok && body.sdp
        ? this.#negotiation.answered(body.sdp, dialog.signalling)
        : { ok: false as const, reason: 'no session description' };
    if (!answer.ok) {
      dialog.hangUp('Q.850;cause=88;text="incompatible"');
      this.#end({ kind: 'no-media', reason: answer.reason });
      return;
    }
    const { leg } = this.#order;
    leg.update({ started: true, ...changesFor(answer.terms) });
    this.#session.begin(leg);
    this.#deps.log.info({ to: this.#order.uri, ...(answer.terms.srtp && { srtp: true }) }, 'call taken');
    this.#order.onAnswered();
  }

  #leave(cause: 'hangup' | 'lost', tellPeer: boolean): void {
    if (tellPeer) this.#dialog?.hangUp(`Q.850;cause=41;text="${cause}"`);
    this.#end({ kind: cause });
  }

  #end(end: CallEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#order.onEnded(end);
  }

  #onDialogEnded(): void {
    this.#session?.end();
    this.#goneIfDone();
  }

  #goneIfDone(): void {
    if (!this.#dialog ? this.#settled : this.#dialog.status === 'ended') this.#events.onGone();
  }
}
