import type { MediaEngine, RtpLeg, RtpLegChanges, RtpLegOptions } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import type { Directory, ExitCause, JoinResult, Member, Mpc } from '../mpc/index.ts';
import { type FullRefusal, sessionDescription } from './body.ts';
import { ALLOW, CAPABILITIES } from './capabilities.ts';
import type { SupportedCodec } from './codecs.ts';
import { Dialog, type DialogDeps } from './dialog.ts';
import type { Flow } from './flow.ts';
import { type Invitation, readContact, readTimer } from './invitation.ts';
import type { SipLog } from './log.ts';
import type { SipRequest } from './message.ts';
import { Negotiation } from './negotiation.ts';
import type { MediaTerms } from './sdp.ts';
import { type SessionTimer, sessionPatienceMs, sessionTimerHeaders } from './session-timer.ts';
import type { ServerTransaction } from './transaction.ts';

export interface CallDeps extends DialogDeps {
  readonly clock: Clock;
  readonly directory: Directory;
  readonly engine: MediaEngine;
  readonly codecs: readonly SupportedCodec[];
  readonly log: SipLog;
  /** A number from 0 up to 2^31. */
  readonly newSessionId: () => number;
}

/** What the call has of the MPC it joined. */
interface Joined {
  readonly mpc: Mpc;
  readonly member: Member;
  readonly leg: RtpLeg;
}

/** RTP to here is thrown away by every host (RFC 863): the leg's place to send while the peer has named none. */
const DISCARD_PORT = 9;
/** Seconds after which a refused caller may try again. */
const RETRY_AFTER: Readonly<Record<'server_full' | 'busy' | 'draining', number>> = {
  server_full: 10,
  busy: 5,
  draining: 30,
};
/** ITU-T Q.850 cause numbers, for the Reason header. */
const Q850_CAUSE: Readonly<Record<ExitCause, number>> = {
  hangup: 16,
  kicked: 16,
  mpc_ended: 16,
  transferred: 16,
  shutdown: 16,
  no_rtp: 102,
  lost: 41,
};

/** One caller from INVITE to BYE: its dialog, its offers and answers, its membership in an MPC. */
export class Call {
  readonly dialog: Dialog;
  readonly #deps: CallDeps;
  readonly #invitation: Invitation;
  readonly #negotiation: Negotiation;
  readonly #onEnded: (call: Call) => void;
  #joined: Joined | undefined;
  /** Our offer went out in a 200; the ACK brings the answer. */
  #awaitsAnswer = false;
  #timer: SessionTimer;
  #cancelTimer: () => void = () => {};

