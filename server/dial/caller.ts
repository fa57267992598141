import { isIP } from 'node:net';
import type { NameAddress } from '../sip/message.ts';
import { readUri, uriHost } from '../sip/uri.ts';
import type { Route } from './route.ts';

const USER = /^\+?[A-Za-z0-9_.!~*'()-]{1,64}$/;

/** Whether a text may stand for who calls: a number, a user, or a `sip:` address with one. */
export function isCaller(text: string): boolean {
  return userOf(text) !== undefined;
}

/** The From of a call. Its host is ours, or the trunk's, which knows its customers by that. */
export function callerAddress(from: string, name: string | undefined, route: Route, ourHost: string): NameAddress {
  const host = route.kind === 'trunk' ? route.target.host : ourHost;
  const written = isIP(host) === 6 ? uriHost(host) : host;
  return {
    name: name === undefined ? undefined : quoted(name),
    uri: `sip:${userOf(from) ?? 'anonymous'}@${written}`,
    params: new Map(),
  };
}

function userOf(text: string): string | undefined {
  if (USER.test(text)) return text;
  const read = readUri(text);
  return read.ok && read.uri.user !== undefined && USER.test(read.uri.user) ? read.uri.user : undefined;
}

/** UTF-8 in the one character for each byte that messages are kept in. */
function quoted(name: string): string {
  const bytes = Buffer.from(name, 'utf8').toString('latin1');
  return `"${bytes.replace(/["\\]/g, '\\$&')}"`;
}
