import type { CSeq, NameAddress, Params, Via } from './message.ts';
import { Cursor, isToken, readNumber, trimBlanks } from './text.ts';

const MAX_PORT = 65_535;
/** RFC 3261 section 8.1.1.5. */
const MAX_CSEQ = 2 ** 31 - 1;

/** Reads a comma list of Via values; undefined when one is malformed or there are more than `max`. */
export function readVias(text: string, max: number): readonly Via[] | undefined {
  return readList(text, max, readVia);
}

/** Reads a comma list of addresses: Contact, Route, Record-Route. */
export function readAddresses(text: string, max: number): readonly NameAddress[] | undefined {
  return readList(text, max, (cursor) => readNameAddress(cursor, ';,'));
}

/** Reads exactly one address: From, To. A comma in it belongs to the URI. */
export function readAddress(text: string): NameAddress | undefined {
  const cursor = new Cursor(text);
  const address = readNameAddress(cursor, ';');
  return address && cursor.done ? address : undefined;
}

export function readCSeq(text: string): CSeq | undefined {
  const cursor = new Cursor(text);
  const number = readNumber(cursor.until(' \t') ?? '', MAX_CSEQ);
  cursor.skipBlanks();
  const method = cursor.token();
  return number !== undefined && method !== undefined && cursor.done ? { number, method } : undefined;
}

function readList<T>(text: string, max: number, read: (cursor: Cursor) => T | undefined): readonly T[] | undefined {
  const cursor = new Cursor(text);
  const items: T[] = [];
  do {
    cursor.skipBlanks();
    const item = read(cursor);
    if (item === undefined || items.length === max) return undefined;
    items.push(item);
  } while (cursor.take(','));
  return cursor.done ? items : undefined;
}

/** `SIP / 2.0 / UDP host:port;branch=…`, blanks allowed around each mark. */
function readVia(cursor: Cursor): Via | undefined {
  const name = cursor.token();
  if (name?.toUpperCase() !== 'SIP' || !cursor.take('/')) return undefined;
  if (cursor.token() !== '2.0' || !cursor.take('/')) return undefined;
  const transport = cursor.token();
  cursor.skipBlanks();
  const host = readHost(cursor);
  if (transport === undefined || host === undefined) return undefined;
  let port: number | undefined;
  if (cursor.take(':')) {
    port = readNumber(cursor.until(' \t;,') ?? '', MAX_PORT);
    if (port === undefined || port === 0) return undefined;
  }
  const params = readParams(cursor);
  return params && { transport: transport.toUpperCase(), host, port, params };
}

function readHost(cursor: Cursor): string | undefined {
  if (cursor.peek() !== '[') return cursor.until(' \t:;,');
  const inside = cursor.until(']');
  return inside !== undefined && cursor.take(']') ? `${inside}]` : undefined;
}

/** `stops` end an addr-spec without angle brackets: what follows are header parameters (RFC 3261 section 20.10). */
function readNameAddress(cursor: Cursor, stops: string): NameAddress | undefined {
  cursor.skipBlanks();
  let name: string | undefined;
  if (cursor.peek() === '"') {
    name = cursor.quoted();
    if (name === undefined) return undefined;
    cursor.skipBlanks();
    if (cursor.peek() !== '<') return undefined;
  } else if (cursor.peek() !== '<') {
    const text = trimBlanks(cursor.until(`<${stops}`) ?? '');
    if (cursor.peek() !== '<') return readAddrSpec(text, cursor);
    if (text !== '' && !text.split(/[ \t]/).every((word) => word === '' || isDisplayWord(word))) return undefined;
    name = text === '' ? undefined : text;
  }
  cursor.take('<');
  const uri = trimBlanks(cursor.until('>') ?? '');
  if (uri === '' || !cursor.take('>')) return undefined;
  const params = readParams(cursor);
  return params && { name, uri, params };
}

function readAddrSpec(uri: string, cursor: Cursor): NameAddress | undefined {
  // With a question mark it is not clear whose the headers are: RFC 3261 section 20 wants brackets then.
  if (uri === '' || uri.includes(' ') || uri.includes('\t') || uri.includes('?')) return undefined;
  const params = readParams(cursor);
  return params && { name: undefined, uri, params };
}

/** A token, or one with bytes above ASCII, which many phones send unquoted. */
function isDisplayWord(word: string): boolean {
  for (let i = 0; i < word.length; i++) if (word.charCodeAt(i) < 0x80 && !isToken(word.charAt(i))) return false;
  return true;
}

/** Reads `;name=value` until a comma or the end; anything else is malformed. */
function readParams(cursor: Cursor): Params | undefined {
  const params = new Map<string, string | null>();
  while (cursor.take(';')) {
    const name = cursor.token();
    // `;;` and a trailing `;` are common and harmless.
    if (name === undefined) continue;
    let value: string | null = null;
    if (cursor.take('=')) {
      const found = cursor.peek() === '"' ? cursor.quoted() : cursor.until(' \t;,"');
      if (found === undefined) return undefined;
      value = found;
    }
    params.set(name.toLowerCase(), value);
  }
  cursor.skipBlanks();
  return cursor.done || cursor.peek() === ',' ? params : undefined;
}
