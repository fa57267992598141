import { Client } from 'undici';
import { brokenBy, guardedConnector, type Resolve, type SourcePolicy } from '../../media/clip/index.ts';
import type { Clock } from '../../media/index.ts';
import type { CallbackFailure } from './delivery.ts';
import { type CallbackFields, signaturesV3 } from './signature.ts';
import type { CallbackTarget, CallbackTrouble } from './target.ts';

export type Exchange =
  | {
      readonly ok: true;
      /** Any at all: redirects are not followed. */
      readonly status: number;
      /** In lower case, without parameters; empty when the answer has none. */
      readonly contentType: string;
      readonly body: Buffer;
      /** There was more of it: too much to read, or it broke off. */
      readonly cut: boolean;
    }
  | {
      readonly ok: false;
      readonly reason: CallbackFailure;
      readonly detail: string;
      /** Undefined: no attempt can mend it. */
      readonly trouble: CallbackTrouble | undefined;
    };

export interface ExchangeOptions {
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

const MAX_HEADER_BYTES = 16 * 1024;
const CONNECT_ATTEMPTS = 3;

/**
 * One signed request to a URL that a caller of ours chose, on a connection of its own, and what was answered: at most
 * `maxBytes` of the body. Never throws for what the other side does.
 */
export async function exchange(
  target: CallbackTarget,
  fields: CallbackFields,
  options: ExchangeOptions,
  signal: AbortSignal,
  maxBytes: number,
): Promise<Exchange> {
  if (signal.aborted) return stopped();
  const { url, method, tuning } = target;
  const { clock, policy, resolve, ca } = options;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  signal.addEventListener('abort', stop, { once: true });
  let connected = false;
  let late: Exchange | undefined;
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
    const { statusCode, headers } = answer;
    const read = await readBody(answer.body, maxBytes);
    return { ok: true, status: statusCode, contentType: mediaType(headers['content-type']), ...read };
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
  { authToken, newNonce }: ExchangeOptions,
): Record<string, string> {
  const nonce = newNonce();
  const signatures = signaturesV3(method, url, fields, nonce, authToken);
  return {
    'user-agent': 'partyline',
    accept: '*/*',
    'x-plivo-signature-v3': signatures,
    'x-plivo-signature-ma-v3': signatures,
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

function mediaType(header: string | string[] | undefined): string {
  const [type = ''] = String(header ?? '').split(';');
  return type.trim().toLowerCase();
}

async function readBody(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<{ body: Buffer; cut: boolean }> {
  const parts: Uint8Array[] = [];
  let left = maxBytes;
  try {
    for await (const part of body) {
      parts.push(part.subarray(0, left));
      left -= part.length;
      if (left < 0) break;
    }
  } catch {
    left = -1;
  }
  return { body: Buffer.concat(parts), cut: left < 0 };
}

function failed(reason: CallbackFailure, detail: string, trouble: CallbackTrouble | undefined): Exchange {
  return { ok: false, reason, detail, trouble };
}

function stopped(): Exchange {
  return failed('shutdown', 'the server is stopping', undefined);
}
