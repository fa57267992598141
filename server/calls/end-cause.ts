import type { ExitCause } from '../mpc/index.ts';

/** Why a call is over: what can take a member out of an MPC, and what can happen to a call in no MPC. */
export type CallEndCause =
  | Exclude<ExitCause, 'transferred'>
  /** Hung up by a REST request for the call. */
  | 'hangup_api'
  /** Hung up by the app's XML, or because there was no more of it. */
  | 'hangup_xml'
  | 'end_of_xml'
  /** The app gave no XML that could be used. */
  | 'app_failed'
  /** Not answered: taken back, turned down, busy, not picked up in time, not reached. */
  | 'cancelled'
  | 'rejected'
  | 'busy'
  | 'no_answer'
  | 'failed';

const EXIT_CAUSES: ReadonlySet<string> = new Set<ExitCause>(['kicked', 'mpc_ended', 'no_rtp', 'lost', 'shutdown']);

/** How an MPC notes the exit of a member whose call is over. */
export function exitCauseOf(cause: CallEndCause): ExitCause {
  return EXIT_CAUSES.has(cause) ? (cause as ExitCause) : 'hangup';
}
