import type { RtpLeg, RtpLegChanges, RtpLegOptions } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import { type FullRefusal, sessionDescription } from './body.ts';
import { ALLOW, CAPABILITIES } from './capabilities.ts';
import type { Dialog } from './dialog.ts';
import type { Flow } from './flow.ts';
import { readContact, readTimer } from './invitation.ts';
import type { SipRequest } from './message.ts';
import type { Negotiation } from './negotiation.ts';
import type { MediaTerms } from './sdp.ts';
import { type SessionTimer, sessionPatienceMs, sessionTimerHeaders } from './session-timer.ts';
import type { ServerTransaction } from './transaction.ts';

export interface SessionOptions {
  readonly clock: Clock;
  readonly publicAddress: string;
  readonly dialog: Dialog;
  readonly negotiation: Negotiation;
  readonly timer: SessionTimer;
  /** The call is over for `cause`. `tellPeer`: it does not know yet, so `Dialog.hangUp` is due. */
  readonly onLeave: (cause: 'hangup' | 'lost', tellPeer: boolean) => void;
}

/** What both sides of a call that stands say to each other: offers and answers, hold, its session timer, its end. */
export class Session {
  readonly #options: SessionOptions;
  #leg: RtpLeg | undefined;
  /** Our offer went out in a 200; the ACK brings the answer. */
  #awaitsAnswer = false;
  #timer: SessionTimer;
  #cancelTimer: () => void = () => {};

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#timer = options.timer;
  }

  /** The call stands from now on, and this leg is its sound. */
  begin(leg: RtpLeg): void {
    this.#leg = leg;
    this.#restartTimer();
  }

  /** An offer of ours in a 200, whose answer comes with the ACK. */
  offer(leg: RtpLeg): Buffer {
    this.#awaitsAnswer = true;
    return this.#options.negotiation.offer(leg.port, this.#options.dialog.signalling);
  }

  /** Takes an ACK of the dialog. */
  acknowledge(ack: SipRequest, flow: Flow): void {
    if (!this.#options.dialog.acknowledge(ack, flow)) return;
    const changes: RtpLegChanges = { started: true };
    if (this.#awaitsAnswer) {
      this.#awaitsAnswer = false;
      const body = sessionDescription(ack);
      const answer = body.ok && body.sdp ? this.#options.negotiation.answered(body.sdp, flow) : undefined;
      if (!answer?.ok) {
        // The call has no way to carry sound.
        this.#options.onLeave('hangup', true);
        return;
      }
      Object.assign(changes, changesFor(answer.terms));
    }
    this.#leg?.update(changes);
  }

  /** Answers any other request within the dialog. */
  receive(transaction: ServerTransaction): void {
    const { dialog, onLeave } = this.#options;
    const { request, flow } = transaction;
    if (!dialog.advance(request, flow)) {
      dialog.respond(transaction, 500, 'Out Of Order', { 'retry-after': '1' });
      return;
    }
    switch (request.method) {
      case 'BYE':
        dialog.respond(transaction, 200, 'OK');
        dialog.remoteHungUp();
        onLeave('hangup', false);
        break;
      case 'INVITE':
      case 'UPDATE':
        this.#change(transaction);
        break;
      case 'OPTIONS':
        dialog.respond(transaction, 200, 'OK', CAPABILITIES);
        break;
      case 'INFO':
        dialog.respond(transaction, 200, 'OK');
        break;
      default:
        dialog.respond(transaction, 405, 'Method Not Allowed', ALLOW);
    }
  }

  /** Nothing of the dialog is left. */
  end(): void {
    this.#cancelTimer();
  }

  /** A re-INVITE or UPDATE: hold, resume, another address or codec, or just a sign of life. */
  #change(transaction: ServerTransaction): void {
    const { dialog, negotiation, publicAddress } = this.#options;
    const leg = this.#leg;
    const { request, flow } = transaction;
    const isInvite = request.method === 'INVITE';
    const refuse = (refusal: FullRefusal): void =>
      dialog.respond(transaction, refusal.status, refusal.reason, refusal.headers);
    if (dialog.status === 'closing') return refuse({ status: 481, reason: 'Call Does Not Exist' });
    const body = sessionDescription(request);
    if (!body.ok) return refuse(body.refusal);
    const contact = readContact(request);
    if (!contact.ok) return refuse(contact.refusal);
    const timer = readTimer(request);
    if (!timer.ok) return refuse(timer.refusal);
    // One exchange at a time (RFC 3261 section 14.2, RFC 3311 section 5.2).
    const isBusy = isInvite ? dialog.awaitsAck : body.sdp !== undefined && this.#awaitsAnswer;
    if (!leg || isBusy) return refuse({ status: 491, reason: 'Request Pending' });

    const headers = sessionTimerHeaders(timer.timer);
    if (body.sdp) {
      const offered = negotiation.offered(body.sdp, flow);
      if (!offered.ok) {
        return refuse({ ...offered, headers: warningOf(offered.status, offered.reason, publicAddress) });
      }
      leg.update(changesFor(offered.terms));
      const answer = offered.accept(leg.port);
      if (isInvite) dialog.accept(transaction, answer, headers);
      else dialog.respond(transaction, 200, 'OK', { 'content-type': 'application/sdp', ...headers }, answer);
    } else if (isInvite) dialog.accept(transaction, this.offer(leg), headers);
    else dialog.respond(transaction, 200, 'OK', headers);
    dialog.retarget(contact.target);
    this.#timer = timer.timer;
    this.#restartTimer();
  }

  #restartTimer(): void {
    this.#cancelTimer();
    if (this.#timer.kind !== 'timed') return;
    const patience = sessionPatienceMs(this.#timer.seconds);
    this.#cancelTimer = this.#options.clock.setTimeout(() => this.#options.onLeave('lost', true), patience);
  }
}

/** What a leg is told once offer and answer agree. */
export function changesFor(terms: MediaTerms): RtpLegChanges {
  return {
    codec: terms.codec,
    direction: terms.direction,
    ...(terms.remote ? { remote: terms.remote } : {}),
    ...optional(terms),
  };
}

/** The parts of the terms that a call may lack. */
export function optional(
  terms: MediaTerms,
): Pick<RtpLegOptions, 'dtmfPayloadType' | 'dtmfClockRate' | 'comfortNoisePayloadType' | 'srtp'> {
  const { telephoneEvent: event, comfortNoisePayloadType, srtp } = terms;
  return {
    ...(event ? { dtmfPayloadType: event.payloadType, dtmfClockRate: event.clockRate } : {}),
    ...(comfortNoisePayloadType === undefined ? {} : { comfortNoisePayloadType }),
    ...(srtp ? { srtp } : {}),
  };
}

/** 399: a text for people (RFC 3261 section 20.43). */
export function warningOf(status: number, reason: string, publicAddress: string): Readonly<Record<string, string>> {
  return status === 488 ? { warning: `399 ${publicAddress} "${reason}"` } : {};
}