  constructor(
    invite: ServerTransaction,
    invitation: Invitation,
    target: string | undefined,
    timer: SessionTimer,
    deps: CallDeps,
    onEnded: (call: Call) => void,
  ) {
    this.#deps = deps;
    this.#invitation = invitation;
    this.#timer = timer;
    this.#onEnded = onEnded;
    this.#negotiation = new Negotiation({
      codecs: deps.codecs,
      publicAddress: deps.publicAddress,
      sessionId: deps.newSessionId(),
    });
    this.dialog = new Dialog(invite, target, deps, {
      onUnconfirmed: () => this.#leave('lost', true),
      onEnded: () => this.#ended(),
    });
  }

  /** Rings, joins the MPC and answers, or refuses. */
  async start(invite: ServerTransaction): Promise<void> {
    const { offer, mpcName, role, address } = this.#invitation;
    const offered = offer && this.#negotiation.offered(offer, this.dialog.signallingAddress);
    if (offered && !offered.ok) {
      this.dialog.refuse(offered.status, offered.reason, this.#warning(offered.status, offered.reason));
      return;
    }
    const options = this.#legOptions(offered?.terms);
    if (!options) {
      this.dialog.refuse(488, 'Not Acceptable Here');
      return;
    }
    this.dialog.ring();
    const result = await this.#deps.directory.join({
      mpcName,
      role,
      kind: 'sip',
      address,
      openLeg: (conference, onEvent) => this.#deps.engine.openRtpLeg(conference, options, onEvent),
      hangUp: (cause) => this.dialog.hangUp(reasonHeader(cause)),
    });
    if (!result.ok) {
      this.#refuseJoin(result.reason);
      return;
    }
    this.#joined = result;
    // Cancelled, or hung up again, while it joined.
    if (this.dialog.status !== 'early') {
      this.#leave('hangup', false);
      return;
    }
    const body = offered ? offered.accept(result.leg.port) : this.#offer(result.leg);
    this.dialog.accept(invite, body, sessionTimerHeaders(this.#timer));
    this.#restartTimer();
    const { callUuid, id } = result.member;
    this.#deps.log.info({ call: callUuid, mpc: mpcName, member: id, from: address }, 'call answered');
  }

  /** Takes an ACK of the dialog. */
  acknowledge(ack: SipRequest, flow: Flow): void {
    if (!this.dialog.acknowledge(ack, flow)) return;
    const changes: RtpLegChanges = { started: true };
    if (this.#awaitsAnswer) {
      this.#awaitsAnswer = false;
      const body = sessionDescription(ack);
      const answer = body.ok && body.sdp ? this.#negotiation.answered(body.sdp, flow.address) : undefined;
      if (!answer?.ok) {
        // The call has no way to carry sound.
        this.#leave('hangup', true);
        return;
      }
      Object.assign(changes, changesFor(answer.terms));
    }
    this.#joined?.leg.update(changes);
  }

  /** The caller took its INVITE back. */
  cancel(): void {
    this.dialog.refuse(487, 'Request Terminated');
  }

  /** Answers any other request within the dialog. */
  receive(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    if (!this.dialog.advance(request, flow)) {
      this.dialog.respond(transaction, 500, 'Out Of Order', { 'retry-after': '1' });
      return;
    }
    switch (request.method) {
      case 'BYE':
        this.dialog.respond(transaction, 200, 'OK');
        this.dialog.remoteHungUp();
        this.#leave('hangup', false);
        break;
      case 'INVITE':
      case 'UPDATE':
        this.#change(transaction);
        break;
      case 'OPTIONS':
        this.dialog.respond(transaction, 200, 'OK', CAPABILITIES);
        break;
      case 'INFO':
        this.dialog.respond(transaction, 200, 'OK');
        break;
      default:
        this.dialog.respond(transaction, 405, 'Method Not Allowed', ALLOW);
    }
  }

  /** Hangs up because the server goes down. */
  shutDown(): void {
    if (this.#joined) this.#leave('shutdown', true);
    else this.dialog.refuse(503, 'Service Unavailable', { 'retry-after': String(RETRY_AFTER.draining) });
  }

  /** A re-INVITE or UPDATE: hold, resume, another address or codec, or just a sign of life. */
  #change(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const isInvite = request.method === 'INVITE';
    const refuse = (refusal: FullRefusal): void =>
      this.dialog.respond(transaction, refusal.status, refusal.reason, refusal.headers);
    if (this.dialog.status === 'closing') return refuse({ status: 481, reason: 'Call Does Not Exist' });
    const body = sessionDescription(request);
    if (!body.ok) return refuse(body.refusal);
    const contact = readContact(request);
    if (!contact.ok) return refuse(contact.refusal);
    const timer = readTimer(request);
    if (!timer.ok) return refuse(timer.refusal);
    const { leg } = this.#joined ?? {};
    // One exchange at a time (RFC 3261 section 14.2, RFC 3311 section 5.2).
    const isBusy = isInvite ? this.dialog.awaitsAck : body.sdp !== undefined && this.#awaitsAnswer;
    if (!leg || isBusy) return refuse({ status: 491, reason: 'Request Pending' });

    const headers = sessionTimerHeaders(timer.timer);
    if (body.sdp) {
      const offered = this.#negotiation.offered(body.sdp, flow.address);
      if (!offered.ok) {
        return refuse({ ...offered, headers: this.#warning(offered.status, offered.reason) });
      }
      leg.update(changesFor(offered.terms));
      const answer = offered.accept(leg.port);
      if (isInvite) this.dialog.accept(transaction, answer, headers);
      else this.dialog.respond(transaction, 200, 'OK', { 'content-type': 'application/sdp', ...headers }, answer);
    } else if (isInvite) this.dialog.accept(transaction, this.#offer(leg), headers);
    else this.dialog.respond(transaction, 200, 'OK', headers);
    this.dialog.retarget(contact.target);
    this.#timer = timer.timer;
    this.#restartTimer();
  }

  #offer(leg: RtpLeg): Buffer {
    this.#awaitsAnswer = true;
    return this.#negotiation.offer(leg.port);
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

  #refuseJoin(reason: Extract<JoinResult<RtpLeg>, { ok: false }>['reason']): void {
    if (reason === 'mpc_full') this.dialog.refuse(486, 'Busy Here');
    else this.dialog.refuse(503, 'Service Unavailable', { 'retry-after': String(RETRY_AFTER[reason]) });
  }

  #warning(status: number, reason: string): Readonly<Record<string, string>> {
    // 399: a text for people (RFC 3261 section 20.43).
    return status === 488 ? { warning: `399 ${this.#deps.publicAddress} "${reason}"` } : {};
  }

  #restartTimer(): void {
    this.#cancelTimer();
    if (this.#timer.kind !== 'timed') return;
    const cancel = this.#deps.clock.setTimeout(() => this.#leave('lost', true), sessionPatienceMs(this.#timer.seconds));
    this.#cancelTimer = cancel;
  }

  /** `tellPeer`: the directory then calls `hangUp`, which ends the dialog. */
  #leave(cause: ExitCause, tellPeer: boolean): void {
    if (this.#joined) this.#deps.directory.leave(this.#joined.mpc, this.#joined.member, cause, tellPeer);
  }

  #ended(): void {
    this.#cancelTimer();
    this.#onEnded(this);
  }
}

function changesFor(terms: MediaTerms): RtpLegChanges {
  return {
    codec: terms.codec,
    direction: terms.direction,
    ...(terms.remote ? { remote: terms.remote } : {}),
    ...optional(terms),
  };
}

function optional(
  terms: MediaTerms,
): Pick<RtpLegOptions, 'dtmfPayloadType' | 'dtmfClockRate' | 'comfortNoisePayloadType'> {
  const { telephoneEvent: event, comfortNoisePayloadType } = terms;
  return {
    ...(event ? { dtmfPayloadType: event.payloadType, dtmfClockRate: event.clockRate } : {}),
    ...(comfortNoisePayloadType === undefined ? {} : { comfortNoisePayloadType }),
  };
}

function reasonHeader(cause: ExitCause): string {
  return `Q.850;cause=${Q850_CAUSE[cause]};text="${cause}"`;
}
