import ipaddr from 'ipaddr.js';
import type { Credentials } from '../sip/challenge.ts';
import { DEFAULT_PORT } from '../sip/own-place.ts';
import { goesByTls, readUri, type SipUri, uriHost } from '../sip/uri.ts';

/** Hosts that may be called, one entry of the setting: a name, or a network of addresses, and a port. */
export interface AllowedHost {
  readonly host: string | readonly [ipaddr.IPv4 | ipaddr.IPv6, number];
  /** Undefined: the usual one, 5060 or by TLS 5061. */
  readonly port: number | undefined;
}

/** Who takes calls to telephone numbers. */
export interface Trunk {
  readonly uri: SipUri;
  readonly credentials: Credentials | undefined;
}

export interface RouteRules {
  readonly hosts: readonly AllowedHost[];
  readonly trunk: Trunk | undefined;
  /** Digits that a number may begin with. */
  readonly prefixes: readonly string[];
  /** Names and addresses under which our own users are called. */
  readonly ownHosts: readonly string[];
  readonly isUser: (name: string) => boolean;
  /** Calls may go by TLS: we have a certificate to be called back with. */
  readonly tls: boolean;
}

/** Where a call goes. Only what costs money or leaves the house counts against the limits. */
export type Route =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'address'; readonly uri: string; readonly target: SipUri }
  | {
      readonly kind: 'trunk';
      readonly uri: string;
      readonly target: SipUri;
      readonly credentials: Credentials | undefined;
    };

export const ROUTE_REFUSALS = ['malformed', 'unknown_user', 'host', 'no_tls', 'no_trunk', 'number'] as const;

/** Why a destination is not called: a closed set, also a metric label. */
export type RouteRefusal = (typeof ROUTE_REFUSALS)[number];

export type Routed =
  | { readonly ok: true; readonly route: Route }
  | { readonly ok: false; readonly reason: RouteRefusal };

const NUMBER = /^\+?[0-9]{1,24}$/;
const USER = /^[A-Za-z0-9_.!~*'()&=+$-]{1,64}$/;

/**
 * Decides where a destination leads: a telephone number, a `sip:` or `sips:` address, or the name of a user of ours. What no
 * rule names is refused: nothing leaves by default.
 */
export function routeTo(destination: string, rules: RouteRules): Routed {
  const text = destination.trim();
  if (NUMBER.test(text)) return routeNumber(text, rules);
  if (/^sips?:/i.test(text)) return routeAddress(text, rules);
  if (!USER.test(text)) return refuse('malformed');
  return rules.isUser(text) ? { ok: true, route: { kind: 'user', user: text } } : refuse('unknown_user');
}

function routeNumber(number: string, { trunk, prefixes }: RouteRules): Routed {
  if (!trunk) return refuse('no_trunk');
  const digits = number.replace('+', '');
  if (!prefixes.some((prefix) => digits.startsWith(prefix))) return refuse('number');
  const { scheme, host, port, params } = trunk.uri;
  const transport = params.get('transport');
  const place = `${uriHost(host)}${port === undefined ? '' : `:${port}`}${transport ? `;transport=${transport}` : ''}`;
  return {
    ok: true,
    route: { kind: 'trunk', uri: `${scheme}:${number}@${place}`, target: trunk.uri, credentials: trunk.credentials },
  };
}

function routeAddress(text: string, rules: RouteRules): Routed {
  const read = readUri(text);
  if (!read.ok || read.uri.user === undefined || !USER.test(read.uri.user)) return refuse('malformed');
  const { uri } = read;
  const transport = uri.params.get('transport')?.toLowerCase();
  if (!isTransport(transport) || (uri.scheme === 'sips' && transport === 'udp')) return refuse('malformed');
  const { user = '' } = uri;
  // Whether her phone came by TLS is not ours to promise.
  if (uri.scheme === 'sip' && rules.ownHosts.includes(uri.host.toLowerCase()) && rules.isUser(user))
    return { ok: true, route: { kind: 'user', user } };
  if (!rules.hosts.some((allowed) => covers(allowed, uri))) return refuse('host');
  if (goesByTls(uri) && !rules.tls) return refuse('no_tls');
  // Written anew from what was read: nothing else of the text goes on the wire.
  const port = uri.port === undefined ? '' : `:${uri.port}`;
  const written = `${uri.scheme}:${user}@${uriHost(uri.host)}${port}${transport ? `;transport=${transport}` : ''}`;
  return { ok: true, route: { kind: 'address', uri: written, target: uri } };
}

/** One that a URI may name; none leaves the choice to us. */
export function isTransport(text: string | undefined | null): boolean {
  return text === undefined || text === 'udp' || text === 'tcp' || text === 'tls';
}

/** A name covers that name alone and never an address it may stand for; a network covers addresses alone. */
function covers({ host, port }: AllowedHost, uri: SipUri): boolean {
  const usual = DEFAULT_PORT[goesByTls(uri) ? 'TLS' : 'UDP'];
  if ((uri.port ?? usual) !== (port ?? usual)) return false;
  if (typeof host === 'string') return host === uri.host.toLowerCase();
  if (!ipaddr.isValid(uri.host)) return false;
  const address = ipaddr.process(uri.host);
  return address.kind() === host[0].kind() && address.match([host[0], host[1]] as [ipaddr.IPv4, number]);
}

function refuse(reason: RouteRefusal): Routed {
  return { ok: false, reason };
}
