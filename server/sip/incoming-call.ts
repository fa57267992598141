import type { MediaEngine, RtpLeg, RtpLegOptions } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import type { Call, CallEndCause, Calls, OpenLeg, Reception } from '../calls/index.ts';
import { type JoinResult, plainTerms } from '../mpc/index.ts';
import type { SupportedCodec } from './codecs.ts';
import { Dialog, type DialogDeps } from './dialog.ts';
import { answering } from './dialog-identity.ts';
import type { Flow } from './flow.ts';
import type { Invitation } from './invitation.ts';
import type { SipLog } from './log.ts';
import { DISCARD_PORT } from './media-target.ts';
import type { SipRequest } from './message.ts';
import { Negotiation } from './negotiation.ts';
import { reasonHeader } from './reason.ts';
import { forbidsCalls, NEEDS_TLS, type SrtpPolicy } from './sdes.ts';
import type { MediaTerms } from './sdp.ts';
import { optional, Session, warningOf } from './session.ts';
import { type SessionTimer, sessionTimerHeaders } from './session-timer.ts';
import type { ServerTransaction } from './transaction.ts';

export interface CallDeps extends DialogDeps {
  readonly clock: Clock;
  readonly calls: Calls;
  /** Undefined: the user part names the MPC to join. */
  readonly reception?: Reception | undefined;
  readonly engine: MediaEngine;
  readonly codecs: readonly SupportedCodec[];
  readonly log: SipLog;
  /** A number from 0 up to 2^31. */
  readonly newSessionId: () => number;
  readonly srtp: SrtpPolicy;
  /** A key and its salt for SRTP. */
  readonly newMaster: () => Uint8Array;
}

/** Seconds after which a refused caller may try again. */
const RETRY_AFTER: Readonly<Record<'server_full' | 'busy' | 'draining', number>> = {
  server_full: 10,
  busy: 5,
  draining: 30,
};

/** One caller from INVITE to BYE: its dialog, its offers and answers, and the call that they carry. */
export class IncomingCall {
  readonly dialog: Dialog;
  readonly #deps: CallDeps;
  readonly #invitation: Invitation;
  readonly #negotiation: Negotiation;
  readonly #onEnded: (call: IncomingCall) => void;
  readonly #session: Session;
  readonly #timer: SessionTimer;
  #call: Call | undefined;
  /** Due with the ACK. */
  #begin: () => void = () => {};

