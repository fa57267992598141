import type { CallEnd } from '../sip/outgoing-call.ts';

/** How a call failed as a SIP status, also where nobody sent one (RFC 3261 sections 16.8 and 16.9). */
export function statusOf(end: CallEnd): number {
  switch (end.kind) {
    case 'refused':
      return end.status;
    case 'timeout':
      return 408;
    case 'no-media':
      return 488;
    case 'unreachable':
    case 'hangup':
    case 'lost':
      return 503;
  }
}

/** Whether one phone says no for all of them: 6xx. */
export function isFinal(end: CallEnd): boolean {
  return statusOf(end) >= 600;
}

/**
 * The failure to report of a call to several phones, at least one (RFC 3261 section 16.7): a 6xx if there is one, else of the
 * lowest class. Busy only if no other of that class says something else: who did not answer on one phone may be reached later.
 */
export function bestEnd(ends: readonly CallEnd[]): CallEnd {
  const [best] = [...ends].sort((a, b) => rank(a) - rank(b));
  if (!best) throw new Error('somebody was called');
  return best;
}

const BUSY_HERE = 486;

function rank(end: CallEnd): number {
  if (isFinal(end)) return 0;
  const status = statusOf(end);
  return Math.floor(status / 100) + (status === BUSY_HERE ? 0.5 : 0);
}
