import { isMpcName, parseRole, type Role } from '../mpc/index.ts';
import { type FullRefusal, sessionDescription } from './body.ts';
import { EXTENSIONS } from './capabilities.ts';
import type { Flow } from './flow.ts';
import { optionTags, readable, type SipRequest } from './message.ts';
import { MIN_SESSION_SECONDS, readSessionTimer, type SessionTimer } from './session-timer.ts';
import { percentDecode, readUri, userUri } from './uri.ts';

const MAX_ADDRESS_LENGTH = 256;
const MAX_APP_HEADERS = 20;
const MAX_APP_HEADER_LENGTH = 256;

/** What an INVITE that begins a call asks for. */
export interface Invitation {
  readonly mpcName: string;
  readonly role: Role;
  /** Who calls and who is called, for people to read; who calls is a user's address-of-record, else what From says. */
  readonly address: string;
  readonly to: string;
  /** Whose password it came with, if one was needed. */
  readonly user: string | undefined;
  /** Those that Plivo hands on to apps, by their names in full. */
  readonly headers: ReadonlyMap<string, string>;
  /** Undefined: the offer is to be ours. */
  readonly offer: Buffer | undefined;
}

export type InvitationResult =
  | { readonly ok: true; readonly invitation: Invitation }
  | { readonly ok: false; readonly refusal: FullRefusal };

/** Reads who wants to join what, and as whom. From is not believed of somebody who has shown who he is. */
export function readInvitation(request: SipRequest, user: string | undefined, realm: string): InvitationResult {
  const mpcName = mpcNameOf(request.uri);
  if (mpcName === undefined) return refused(404, 'Not Found');
  const role = parseRole(request.headers.get('x-ph-role') ?? 'customer');
  if (!role) return refused(400, 'Bad Request: X-PH-Role');
  const body = sessionDescription(request);
  if (!body.ok) return body;
  const address = user === undefined ? readable(request.from.uri).slice(0, MAX_ADDRESS_LENGTH) : userUri(user, realm);
  const to = readable(request.uri).slice(0, MAX_ADDRESS_LENGTH);
  const headers = appHeaders(request);
  return { ok: true, invitation: { mpcName, role, address, to, user, headers, offer: body.sdp } };
}

function appHeaders(request: SipRequest): ReadonlyMap<string, string> {
  const found = [...request.headers].filter(([name]) => name.startsWith('x-ph-')).slice(0, MAX_APP_HEADERS);
  return new Map(found.map(([name, value]) => [name, value.slice(0, MAX_APP_HEADER_LENGTH)]));
}

/** The user part names the MPC, as UTF-8 with percent-escapes. */
function mpcNameOf(uri: string): string | undefined {
  const read = readUri(uri);
  if (!read.ok || read.uri.user === undefined) return undefined;
  const name = percentDecode(read.uri.user);
  return name !== undefined && isMpcName(name) ? name : undefined;
}

/** Checks of any request that have nothing to do with its method: the URI's scheme and required extensions. */
export function refuseByForm(request: SipRequest, flow: Flow): FullRefusal | undefined {
  const read = readUri(request.uri);
  if (!read.ok && read.reason === 'malformed') return { status: 400, reason: 'Bad Request: Request-URI' };
  // sips: demands TLS on every hop (RFC 3261 section 26.2.2).
  if (!read.ok || (read.uri.scheme === 'sips' && flow.transport !== 'TLS'))
    return { status: 416, reason: 'Unsupported URI Scheme' };
  // CANCEL asks for nothing new (RFC 3261 section 9.1).
  if (request.method === 'CANCEL') return undefined;
  const unknown = optionTags(request, 'require').filter((tag) => !EXTENSIONS.includes(tag));
  if (unknown.length === 0) return undefined;
  return { status: 420, reason: 'Bad Extension', headers: { unsupported: unknown.join(', ') } };
}

export type ContactResult =
  | { readonly ok: true; readonly target: string | undefined }
  | { readonly ok: false; readonly refusal: FullRefusal };

/** Where the peer of a dialog wants its requests sent. A missing Contact is forgiven: we answer to the source anyway. */
export function readContact(request: SipRequest): ContactResult {
  const [contact, ...more] = request.contacts;
  if (!contact) return { ok: true, target: undefined };
  if (more.length > 0 || !readUri(contact.uri).ok) return refused(400, 'Bad Request: Contact');
  return { ok: true, target: contact.uri };
}

export type TimerResult =
  | { readonly ok: true; readonly timer: SessionTimer }
  | { readonly ok: false; readonly refusal: FullRefusal };

export function readTimer(request: SipRequest): TimerResult {
  const timer = readSessionTimer(request);
  if (timer.kind === 'malformed') return refused(400, 'Bad Request: Session-Expires');
  if (timer.kind === 'too-short') {
    return refused(422, 'Session Interval Too Small', { 'min-se': String(MIN_SESSION_SECONDS) });
  }
  return { ok: true, timer };
}

function refused(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): { readonly ok: false; readonly refusal: FullRefusal } {
  return { ok: false, refusal: { status, reason, headers } };
}
