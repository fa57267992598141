import type { Call } from './call.ts';
import type { CallEndCause } from './end-cause.ts';

/** What becomes of a call that comes in. */
export type Decision =
  /** `begin` is called once the call stands in its room and sound flows. */
  { readonly take: true; readonly begin: () => void } | { readonly take: false; readonly cause: CallEndCause };

/** Decides about calls that come in, in place of the MPC that their user part names. */
export interface Reception {
  decide(call: Call): Promise<Decision>;
}
