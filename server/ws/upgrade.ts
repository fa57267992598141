import type { IncomingHttpHeaders } from 'node:http';
import { type MpcRef, parseMpcRef, parseRole, type Role } from '../mpc/index.ts';
import { type AudioFormat, DEFAULT_CONTENT_TYPE, FORMAT_NAMES, parseContentType } from './format.ts';

export type Framing = 'json' | 'binary';

/** Where an upgrade wants to go, before anybody asked who it is. */
export interface UpgradeTarget {
  readonly authId: string;
  readonly mpc: MpcRef;
  /** Not yet checked: a stranger is told nothing about it. */
  readonly query: string;
}

/** What a joining client asks for. */
export interface StreamParameters {
  readonly format: AudioFormat;
  readonly framing: Framing;
  readonly role: Role;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: 400 | 404; readonly error: string };

const SUBPROTOCOL = 'partyline';
const TOKEN_PREFIX = 'partyline.token.';
/** RFC 6455 section 4.1: 16 bytes in base64. */
const HANDSHAKE_KEY = /^[+/0-9A-Za-z]{22}==$/;
/** RFC 7230 section 3.2.6: what a subprotocol's name is made of. */
const HTTP_TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads the path `/v1/Account/{auth_id}/MultiPartyCall/{mpc}/Stream/`. */
export function parseTarget(url: string): Checked<UpgradeTarget> {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const match = /^\/v1\/Account\/([^/]+)\/MultiPartyCall\/([^/]+)\/Stream\/?$/.exec(path);
  if (!match?.[1] || !match[2])
    return refuse(404, 'not found: streams are at /v1/Account/{auth_id}/MultiPartyCall/{mpc}/Stream/');
  const authId = decode(match[1]);
  const name = decode(match[2]);
  if (authId === undefined || name === undefined) return refuse(400, 'the path has a wrong percent-encoding');
  const mpc = parseMpcRef(name);
  if (!mpc) return refuse(400, 'the MPC must be name_ and 1 to 128 characters, or uuid_ and a UUID');
  return { ok: true, value: { authId, mpc, query: mark < 0 ? '' : url.slice(mark + 1) } };
}

/** Reads `content_type`, `framing` and `role`; other parameters are left alone. A raw `;` is as good as `%3B`. */
export function parseParameters(query: string): Checked<StreamParameters> {
  const parameters = new URLSearchParams(query);
  for (const name of ['content_type', 'framing', 'role'])
    if (parameters.getAll(name).length > 1) return refuse(400, `${name} is given twice`);

  const format = parseContentType(parameters.get('content_type') ?? DEFAULT_CONTENT_TYPE);
  if (!format) return refuse(400, `content_type must be one of ${FORMAT_NAMES.join(', ')}`);
  const framing = parameters.get('framing') ?? 'json';
  if (framing !== 'json' && framing !== 'binary') return refuse(400, 'framing must be json or binary');
  const role = parseRole(parameters.get('role') ?? 'customer');
  if (!role) return refuse(400, 'role must be agent, customer or supervisor');
  return { ok: true, value: { format, framing, role } };
}

/** Checks the opening handshake (RFC 6455 section 4.2.1), so that nobody joins who cannot be upgraded after. */
export function checkHandshake(method: string | undefined, headers: IncomingHttpHeaders): Checked<Subprotocols> {
  if (method !== 'GET') return refuse(400, 'a WebSocket upgrade is a GET');
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refuse(400, 'the Upgrade header must be websocket');
  if (!HANDSHAKE_KEY.test(headers['sec-websocket-key'] ?? ''))
    return refuse(400, 'Sec-WebSocket-Key is missing or wrong');
  if (headers['sec-websocket-version'] !== '13') return refuse(400, 'Sec-WebSocket-Version must be 13');
  return parseSubprotocols(headers['sec-websocket-protocol']);
}

export interface Subprotocols {
  readonly token: string | undefined;
}

function parseSubprotocols(header: string | undefined): Checked<Subprotocols> {
  if (header === undefined) return { ok: true, value: { token: undefined } };
  const offered = header.split(',').map((name) => name.trim());
  if (!offered.every((name) => HTTP_TOKEN.test(name)) || new Set(offered).size !== offered.length)
    return refuse(400, 'Sec-WebSocket-Protocol is malformed');
  const tokens = offered.filter((name) => name.startsWith(TOKEN_PREFIX));
  if (tokens.length > 1) return refuse(400, 'more than one token');
  // The answer must name one offered subprotocol, and a token must never come back.
  if (tokens.length === 1 && !offered.includes(SUBPROTOCOL))
    return refuse(400, 'offer the subprotocol partyline beside the token');
  return { ok: true, value: { token: tokens[0]?.slice(TOKEN_PREFIX.length) } };
}

/** The subprotocol to answer with: never one that carries a token. */
export function answeredSubprotocol(offered: ReadonlySet<string>): string | false {
  return offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false;
}

/**
 * May a page of this origin connect? Programs send no Origin. A browser's must be the very host it connects to, or be
 * listed as a whole: no prefixes, no `null`.
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined) return true;
  const given = origin.toLowerCase();
  const own = host?.toLowerCase();
  if (own !== undefined && (given === `http://${own}` || given === `https://${own}`)) return true;
  return allowed.some((entry) => entry.toLowerCase() === given);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function refuse(status: 400 | 404, error: string): { ok: false; status: 400 | 404; error: string } {
  return { ok: false, status, error };
}
