import type { ResponseHeaders } from './fetch-outcome.ts';

export interface Freshness {
  /** False: nobody but those who wait for it now may have it. */
  readonly keep: boolean;
  /** For how long it needs no question back to its source, in ms from the response. */
  readonly freshMs: number;
}

/** No source is believed for longer than this, in ms. */
const LONGEST_MS = 24 * 60 * 60_000;

/**
 * How long an answer may be used without asking again (RFC 9111 section 4.2, as a private cache). Dates are only
 * subtracted from each other, so that our own clock does not matter. `unsaidMs` holds where the source says nothing.
 */
export function freshnessOf(headers: ResponseHeaders, unsaidMs: number): Freshness {
  const directives = directivesOf(headers['cache-control']);
  if (directives.has('no-store')) return { keep: false, freshMs: 0 };
  if (directives.has('no-cache')) return { keep: true, freshMs: 0 };
  const age = seconds(single(headers.age)) ?? 0;
  const lifetime = seconds(directives.get('max-age')) ?? expiry(headers);
  if (lifetime === undefined) return { keep: true, freshMs: unsaidMs };
  return { keep: true, freshMs: Math.min(LONGEST_MS, Math.max(0, lifetime - age) * 1000) };
}

function directivesOf(header: string | string[] | undefined): Map<string, string> {
  const directives = new Map<string, string>();
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=', 2);
    directives.set(name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, ''));
  }
  return directives;
}

/** `Expires` minus `Date` in seconds. A date that cannot be read has passed (RFC 9111 section 5.3). */
function expiry(headers: ResponseHeaders): number | undefined {
  const expires = single(headers.expires);
  if (expires === undefined) return undefined;
  const lifetime = (httpDate(expires) - httpDate(single(headers.date) ?? '')) / 1000;
  return Number.isNaN(lifetime) ? 0 : lifetime;
}

/** In ms; NaN for what is no HTTP date, of which `Date.parse` would make some year. */
function httpDate(text: string): number {
  return text.endsWith(' GMT') ? Date.parse(text) : Number.NaN;
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
