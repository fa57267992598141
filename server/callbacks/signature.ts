import { createHmac } from 'node:crypto';

/** The fields of a callback, in the order in which they are sent. */
export type CallbackFields = ReadonlyMap<string, string>;

/** Fields as they are before they become text; what is not known is undefined. */
export type FieldValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** Leaves out what is not known. */
export function fieldsFrom(values: FieldValues): CallbackFields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) fields.set(name, String(value));
  return fields;
}

/**
 * What the header of Plivo's signature, version 3, carries: what a receiver computes from the request that it got and the account's
 * token, to know that it came from us. Base64 of HMAC-SHA256. With commas behind it come those that some of Plivo's SDKs make of the
 * same request, for a receiver believes any of them: Ruby's and .NET's leave the port out of the URL; Python's and PHP's take the
 * text's bytes for characters and encode them once more, which shows where it is not ASCII.
 */
export function signaturesV3(
  method: 'GET' | 'POST',
  url: URL,
  fields: CallbackFields,
  nonce: string,
  token: string,
): string {
  const plain = signedText(method, url, fields, nonce);
  const portless = new URL(url);
  portless.port = '';
  const texts = new Set([plain, signedText(method, portless, fields, nonce), Buffer.from(plain).toString('latin1')]);
  return [...texts].map((text) => signed(text, token)).join();
}

function signed(text: string, token: string): string {
  return createHmac('sha256', token).update(text).digest('base64');
}

/** The text that is signed: URL, query and fields in a fixed order, unescaped, then the nonce. */
export function signedText(method: 'GET' | 'POST', url: URL, fields: CallbackFields, nonce: string): string {
  const base = `${url.protocol}//${url.host}${url.pathname}`;
  const query = [...url.searchParams];
  if (method === 'GET') return `${withQuery(base, [...query, ...fields])}.${nonce}`;
  if (fields.size === 0) return `${withQuery(base, query)}.${nonce}`;
  const body = sorted([...fields])
    .map(([name, value]) => name + value)
    .join('');
  const separator = query.length === 0 ? '?' : '.';
  return `${withQuery(base, query)}${separator}${body}.${nonce}`;
}

function withQuery(base: string, pairs: readonly (readonly [string, string])[]): string {
  if (pairs.length === 0) return base;
  return `${base}?${sorted(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join('&')}`;
}

/** By name, then by value, in code points: upper case first. */
function sorted(pairs: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return [...pairs].sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
