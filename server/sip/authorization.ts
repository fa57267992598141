import { Cursor } from './text.ts';

/** What a client says to a digest challenge (RFC 7616 section 3.4). Texts are latin1, as everywhere in a message. */
export interface Authorization {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** Lower-case hexadecimal digits. */
  readonly response: string;
  /** Upper case; `MD5` when it was left out. */
  readonly algorithm: string;
  /** Lower case; undefined for the rules of RFC 2069, which know no counter. */
  readonly qop: string | undefined;
  readonly cnonce: string;
  /** How often the nonce was used, this time included: a number and as it was written. */
  readonly count: number;
  readonly nc: string;
}

const MAX_LENGTH = 8192;
/** A client that was challenged by several hops answers each. */
const MAX_CREDENTIALS = 8;

/**
 * Reads the digest credentials of an Authorization header, several of which the message reader has joined with commas.
 * Those of other schemes, or with something missing or given twice, are left out.
 */
export function readAuthorizations(text: string): readonly Authorization[] {
  if (text.length > MAX_LENGTH) return [];
  const cursor = new Cursor(text);
  const found: { readonly scheme: string; readonly params: Map<string, string>; sound: boolean }[] = [];
  do {
    cursor.skipBlanks();
    let name = cursor.token();
    if (name === undefined) return [];
    cursor.skipBlanks();
    if (cursor.peek() !== '=') {
      if (found.length === MAX_CREDENTIALS) return [];
      found.push({ scheme: name.toLowerCase(), params: new Map(), sound: true });
      name = cursor.token();
    }
    const value = name !== undefined && cursor.take('=') ? readValue(cursor) : undefined;
    const last = found.at(-1);
    if (name === undefined || value === undefined || !last) return [];
    if (last.params.has(name.toLowerCase())) last.sound = false;
    last.params.set(name.toLowerCase(), value);
  } while (cursor.take(','));
  if (!cursor.done) return [];
  return found.flatMap(({ scheme, params, sound }) =>
    sound && scheme === 'digest' ? (authorizationOf(params) ?? []) : [],
  );
}

function readValue(cursor: Cursor): string | undefined {
  if (cursor.peek() !== '"') return cursor.until(' \t,"');
  return cursor.quoted()?.slice(1, -1).replace(/\\(.)/gs, '$1');
}

function authorizationOf(params: ReadonlyMap<string, string>): Authorization | undefined {
  const username = params.get('username');
  const realm = params.get('realm');
  const nonce = params.get('nonce');
  const uri = params.get('uri');
  const response = params.get('response')?.toLowerCase();
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined) return undefined;
  if (response === undefined || !/^([0-9a-f]{32}|[0-9a-f]{64})$/.test(response)) return undefined;
  const qop = params.get('qop')?.toLowerCase();
  const nc = params.get('nc') ?? '';
  const cnonce = params.get('cnonce') ?? '';
  if (qop !== undefined && (!/^[0-9a-f]{8}$/i.test(nc) || cnonce === '')) return undefined;
  const algorithm = (params.get('algorithm') ?? 'MD5').toUpperCase();
  const count = qop === undefined ? 0 : Number.parseInt(nc, 16);
  return { username, realm, nonce, uri, response, algorithm, qop, cnonce, count, nc };
}
