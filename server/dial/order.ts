import type { CallbackTarget } from '../callbacks/target.ts';
import type { JoinTerms } from '../mpc/index.ts';
import type { Route } from './route.ts';

/** One of those who are called for the same place in an MPC. */
export interface Destination {
  /** As it was written. */
  readonly to: string;
  readonly route: Route;
  readonly delayMs: number;
  readonly ringMs: number;
}

/** What the far side has to do before it is let in. */
export interface Confirmation {
  readonly key: string;
  /** Gives XML that says what it hears until then. */
  readonly sound: CallbackTarget | undefined;
}

/** Digits with pauses for whoever answers. */
export interface DialledDigits {
  readonly text: string;
  /** Sent while it still rings, to the first who can hear them then. */
  readonly early: boolean;
}

/** What those in the MPC hear while it rings: a ringing tone, nothing, or what an app's XML says. */
export type DialMusic = 'real' | 'none' | CallbackTarget;

/** Somebody is to be called into an MPC: the first of the destinations that answers. */
export interface DialOrder {
  readonly mpcName: string;
  readonly terms: JoinTerms;
  /** A telephone number, a user or a `sip:` address: who the far side is told calls. */
  readonly from: string;
  readonly callerName: string | undefined;
  readonly destinations: readonly Destination[];
  /** Goes with every INVITE. */
  readonly headers: Readonly<Record<string, string>>;
  readonly confirmation: Confirmation | undefined;
  readonly music: DialMusic;
  readonly digits: DialledDigits | undefined;
  readonly status: CallbackTarget | undefined;
}
