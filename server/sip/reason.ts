import type { CallEndCause } from '../calls/index.ts';

/** ITU-T Q.850 cause numbers, for the Reason header. */
const Q850_CAUSE: Readonly<Record<CallEndCause, number>> = {
  hangup: 16,
  kicked: 16,
  mpc_ended: 16,
  shutdown: 16,
  hangup_api: 16,
  hangup_xml: 16,
  end_of_xml: 16,
  cancelled: 16,
  rejected: 21,
  busy: 17,
  no_answer: 19,
  no_rtp: 102,
  lost: 41,
  failed: 41,
  app_failed: 41,
};

/** The Reason header (RFC 3326) of a call that ends for this cause. */
export function reasonHeader(cause: CallEndCause): string {
  return `Q.850;cause=${Q850_CAUSE[cause]};text="${cause}"`;
}
