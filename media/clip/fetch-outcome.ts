import { RefusedAddress } from './connector.ts';
import type { ClipFailure } from './failure.ts';
import { parseUrl } from './policy.ts';

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Failed {
  readonly status: 'failed';
  readonly reason: ClipFailure;
  readonly detail: string;
}

/** An exchange that did not come to an answer; `retry`: the same request may well succeed. */
export interface Broken {
  readonly retry: boolean;
  readonly failure: Failed;
}

/** What sockets and parsers report when the peer went away in mid-exchange. */
const RESETS: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|EPROTO$|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;
/** Types that are certainly no sound. Anything else is judged by its first bytes. */
const TEXT_TYPE = /^text\/|html|xml|json/i;

export function failed(reason: ClipFailure, detail: string): Failed {
  return { status: 'failed', reason, detail };
}

/**
 * Sorts an error of the socket, TLS or HTTP layer. Only its code is passed on: messages hold addresses and, at times,
 * what the peer wrote.
 */
export function brokenBy(error: unknown): Broken {
  if (error instanceof RefusedAddress) return { retry: false, failure: failed('refused_address', error.message) };
  const code = codeOf(error);
  if (RESETS.has(code)) return { retry: true, failure: failed('unreachable', `the connection broke (${code})`) };
  if (TLS_CODE.test(code)) return { retry: false, failure: failed('tls', `TLS failed (${code})`) };
  if (code === 'ETIMEDOUT') return { retry: false, failure: failed('timeout', 'no connection (ETIMEDOUT)') };
  return { retry: false, failure: failed('unreachable', `the source cannot be reached (${code})`) };
}

/** Where a redirect leads, as text for the same check every URL passes; or why it is not followed. */
export function nextHop(from: URL, location: string | string[] | undefined): string | Failed {
  if (typeof location !== 'string' || location === '') return failed('redirects', 'a redirect without one target');
  // Header bytes arrive as latin1; what sites write there is UTF-8.
  const target = Buffer.from(location, 'latin1').toString('utf8');
  const next = parseUrl(target, from.href);
  if (!next) return failed('redirects', 'a redirect to no valid URL');
  if (from.protocol === 'https:' && next.protocol === 'http:') {
    return failed('redirects', 'a redirect from https to http');
  }
  return next.href;
}

/** Why a 200 is refused by its headers alone. */
export function refusalOf(headers: ResponseHeaders): Failed | undefined {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return failed('not_audio', 'the source compressed its answer unasked');
  const type = headers['content-type'];
  if (typeof type === 'string' && TEXT_TYPE.test(type)) return failed('not_audio', 'the source declares text');
  return undefined;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error.cause === undefined ? error.name : codeOf(error.cause);
}
