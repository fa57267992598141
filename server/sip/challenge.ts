import { createHash } from 'node:crypto';
import type { SipResponse } from './message.ts';
import { Cursor } from './text.ts';

/** A name and password that we hold with one peer. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** The only realm they are for; undefined takes the peer's word. */
  readonly realm: string | undefined;
}

type Algorithm = 'MD5' | 'SHA-256';

/** A demand for credentials that we can meet. */
interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: Algorithm;
  readonly qop: boolean;
}

const HASHES: Readonly<Record<Algorithm, string>> = { MD5: 'md5', 'SHA-256': 'sha256' };

/**
 * The header that answers a 401 or 407 with digest (RFC 3261 section 22, RFC 8760), undefined when there is no challenge that
 * these credentials are for. The first one that we can meet is the one the peer likes best. `cnonce`: random characters.
 */
export function answerChallenge(
  response: SipResponse,
  credentials: Credentials,
  request: { readonly method: string; readonly uri: string },
  cnonce: string,
): Readonly<Record<string, string>> | undefined {
  const isProxy = response.status === 407;
  if (!isProxy && response.status !== 401) return undefined;
  const challenge = readChallenges(
    response.headers.get(isProxy ? 'proxy-authenticate' : 'www-authenticate') ?? '',
  ).find(({ realm }) => credentials.realm === undefined || realm === credentials.realm);
  if (!challenge) return undefined;
  return { [isProxy ? 'proxy-authorization' : 'authorization']: digestValue(challenge, credentials, request, cnonce) };
}

function digestValue(
  challenge: Challenge,
  { user, password }: Credentials,
  { method, uri }: { readonly method: string; readonly uri: string },
  cnonce: string,
): string {
  const { realm, nonce, opaque, algorithm, qop } = challenge;
  const hash = (...parts: string[]): string => createHash(HASHES[algorithm]).update(parts.join(':')).digest('hex');
  // Every challenge is answered once, so the count of answers to its nonce is always one.
  const count = '00000001';
  const secret = hash(user, realm, password);
  const what = hash(method, uri);
  const response = qop ? hash(secret, nonce, count, cnonce, 'auth', what) : hash(secret, nonce, what);
  return [
    `Digest username=${quote(user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(qop ? ['qop=auth', `nc=${count}`, `cnonce="${cnonce}"`] : []),
  ].join(', ');
}

/** The challenges of a header that we can meet, in order. */
function readChallenges(text: string): readonly Challenge[] {
  const cursor = new Cursor(text);
  const found: { readonly scheme: string; readonly params: Map<string, string> }[] = [];
  do {
    cursor.skipBlanks();
    const word = cursor.token();
    cursor.skipBlanks();
    let name = word;
    if (word !== undefined && cursor.peek() !== '=') {
      found.push({ scheme: word.toLowerCase(), params: new Map() });
      name = cursor.token();
    }
    if (name !== undefined && cursor.take('='))
      found.at(-1)?.params.set(name.toLowerCase(), unquoted(cursor) ?? cursor.until(' \t,') ?? '');
    // What another scheme says in its own way is passed over.
    if (cursor.peek() !== ',') cursor.until(',');
  } while (cursor.take(','));
  return found.flatMap(({ scheme, params }) => (scheme === 'digest' ? (challengeOf(params) ?? []) : []));
}

function challengeOf(params: ReadonlyMap<string, string>): Challenge | undefined {
  const realm = params.get('realm');
  const nonce = params.get('nonce');
  const algorithm = (params.get('algorithm') ?? 'MD5').toUpperCase();
  if (realm === undefined || nonce === undefined || !(algorithm in HASHES)) return undefined;
  const qops = params
    .get('qop')
    ?.split(',')
    .map((qop) => qop.trim().toLowerCase());
  if (qops && !qops.includes('auth')) return undefined;
  return {
    realm,
    nonce,
    opaque: params.get('opaque'),
    algorithm: algorithm as Algorithm,
    qop: qops !== undefined,
  };
}

function unquoted(cursor: Cursor): string | undefined {
  return cursor.quoted()?.slice(1, -1).replace(/\\(.)/g, '$1');
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
