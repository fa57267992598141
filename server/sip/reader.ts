/*
 * The npm package `sip` has a parser; it is not used. Its regular expressions take quadratic time on long lines, it loses
 * IPv6 hosts and the parameters after them, silently drops headers it cannot read, and undoes percent-escapes in names.
 * This one reads every byte a constant number of times and says what is wrong.
 */
import { readAddress, readAddresses, readCSeq, readVias } from './address.ts';
import type { SipLimits } from './limits.ts';
import type { BrokenRequest, NameAddress, SipMessage } from './message.ts';
import { isToken, readNumber, trimBlanks } from './text.ts';

const MAX_METHOD_LENGTH = 64;
const MAX_BODY = 2 ** 31;

/** RFC 3261 section 7.3.3 and the registry's later ones. */
const COMPACT: ReadonlyMap<string, string> = new Map([
  ['a', 'accept-contact'],
  ['b', 'referred-by'],
  ['c', 'content-type'],
  ['d', 'request-disposition'],
  ['e', 'content-encoding'],
  ['f', 'from'],
  ['i', 'call-id'],
  ['j', 'reject-contact'],
  ['k', 'supported'],
  ['l', 'content-length'],
  ['m', 'contact'],
  ['o', 'event'],
  ['r', 'refer-to'],
  ['s', 'subject'],
  ['t', 'to'],
  ['u', 'allow-events'],
  ['v', 'via'],
  ['x', 'session-expires'],
  ['y', 'identity'],
]);

/** Headers of which there is one; a second could be read differently by the next hop. */
const SINGLE = new Set([
  'from',
  'to',
  'call-id',
  'cseq',
  'max-forwards',
  'content-length',
  'content-type',
  'content-disposition',
  'expires',
  'session-expires',
  'x-ph-role',
]);

export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

export type ReadResult =
  | { readonly outcome: 'message'; readonly message: SipMessage }
  /** A request that can be answered but not understood. */
  | { readonly outcome: 'broken'; readonly request: BrokenRequest; readonly refusal: Refusal }
  /** Nothing that could be answered. */
  | { readonly outcome: 'garbage' };

/** The part of a message before its body. `contentLength` is undefined when the header is missing or no number. */
export interface Head {
  readonly startLine: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly contentLength: number | undefined;
  /** The first thing found wrong with the headers as such. */
  readonly fault: Refusal | undefined;
}

const badHeaders = (what: string): Refusal => ({ status: 400, reason: `Bad Request: ${what}` });

/** Reads a datagram: the body is what Content-Length says, or all the rest. */
export function readDatagram(bytes: Buffer, limits: SipLimits): ReadResult {
  const end = bytes.indexOf('\r\n\r\n');
  const head = readHead(bytes.toString('latin1', 0, end < 0 ? bytes.length : end), limits);
  const rest = end < 0 ? bytes.subarray(bytes.length) : bytes.subarray(end + 4);
  const fault = end < 0 ? badHeaders('headers do not end') : undefined;
  return readMessage(head, rest, limits, fault);
}

/** Reads a head, without the blank line that ends it. */
export function readHead(text: string, limits: SipLimits): Head {
  const fields = new Map<string, string>();
  let fault: Refusal | undefined;
  let count = 0;
  const lines = unfold(text);
  for (const line of lines.slice(1)) {
    count += 1;
    if (count > limits.headers) {
      fault ??= { status: 400, reason: 'Too Many Headers' };
      break;
    }
    const colon = line.indexOf(':');
    const written = trimBlanks(line.slice(0, Math.max(colon, 0))).toLowerCase();
    const name = COMPACT.get(written) ?? written;
    const value = trimBlanks(line.slice(colon + 1));
    if (!isToken(name)) fault ??= badHeaders('malformed header');
    else if (hasControls(value)) fault ??= badHeaders('control character');
    else {
      const before = fields.get(name);
      if (before === undefined) fields.set(name, value);
      else if (SINGLE.has(name)) fault ??= badHeaders(`${name} given twice`);
      else fields.set(name, `${before}, ${value}`);
    }
  }
  const length = fields.get('content-length');
  const contentLength = length === undefined ? undefined : readNumber(length, MAX_BODY);
  if (length !== undefined && contentLength === undefined) fault ??= badHeaders('Content-Length');
  return { startLine: lines[0] ?? '', fields, contentLength, fault };
}

/** Builds the message from a head and the bytes after it, of which it may be shorter. `fault`: already known to be bad. */
export function readMessage(head: Head, rest: Buffer, limits: SipLimits, fault?: Refusal): ReadResult {
  const start = readStartLine(head.startLine);
  if (!start) return { outcome: 'garbage' };
  const length = head.contentLength ?? rest.length;
  const problem =
    (start.kind === 'request' ? start.refusal : undefined) ??
    head.fault ??
    fault ??
    (length > rest.length ? badHeaders('body shorter than Content-Length') : undefined);
  const parts = problem ?? readParts(head, rest.subarray(0, length), limits);
  if (start.kind === 'response') {
    if ('status' in parts) return { outcome: 'garbage' };
    return { outcome: 'message', message: { kind: 'response', status: start.status, reason: start.reason, ...parts } };
  }
  if ('status' in parts) return broken(start.method, head, parts);
  if (parts.cseq.method !== start.method) return broken(start.method, head, badHeaders('CSeq of another method'));
  return { outcome: 'message', message: { kind: 'request', method: start.method, uri: start.uri, ...parts } };
}

