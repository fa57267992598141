import { optionTags, type SipRequest } from './message.ts';
import { readNumber } from './text.ts';

/** RFC 4028 section 5: nobody may ask for less. */
export const MIN_SESSION_SECONDS = 90;
const DEFAULT_SESSION_SECONDS = 1800;
const MAX_SESSION_SECONDS = 2 ** 31 - 1;
/** Longest delay a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export type SessionTimer =
  /** The peer does not insist: the session has no time limit. */
  | { readonly kind: 'none' }
  | { readonly kind: 'too-short' }
  | { readonly kind: 'malformed' }
  /** The peer refreshes the session in time, or it ends. */
  | { readonly kind: 'timed'; readonly seconds: number };

/** What a request wants of RFC 4028. We never ask for a timer, and take part when a peer requires it. */
export function readSessionTimer(request: SipRequest): SessionTimer {
  if (!optionTags(request, 'require').includes('timer')) return { kind: 'none' };
  const text = request.headers.get('session-expires');
  if (text === undefined) return { kind: 'timed', seconds: DEFAULT_SESSION_SECONDS };
  const seconds = readNumber((text.split(';', 1)[0] ?? '').trim(), MAX_SESSION_SECONDS);
  if (seconds === undefined) return { kind: 'malformed' };
  return seconds < MIN_SESSION_SECONDS ? { kind: 'too-short' } : { kind: 'timed', seconds };
}

/** The headers that tell the peer to do the refreshing. */
export function sessionTimerHeaders(timer: SessionTimer): Readonly<Record<string, string>> {
  if (timer.kind !== 'timed') return {};
  return { require: 'timer', 'session-expires': `${timer.seconds};refresher=uac` };
}

/** How long to wait for a refresh: a little less than the session lasts (RFC 4028 section 10). */
export function sessionPatienceMs(seconds: number): number {
  return Math.min((seconds - Math.min(32, seconds / 3)) * 1000, MAX_TIMER_MS);
}
