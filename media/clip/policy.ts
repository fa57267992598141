import { isIP } from 'node:net';
import type ipaddr from 'ipaddr.js';
import { judgeAddress, parseAddress } from './address.ts';

/** A private source somebody chose to trust: these addresses on this one port. */
export interface AllowedSource {
  readonly network: readonly [ipaddr.IPv4 | ipaddr.IPv6, number];
  readonly port: number;
}

/** Where clips may come from. Public addresses on harmless ports, and what `allow` names. */
export interface SourcePolicy {
  readonly allow: readonly AllowedSource[];
  /** Ports of 1024 and above that are refused. */
  readonly deniedPorts: ReadonlySet<number>;
}

export type SourceVerdict = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly message: string };

export type EndpointVerdict = { readonly ok: true } | { readonly ok: false; readonly message: string };

export type FetchAllowParsed =
  | { readonly ok: true; readonly allow: readonly AllowedSource[] }
  | { readonly ok: false; readonly message: string };

export const MAX_URL_LENGTH = 2048;

/**
 * Services that act on what an HTTP request happens to say to them, or give their data to anyone: databases, caches,
 * container and cluster control, and what browsers refuse for the same reason.
 */
const RISKY_PORTS: readonly number[] = [
  1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4222, 5060, 5061, 5432, 5672,
  5900, 5984, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6697, 9042, 9092, 9200, 9300, 10080, 10250, 11211,
  26379, 27017, 27018, 27019,
];
const WEB_PORTS: ReadonlySet<number> = new Set([80, 443]);
const FIRST_FREE_PORT = 1024;

/** Wider than this is no narrow exception but a hole. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 32 } as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL_OR_BLANK_ENDS = /[\u0000-\u001f\u007f-\u009f]|^\s|\s$/u;

export interface SourcePolicyOptions {
  readonly allow?: readonly AllowedSource[];
  /** Ports this server listens on itself. */
  readonly ownPorts?: Iterable<number>;
}

/** A policy: what is allowed beyond the public Internet, and which further ports are ours. */
export function sourcePolicy(options: SourcePolicyOptions = {}): SourcePolicy {
  return { allow: options.allow ?? [], deniedPorts: new Set([...RISKY_PORTS, ...(options.ownPorts ?? [])]) };
}

/** Reads `127.0.0.1:9000,10.1.2.0/24:443,[fd00::1]:8443`; the message names the entry that is wrong. */
export function parseFetchAllow(text: string): FetchAllowParsed {
  const allow: AllowedSource[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const parsed = parseAllowedSource(entry);
    if (typeof parsed === 'string') return { ok: false, message: `"${entry}": ${parsed}` };
    allow.push(parsed);
  }
  return { ok: true, allow };
}

function parseAllowedSource(entry: string): AllowedSource | string {
  const match = /^(?:\[([^\]/]+)(?:\/(\d{1,3}))?\](?:\/(\d{1,3}))?|([^[\]:/]+)(?:\/(\d{1,3}))?):(\d{1,5})$/.exec(entry);
  if (!match) return 'write ADDRESS:PORT or ADDRESS/LENGTH:PORT, an IPv6 address in brackets';
  const text = match[1] ?? match[4] ?? '';
  if (isIP(text) === 0) return 'not an IP address (names are not taken: they can change)';
  const address = parseAddress(text);
  if (!address) return 'not an IP address';
  const port = Number(match[6]);
  if (port < 1 || port > 65535) return 'the port must be 1 to 65535';
  const kind = address.kind();
  const bits = kind === 'ipv4' ? 32 : 128;
  const prefix = Number(match[2] ?? match[3] ?? match[5] ?? bits);
  if (prefix > bits) return `the prefix length must be at most ${bits}`;
  if (prefix < SHORTEST_PREFIX[kind]) return `the prefix length must be at least ${SHORTEST_PREFIX[kind]}`;
  return { network: [address, prefix], port };
}

/** Whether one address and port may be connected to. Everything that opens a connection asks this, and nothing else. */
export function judgeEndpoint(policy: SourcePolicy, addressText: string, port: number): EndpointVerdict {
  const address = parseAddress(addressText);
  if (!address) return { ok: false, message: 'not an address' };
  if (policy.allow.some((source) => covers(source, address, port))) return { ok: true };
  const verdict = judgeAddress(address);
  if (!verdict.public) return { ok: false, message: `the address is not public (${verdict.range})` };
  return judgePort(policy, port);
}

/**
 * The check that needs no network: scheme, credentials, port, and the address where it is written out. The text is
 * parsed once and the result judged, never the text: `127.1`, `0x7f000001` and `①②⑦.1` are all one host by then. A name
 * passes here and is judged by the addresses it resolves to when it is connected to.
 */
export function checkSource(text: string, policy: SourcePolicy): SourceVerdict {
  if (text.length > MAX_URL_LENGTH) return refuse(`the url is longer than ${MAX_URL_LENGTH} characters`);
  if (CONTROL_OR_BLANK_ENDS.test(text)) return refuse('the url has control characters or blank ends');
  const url = parseUrl(text);
  if (!url) return refuse('the url is not a valid absolute URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse('the url must be http or https');
  if (url.username !== '' || url.password !== '') return refuse('the url must not hold credentials');
  url.hash = '';
  const port = portOf(url);
  const literals = literalAddressesOf(url);
  if (literals.length > 0) {
    const verdicts = literals.map((address) => judgeEndpoint(policy, address, port));
    if (verdicts.some(({ ok }) => ok)) return { ok: true, url };
    return refuse(verdicts.map((verdict) => (verdict.ok ? '' : verdict.message))[0] ?? '');
  }
  // The name may resolve to an allowed address, for which the port rule does not hold.
  if (policy.allow.some((source) => source.port === port)) return { ok: true, url };
  const verdict = judgePort(policy, port);
  return verdict.ok ? { ok: true, url } : refuse(verdict.message);
}

/** Reads a URL; undefined when it is none. Once it runs hot, Node 20's `URL.canParse` says yes to some that are none. */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

/** The port a URL is fetched from. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** The host as sockets and resolvers take it: without the brackets of an IPv6 literal. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
}

/** A URL as logs, lists and callbacks may show it: the query may be a signature, the user part a password. */
export function publicUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === '' ? '' : '?…'}`;
}

/** A host that needs no resolver. `localhost` and its subdomains are always this machine (RFC 6761 section 6.3). */
export function literalAddressesOf(url: URL): readonly string[] {
  const host = hostOf(url);
  if (isIP(host) !== 0) return [host];
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  return name === 'localhost' || name.endsWith('.localhost') ? ['127.0.0.1', '::1'] : [];
}

function judgePort(policy: SourcePolicy, port: number): EndpointVerdict {
  if (WEB_PORTS.has(port)) return policy.deniedPorts.has(port) ? refusedPort(port) : { ok: true };
  return port < FIRST_FREE_PORT || policy.deniedPorts.has(port) ? refusedPort(port) : { ok: true };
}

function refusedPort(port: number): EndpointVerdict {
  return { ok: false, message: `the port ${port} is not one to fetch from` };
}

function covers(
  { network: [base, prefix], port: allowed }: AllowedSource,
  address: ipaddr.IPv4 | ipaddr.IPv6,
  port: number,
) {
  return port === allowed && base.kind() === address.kind() && address.match(base, prefix);
}

function refuse(message: string): SourceVerdict {
  return { ok: false, message };
}