/** A request refused for a reason outside the reader, such as its size. */
export function refuseHead(head: Head, refusal: Refusal): ReadResult {
  const start = readStartLine(head.startLine);
  return start?.kind === 'request' ? broken(start.method, head, refusal) : { outcome: 'garbage' };
}

function broken(method: string, head: Head, refusal: Refusal): ReadResult {
  const vias = head.fields.get('via');
  // An ACK is never answered, and without a Via nobody is waiting.
  if (vias === undefined || method === 'ACK') return { outcome: 'garbage' };
  const request: BrokenRequest = {
    method,
    vias,
    from: head.fields.get('from'),
    to: head.fields.get('to'),
    callId: head.fields.get('call-id'),
    cseq: head.fields.get('cseq'),
  };
  return { outcome: 'broken', request, refusal };
}

type StartLine =
  | { readonly kind: 'request'; readonly method: string; readonly uri: string; readonly refusal: Refusal | undefined }
  | { readonly kind: 'response'; readonly status: number; readonly reason: string };

/** Undefined: this is not SIP. */
function readStartLine(line: string): StartLine | undefined {
  if (hasControls(line)) return undefined;
  const words = line.split(' ');
  const first = words[0] ?? '';
  if (first.toUpperCase() === 'SIP/2.0') {
    const status = words[1]?.length === 3 ? readNumber(words[1], 699) : undefined;
    return status !== undefined && status >= 100
      ? { kind: 'response', status, reason: words.slice(2).join(' ') }
      : undefined;
  }
  const version = trimBlanks(line).split(' ').at(-1)?.toUpperCase() ?? '';
  if (!isToken(first) || first.length > MAX_METHOD_LENGTH || !isVersion(version)) return undefined;
  let refusal: Refusal | undefined;
  if (words.length !== 3 || words[1] === '') refusal = badHeaders('request line');
  else if (version !== 'SIP/2.0') refusal = { status: 505, reason: 'Version Not Supported' };
  return { kind: 'request', method: first, uri: words[1] ?? '', refusal };
}

function isVersion(text: string): boolean {
  const [major, minor, ...more] = text.startsWith('SIP/') ? text.slice(4).split('.') : [];
  return more.length === 0 && readNumber(major ?? '', 999) !== undefined && readNumber(minor ?? '', 999) !== undefined;
}

type Parts = Omit<Extract<SipMessage, { kind: 'request' }>, 'kind' | 'method' | 'uri'>;

function readParts(head: Head, body: Buffer, limits: SipLimits): Parts | Refusal {
  const { fields } = head;
  const vias = readVias(fields.get('via') ?? '', limits.vias);
  if (!vias || vias.length === 0) return badHeaders('Via');
  const from = readAddress(fields.get('from') ?? '');
  if (!from) return badHeaders('From');
  const to = readAddress(fields.get('to') ?? '');
  if (!to) return badHeaders('To');
  const callId = fields.get('call-id') ?? '';
  if (callId === '' || callId.includes(' ')) return badHeaders('Call-ID');
  const cseq = readCSeq(fields.get('cseq') ?? '');
  if (!cseq) return badHeaders('CSeq');
  const forwards = fields.get('max-forwards');
  if (forwards !== undefined && readNumber(forwards, 255) === undefined) return badHeaders('Max-Forwards');
  const contacts = readOptional(fields.get('contact'), limits.contacts);
  if (!contacts) return badHeaders('Contact');
  const recordRoutes = readOptional(fields.get('record-route'), limits.routes);
  if (!recordRoutes) return badHeaders('Record-Route');
  if (!readOptional(fields.get('route'), limits.routes)) return badHeaders('Route');
  return { vias, from, to, callId, cseq, contacts, recordRoutes, headers: fields, body };
}

function readOptional(text: string | undefined, max: number): readonly NameAddress[] | undefined {
  return text === undefined ? [] : readAddresses(text, max);
}

/** Splits into lines and joins each continuation, which begins with a blank (RFC 3261 section 7.3.1), to its line. */
function unfold(text: string): readonly string[] {
  const lines: string[] = [];
  for (const line of text.split('\r\n')) {
    const continues = lines.length > 0 && (line.startsWith(' ') || line.startsWith('\t'));
    if (continues) lines[lines.length - 1] += ` ${trimBlanks(line)}`;
    else lines.push(line);
  }
  return lines;
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}
