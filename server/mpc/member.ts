import type { Leg, LegChanges, LegStats } from '../../media/engine.ts';
import type { Role } from './identity.ts';
import type { JoinTerms } from './join-terms.ts';

export type LegKind = 'sip' | 'ws' | 'webrtc';

/** Why a member is no longer in the MPC. */
export type ExitCause = 'hangup' | 'kicked' | 'mpc_ended' | 'transferred' | 'no_rtp' | 'lost' | 'shutdown';

export interface MemberOptions {
  readonly id: string;
  readonly callUuid: string;
  readonly terms: JoinTerms;
  readonly kind: LegKind;
  readonly address: string;
  readonly joinedAt: Date;
  /** Ends the call at the far side (BYE, WebSocket close). Called once, unless the far side ended it. */
  readonly hangUp: (cause: ExitCause) => void;
  /** Asked first: true when the call goes on elsewhere and has moved its leg there. */
  readonly takeBack?: ((cause: ExitCause) => boolean) | undefined;
}

type LegState = Required<LegChanges>;

/** One party in an MPC, from join to exit; stays readable after its exit. */
export class Member {
  readonly id: string;
  readonly callUuid: string;
  /** As it came: what has changed since is in the fields below. */
  readonly terms: JoinTerms;
  readonly kind: LegKind;
  /** SIP URI or peer address, for people to read. */
  readonly address: string;
  readonly joinedAt: Date;
  exitedAt: Date | undefined;
  exitCause: ExitCause | undefined;
  muted = false;
  held = false;
  coach = false;
  /** The MPC has not started. */
  waiting = false;
  /** What the engine says of this member's voice, whether anybody may hear it or not. */
  talking = false;
  leg: Leg | undefined;
  /** What the leg knows; a new one is as the engine makes it. */
  #told: LegState = { muted: false, held: false, voice: 'conference', hearsWhispers: false };
  readonly #hangUp: (cause: ExitCause) => void;
  readonly #takeBack: (cause: ExitCause) => boolean;
  /** The leg is no longer this member's. */
  #givenBack = false;

  constructor(options: MemberOptions) {
    this.id = options.id;
    this.callUuid = options.callUuid;
    this.terms = options.terms;
    this.kind = options.kind;
    this.address = options.address;
    this.joinedAt = options.joinedAt;
    this.muted = options.terms.muted;
    this.held = options.terms.held;
    this.coach = options.terms.coach;
    this.#hangUp = options.hangUp;
    this.#takeBack = options.takeBack ?? (() => false);
  }

  get role(): Role {
    return this.terms.role;
  }

  get present(): boolean {
    return this.exitedAt === undefined;
  }

  get stats(): LegStats | undefined {
    return this.leg?.stats;
  }

  /** A coaching supervisor is heard by agents only. */
  set(what: 'muted' | 'held' | 'coach', value: boolean): void {
    this[what] = value;
    this.#tellLeg();
  }

  setWaiting(waiting: boolean): void {
    this.waiting = waiting;
    this.#tellLeg();
  }

  /** Neither hears the others nor is heard: on hold, or the MPC has not started. */
  get outside(): boolean {
    return this.held || this.waiting;
  }

  /** Offers the call its leg back, while the conference is still there to move out of. */
  giveBack(cause: ExitCause): void {
    this.#givenBack ||= this.present && this.#takeBack(cause);
  }

  /** Marks the exit and closes the leg, or gives it back when the far side is still there and somebody wants it. */
  exit(cause: ExitCause, at: Date, tellPeer: boolean): void {
    if (!this.present) return;
    if (tellPeer) this.giveBack(cause);
    this.exitedAt = at;
    this.exitCause = cause;
    if (this.#givenBack) return;
    this.leg?.close();
    if (tellPeer) this.#hangUp(cause);
  }

  /** What is new of how the leg is to be mixed. */
  #tellLeg(): void {
    const wanted: LegState = {
      muted: this.muted,
      held: this.outside,
      voice: this.coach ? 'whisper' : 'conference',
      hearsWhispers: this.role === 'agent',
    };
    const news = Object.entries(wanted).filter(([key, value]) => this.#told[key as keyof LegState] !== value);
    this.#told = wanted;
    if (news.length > 0) this.leg?.update(Object.fromEntries(news));
  }
}
