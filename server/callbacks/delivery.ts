import { Client } from 'undici';
import { brokenBy, guardedConnector, type Resolve, type SourcePolicy } from '../../media/clip/index.ts';
import type { Clock } from '../../media/index.ts';
import { type CallbackFields, signatureV3 } from './signature.ts';
import type { CallbackTarget, CallbackTrouble } from './target.ts';

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
  /** The server ended before it could be delivered. */
  'shutdown',
] as const;

export type CallbackFailure = (typeof CALLBACK_FAILURES)[number];

export type DeliveryOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: CallbackFailure;
      readonly detail: string;
      /** Undefined: no attempt can mend it. */
      readonly trouble: CallbackTrouble | undefined;
    };

export interface DeliveryOptions {
  /** The same guard that fetches of clips pass: callers choose these URLs as well. */
  readonly policy: SourcePolicy;
  readonly resolve: Resolve;
  readonly clock: Clock;
  /** The account's, for the signature. */
  readonly authToken: string;
  readonly newNonce: () => string;
  /** Certificates to trust for https instead of the system's. */
  readonly ca?: string | undefined;
}

/** How much of an answer's body is read; nobody looks at it. */
const BODY_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const CONNECT_ATTEMPTS = 3;
/** Answers of a receiver that is busy, not of one that does not want it. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** Makes one attempt, on a connection of its own. Never throws for what a receiver does. */
export async function deliver(
  target: CallbackTarget,
  fields: CallbackFields,
  options: DeliveryOptions,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  if (signal.aborted) return stopped();
  const { url, method, tuning } = target;
  const { clock, policy, resolve, ca } = options;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  signal.addEventListener('abort', stop, { once: true });
  let connected = false;
  let late: DeliveryOutcome | undefined;
  const timers: (() => void)[] = [];
  const limit = (ms: number, what: string, isOver: () => boolean): void => {
    const expire = (): void => {
      if (isOver()) return;
      late ??= failed('timeout', `no ${what} within ${ms} ms`, connected ? 'rt' : 'ct');
      controller.abort();
      // A request that still waits for its connection does not hear the signal.
      client.destroy(null).catch(() => {});
    };
    timers.push(clock.setTimeout(expire, ms));
  };
  const client = new Client(url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    connect: guardedConnector(url, {
      policy,
      resolve,
      ca,
      signal: controller.signal,
      attemptMs: Math.ceil(tuning.connectMs / CONNECT_ATTEMPTS),
      onConnected: () => {
        connected = true;
        limit(tuning.readMs, 'answer', () => false);
      },
    }),
  });
  limit(tuning.connectMs, 'connection', () => connected);
  limit(tuning.totalMs, 'answer', () => false);
  try {
    const answer = await client.request({
      ...requestOf(target, fields),
      method,
      headers: headersOf(target, fields, options),
      signal: controller.signal,
      reset: true,
    });
    answer.body.on('error', () => {});
    const { statusCode } = answer;
    // Read, so that the receiver's end of the connection is an orderly one; what becomes of it does not matter.
    await answer.body.dump({ limit: BODY_BYTES }).catch(() => {});
    return outcomeOf(statusCode);
  } catch (error) {
    if (late) return late;
    if (signal.aborted) return stopped();
    const { reason, detail } = brokenBy(error).failure;
    if (reason === 'refused_address') return failed(reason, detail, undefined);
    const known = reason === 'tls' || reason === 'timeout' ? reason : 'unreachable';
    return failed(known, detail, connected ? 'rt' : 'ct');
  } finally {
    for (const cancel of timers) cancel();
    signal.removeEventListener('abort', stop);
    client.destroy(null).catch(() => {});
  }
}

/** Plivo's headers: one signature by the account's token and one by the main account's, which here are the same. */
function headersOf(
  { url, method }: CallbackTarget,
  fields: CallbackFields,
  { authToken, newNonce }: DeliveryOptions,
): Record<string, string> {
  const nonce = newNonce();
  const signature = signatureV3(method, url, fields, nonce, authToken);
  return {
    'user-agent': 'partyline',
    accept: '*/*',
    'x-plivo-signature-v3': signature,
    'x-plivo-signature-ma-v3': signature,
    'x-plivo-signature-v3-nonce': nonce,
    ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
  };
}

/** POST carries the fields as a form, GET in the query behind the URL's own. */
function requestOf({ url, method }: CallbackTarget, fields: CallbackFields): { path: string; body?: string } {
  const encoded = new URLSearchParams([...fields]).toString();
  if (method === 'POST') return { path: url.pathname + url.search, body: encoded };
  const separator = url.search === '' ? '?' : '&';
  return { path: `${url.pathname}${url.search}${encoded === '' ? '' : separator + encoded}` };
}

function outcomeOf(status: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return { ok: true };
  const detail = `the receiver answered ${status}`;
  if (status >= 500 || BUSY_STATUSES.has(status)) return failed('http_status', detail, '5xx');
  return failed('http_status', detail, status >= 400 ? '4xx' : undefined);
}

function failed(reason: CallbackFailure, detail: string, trouble: CallbackTrouble | undefined): DeliveryOutcome {
  return { ok: false, reason, detail, trouble };
}

function stopped(): DeliveryOutcome {
  return failed('shutdown', 'the server is stopping', undefined);
}
