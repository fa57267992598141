import type { Leg, LegEvent } from '../../media/engine.ts';
import type { ExitCause, LegKind, Member, Mpc } from '../mpc/index.ts';
import type { CallEndCause } from './end-cause.ts';

export type CallDirection = 'inbound' | 'outbound';

/** What signalling brings along when a call begins. */
export interface CallSetup {
  readonly kind: LegKind;
  readonly direction: CallDirection;
  /** SIP URIs or peer addresses, for people to read. */
  readonly from: string;
  readonly to: string;
  /** What the peer says of the call to whoever asks: SIP's `X-PH-` headers by their names in full, in any case. */
  readonly headers?: ReadonlyMap<string, string>;
  /** Ends the call at the far side; called at most once, and never after the far side ended it. */
  readonly hangUp: (cause: CallEndCause) => void;
}

/** Where a call that stands is: in a room of its own, or a member of an MPC. */
export type CallPlace =
  | { readonly in: 'nowhere' }
  | { readonly in: 'room' }
  | { readonly in: 'mpc'; readonly mpc: Mpc; readonly member: Member };

/**
 * Takes a call on when its membership of an MPC is over and its far side is still there. True: the call goes on in a room
 * of its own, and the keeper sees to what happens there. Without a keeper it is hung up.
 */
export type CallKeeper = (cause: ExitCause) => boolean;

/** One party's signalling and leg, from its first ring to its end; stays readable afterwards. `Calls` alone changes it. */
export class Call {
  readonly uuid: string;
  readonly kind: LegKind;
  readonly direction: CallDirection;
  readonly from: string;
  readonly to: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly createdAt: Date;
  answeredAt: Date | undefined;
  endedAt: Date | undefined;
  endCause: CallEndCause | undefined;
  place: CallPlace = { in: 'nowhere' };
  leg: Leg | undefined;
  /** Set and taken away by whoever wants the call back from its MPC. */
  keeper: CallKeeper | undefined;
  /** Takes the events of its leg while an MPC has it. */
  onMemberEvent: ((event: LegEvent) => void) | undefined;
  /** Signalling's way to end it. */
  readonly hangUp: (cause: CallEndCause) => void;

  constructor(uuid: string, setup: CallSetup, createdAt: Date) {
    this.uuid = uuid;
    this.kind = setup.kind;
    this.direction = setup.direction;
    this.from = setup.from;
    this.to = setup.to;
    this.headers = setup.headers ?? new Map();
    this.hangUp = setup.hangUp;
    this.createdAt = createdAt;
  }

  get status(): 'ringing' | 'live' | 'ended' {
    if (this.endedAt) return 'ended';
    return this.answeredAt ? 'live' : 'ringing';
  }

  /** Name of its own room for the engine. */
  get room(): string {
    return `room-${this.uuid}`;
  }
}

/** Asked anew: while something was waited for, a call may have ended. */
export function isEnded(call: Call): boolean {
  return call.status === 'ended';
}
