/*
 * SIP messages as the rest of this directory sees them. Texts hold one character per byte (latin1), so that what came in
 * as UTF-8, or as anything else, goes out again unchanged; `readable` turns them into real text.
 */

/** Parameters of a header or URI: lower-case names; null when there is no value. Quoted values keep their quotes. */
export type Params = ReadonlyMap<string, string | null>;

export interface Via {
  /** Upper case, as in `UDP`. */
  readonly transport: string;
  /** IPv6 in brackets. */
  readonly host: string;
  readonly port: number | undefined;
  readonly params: Params;
}

/** A name-addr or addr-spec with its header parameters (RFC 3261 section 20.10). */
export interface NameAddress {
  /** As written, quotes included. */
  readonly name: string | undefined;
  readonly uri: string;
  readonly params: Params;
}

/** Headers of a message of ours by lower-case name; a list becomes a line for each value. */
export type HeaderTexts = Readonly<Record<string, string | readonly string[]>>;

export interface CSeq {
  /** Below 2^31. */
  readonly number: number;
  readonly method: string;
}

interface MessageParts {
  /** The topmost first; never empty. */
  readonly vias: readonly Via[];
  readonly from: NameAddress;
  readonly to: NameAddress;
  readonly callId: string;
  readonly cseq: CSeq;
  readonly contacts: readonly NameAddress[];
  readonly recordRoutes: readonly NameAddress[];
  /** Every header as text, by full lower-case name; repeated ones joined with commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface SipRequest extends MessageParts {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: string;
}

export interface SipResponse extends MessageParts {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
}

export type SipMessage = SipRequest | SipResponse;

/** What is known of a request that cannot be read: enough to say so to its sender. Header values as they came. */
export interface BrokenRequest {
  readonly method: string;
  readonly vias: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly callId: string | undefined;
  readonly cseq: string | undefined;
}

export function topVia(message: SipMessage): Via {
  const via = message.vias[0];
  if (!via) throw new Error('a message without Via got past the reader');
  return via;
}

export function tagOf(address: NameAddress): string | undefined {
  return address.params.get('tag') ?? undefined;
}

/** The option tags of Require, Supported and the like, lower case. */
export function optionTags(message: SipMessage, header: string): readonly string[] {
  const text = message.headers.get(header) ?? '';
  return text
    .split(',')
    .map((tag) => tag.trim().toLowerCase())
    .filter((tag) => tag !== '');
}

/** Bytes kept as latin1, read as the UTF-8 that RFC 3261 section 7.3.1 says they are. */
export function readable(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
