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
 * Plivo's signature, version 3: what a receiver computes from the request it got and the account's token, to know that
 * it came from us. Base64 of HMAC-SHA256.
 */
export function signatureV3(
  method: 'GET' | 'POST',
  url: URL,
  fields: CallbackFields,
  nonce: string,
  token: string,
): string {
  return createHmac('sha256', token)
    .update(signedText(method, url, fields, nonce))
    .digest('base64');
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
