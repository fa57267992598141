import { isIPv6 } from 'node:net';
import type { Params } from './message.ts';
import { readNumber } from './text.ts';

/** A `sip:` or `sips:` URI (RFC 3261 section 19.1). */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  /** Still percent-encoded, without the password. */
  readonly user: string | undefined;
  /** IPv6 without its brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: Params;
}

export type UriResult =
  | { readonly ok: true; readonly uri: SipUri }
  | { readonly ok: false; readonly reason: 'malformed' | 'scheme' };

/** Reads a URI. `scheme`: it is one, but of another kind (`tel:`, `http:`). */
export function readUri(text: string): UriResult {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(colon, 0)).toLowerCase();
  if (!/^[a-z][a-z0-9+.-]{0,31}$/.test(scheme)) return malformed;
  if (scheme !== 'sip' && scheme !== 'sips') return { ok: false, reason: 'scheme' };
  const rest = text.slice(colon + 1);
  for (let i = 0; i < rest.length; i++)
    if (rest.charCodeAt(i) <= 0x20 || '<>"'.includes(rest.charAt(i))) return malformed;

  // An @ inside user or headers is always escaped, so the first one ends the user part.
  const at = rest.indexOf('@');
  const userInfo = at < 0 ? undefined : rest.slice(0, at);
  const user = userInfo?.split(':', 1)[0] || undefined;
  const [address = ''] = rest.slice(at + 1).split('?', 1);
  const [hostPort = '', ...parameters] = address.split(';');
  const place = readHostPort(hostPort);
  if (!place) return malformed;
  return { ok: true, uri: { scheme, user, ...place, params: readUriParams(parameters) } };
}

const malformed: UriResult = { ok: false, reason: 'malformed' };

function readHostPort(text: string): { host: string; port: number | undefined } | undefined {
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1;
  const colon = text.indexOf(':', Math.max(bracket, 0));
  const name = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? undefined : readNumber(text.slice(colon + 1), 65_535);
  if (colon >= 0 && (port === undefined || port === 0)) return undefined;
  if (bracket >= 0) {
    const inside = name.slice(1, -1);
    return name.endsWith(']') && isIPv6(inside) ? { host: inside, port } : undefined;
  }
  return isHostName(name) ? { host: name, port } : undefined;
}

function isHostName(text: string): boolean {
  return text.length > 0 && text.length <= 255 && /^[A-Za-z0-9._-]+$/.test(text);
}

function readUriParams(parts: readonly string[]): Params {
  const params = new Map<string, string | null>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    if (name !== '') params.set(name.toLowerCase(), equals < 0 ? null : part.slice(equals + 1));
  }
  return params;
}

/** Whether what is sent there goes by TLS: `sips:` asks for it (RFC 3261 section 26.2.2), and so does the parameter. */
export function goesByTls({ scheme, params }: Pick<SipUri, 'scheme' | 'params'>): boolean {
  return scheme === 'sips' || params.get('transport')?.toLowerCase() === 'tls';
}

/** Undoes percent-encoding as UTF-8; undefined when it is broken. The text is latin1, as everywhere in a message. */
export function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(Buffer.from(text, 'latin1').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The address-of-record of a user. `username` has no character that needs escaping. */
export function userUri(username: string, realm: string): string {
  return `sip:${username}@${uriHost(realm)}`;
}

/** An address as a URI's or SDP-free header's host: IPv6 gets brackets. */
export function uriHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