  constructor(
    invite: ServerTransaction,
    invitation: Invitation,
    target: string | undefined,
    timer: SessionTimer,
    deps: CallDeps,
    onEnded: (call: IncomingCall) => void,
  ) {
    this.#deps = deps;
    this.#invitation = invitation;
    this.#timer = timer;
    this.#onEnded = onEnded;
    this.#negotiation = new Negotiation({
      codecs: deps.codecs,
      publicAddress: deps.publicAddress,
      sessionId: deps.newSessionId(),
      srtp: deps.srtp,
      newMaster: deps.newMaster,
    });
    this.dialog = new Dialog(answering(invite, target, deps.newToken()), invite, deps, {
      onUnconfirmed: () => this.#leave('lost', true),
      onEnded: () => this.#ended(),
    });
    this.#session = new Session({
      clock: deps.clock,
      publicAddress: deps.publicAddress,
      dialog: this.dialog,
      negotiation: this.#negotiation,
      timer,
      onLeave: (cause, tellPeer) => this.#leave(cause, tellPeer),
    });
  }

  get peerAddress(): string {
    return this.dialog.signallingAddress;
  }

  /** Whose password the INVITE came with. */
  get user(): string | undefined {
    return this.#invitation.user;
  }

  /** Rings, joins the MPC and answers, or refuses. */
  async start(invite: ServerTransaction): Promise<void> {
    const { calls, engine, log } = this.#deps;
    const { offer, mpcName, role, address, to, headers } = this.#invitation;
    const offered = offer && this.#negotiation.offered(offer, this.dialog.signalling);
    if (offered && !offered.ok) return this.#refuseMedia(offered.status, offered.reason);
    if (forbidsCalls(this.#deps.srtp, this.dialog.signalling))
      return this.#refuseMedia(488, `Not Acceptable Here: ${NEEDS_TLS}`);
    const options = this.#legOptions(offered?.terms);
    if (!options) {
      this.dialog.refuse(488, 'Not Acceptable Here');
      return;
    }
    const rung = calls.ring({
      kind: 'sip',
      direction: 'inbound',
      from: address,
      to,
      headers,
      hangUp: (cause) => this.dialog.hangUp(reasonHeader(cause)),
    });
    if (!rung.ok) {
      this.#refuseJoin(rung.reason);
      return;
    }
    const { call } = rung;
    this.#call = call;
    this.dialog.ring();
    const { reception } = this.#deps;
    const decision = reception && (await reception.decide(call));
    if (decision?.take === false) {
      this.#turnDown(call, decision.cause);
      return;
    }
    if (decision) this.#begin = decision.begin;
    const openLeg: OpenLeg<RtpLeg> = (conference, onEvent) => engine.openRtpLeg(conference, options, onEvent);
    const result = decision
      ? await calls.openInRoom(call, openLeg)
      : await calls.openInMpc(call, mpcName, plainTerms(role), openLeg);
    if (!result.ok) {
      calls.end(call, 'failed', false);
      this.#refuseJoin(result.reason);
      return;
    }
    // Cancelled, or hung up again, while it joined.
    if (this.dialog.status !== 'early') {
      calls.end(call, 'cancelled', false);
      return;
    }
    const body = offered ? offered.accept(result.leg.port) : this.#session.offer(result.leg);
    this.dialog.accept(invite, body, sessionTimerHeaders(this.#timer));
    this.#session.begin(result.leg);
    calls.answered(call);
    const joined = call.place.in === 'mpc' ? { mpc: mpcName, member: call.place.member.id } : { to };
    const isEncrypted = offered?.terms.srtp !== undefined;
    log.info({ call: call.uuid, ...joined, from: address, ...(isEncrypted && { srtp: true }) }, 'call answered');
  }

  /** Takes an ACK of the dialog. */
  acknowledge(ack: SipRequest, flow: Flow): void {
    this.#session.acknowledge(ack, flow);
    const begin = this.#begin;
    this.#begin = () => {};
    if (this.#call?.status === 'live') begin();
  }

  /** The caller took its INVITE back. */
  cancel(): void {
    this.dialog.refuse(487, 'Request Terminated');
    if (this.#call) this.#deps.calls.end(this.#call, 'cancelled', false);
  }

  /** Answers any other request within the dialog. */
  receive(transaction: ServerTransaction): void {
    this.#session.receive(transaction);
  }

  /** Hangs up because the server goes down. */
  shutDown(): void {
    if (this.#call?.leg) this.#leave('shutdown', true);
    else this.dialog.refuse(503, 'Service Unavailable', { 'retry-after': String(RETRY_AFTER.draining) });
  }

  #legOptions(terms: MediaTerms | undefined): RtpLegOptions | undefined {
    const address = this.dialog.signallingAddress;
    const common = { alsoTrusted: [address] };
    const nowhere = { address, port: DISCARD_PORT };
    if (terms) {
      return {
        ...common,
        codec: terms.codec,
        remote: terms.remote ?? nowhere,
        direction: terms.direction,
        ...optional(terms),
      };
    }
    const [codec] = this.#deps.codecs;
    return codec && { ...common, codec, remote: nowhere, direction: 'inactive' };
  }

  #refuseMedia(status: number, reason: string): void {
    this.dialog.refuse(status, reason, warningOf(status, reason, this.#deps.publicAddress));
  }

  #turnDown(call: Call, cause: CallEndCause): void {
    this.#deps.calls.end(call, cause, false);
    if (cause === 'busy') this.dialog.refuse(486, 'Busy Here');
    else if (cause === 'rejected') this.dialog.refuse(603, 'Decline');
    else this.dialog.refuse(480, 'Temporarily Unavailable', { reason: reasonHeader(cause) });
  }

  #refuseJoin(reason: Extract<JoinResult<RtpLeg>, { ok: false }>['reason'] | 'ended'): void {
    // Cancelled, which has its answer.
    if (reason === 'ended') return;
    if (reason === 'mpc_full') this.dialog.refuse(486, 'Busy Here');
    else this.dialog.refuse(503, 'Service Unavailable', { 'retry-after': String(RETRY_AFTER[reason]) });
  }

  /** `tellPeer`: the dialog is ended on the way. */
  #leave(cause: CallEndCause, tellPeer: boolean): void {
    if (this.#call) this.#deps.calls.end(this.#call, cause, tellPeer);
  }

  #ended(): void {
    this.#session.end();
    this.#onEnded(this);
  }
}
