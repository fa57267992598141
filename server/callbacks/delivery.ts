import { type Exchange, type ExchangeOptions, exchange } from './exchange.ts';
import type { CallbackFields } from './signature.ts';
import type { CallbackTarget } from './target.ts';

/** Why a callback was not delivered: a closed set, also a metric label. */
export const CALLBACK_FAILURES = [
  /** The address or port is one we never connect to. */
  'refused_address',
  /** Any answer but 2xx. Redirects are not followed. */
  'http_status',
  'timeout',
  /** DNS, refused, reset, or no HTTP spoken there. */
  'unreachable',
  'tls',
  /** Too many wait for this receiver, or in all. */
  'overflow',
  /** The server ended in the midst of an attempt; the next one makes it again. */
  'shutdown',
] as const;

export type CallbackFailure = (typeof CALLBACK_FAILURES)[number];

export type DeliveryOutcome = { readonly ok: true } | Extract<Exchange, { readonly ok: false }>;

/** How much of an answer's body is read; nobody looks at it. */
const BODY_BYTES = 16 * 1024;
/** Answers of a receiver that is busy, not of one that does not want it. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** Makes one attempt, on a connection of its own. Never throws for what a receiver does. */
export async function deliver(
  target: CallbackTarget,
  fields: CallbackFields,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  // The body is read, so that the receiver's end of the connection is an orderly one; what is in it does not matter.
  const answer = await exchange(target, fields, options, signal, BODY_BYTES);
  return answer.ok ? outcomeOf(answer.status) : answer;
}

function outcomeOf(status: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return { ok: true };
  const detail = `the receiver answered ${status}`;
  const isPassing = status >= 500 || BUSY_STATUSES.has(status);
  const trouble = isPassing ? '5xx' : status >= 400 ? '4xx' : undefined;
  return { ok: false, reason: 'http_status', detail, trouble };
}
