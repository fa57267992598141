import type { SipLimits } from './limits.ts';
import { type Head, type ReadResult, type Refusal, readHead, readMessage, refuseHead } from './reader.ts';

export type StreamItem =
  | { readonly type: 'message'; readonly read: ReadResult }
  /** CRLF CRLF between messages: answer with CRLF (RFC 5626 section 4.4.1). */
  | { readonly type: 'keep-alive' }
  /** Where the next message begins can no longer be known: answer `read`, if there is something, and close. */
  | { readonly type: 'lost'; readonly read: ReadResult | undefined; readonly oversize: boolean };

const CR = 0x0d;
const LF = 0x0a;
const END_OF_HEAD = '\r\n\r\n';
const FIRST_CAPACITY = 4096;

/** Cuts a byte stream into messages (RFC 3261 section 18.3). Linear in the bytes, however slowly they trickle in. */
export class StreamFramer {
  readonly #limits: SipLimits;
  readonly #bytes = new ByteQueue();
  /** Up to here there is no end of head. */
  #searched = 0;
  #current: { readonly head: Head; readonly headBytes: number; readonly total: number } | undefined;
  #lost = false;
  /** A blank line came last, which with another one is a ping: the two may come apart. */
  #afterBlankLine = false;

  constructor(limits: SipLimits) {
    this.#limits = limits;
  }

  /** True while part of a message waits for its rest. */
  get midMessage(): boolean {
    return this.#bytes.view.length > 0;
  }

  push(bytes: Buffer): StreamItem[] {
    const items: StreamItem[] = [];
    if (this.#lost) return items;
    this.#bytes.append(bytes);
    for (let item = this.#next(); item; item = this.#next()) {
      // One answer is enough, however many blank lines came at once.
      if (item.type !== 'keep-alive' || items.at(-1)?.type !== 'keep-alive') items.push(item);
      if (item.type === 'lost') {
        this.#lost = true;
        this.#consume(this.#bytes.view.length);
        break;
      }
    }
    return items;
  }

  #next(): StreamItem | undefined {
    if (!this.#current) {
      const item = this.#takeBlankLines() ?? this.#readHead();
      if (item) return item;
    }
    const current = this.#current;
    if (!current || this.#bytes.view.length < current.total) return undefined;
    const body = Buffer.from(this.#bytes.view.subarray(current.headBytes, current.total));
    this.#consume(current.total);
    this.#current = undefined;
    const read = readMessage(current.head, body, this.#limits);
    return read.outcome === 'garbage' ? { type: 'lost', read: undefined, oversize: false } : { type: 'message', read };
  }

  #takeBlankLines(): StreamItem | undefined {
    for (let view = this.#bytes.view; view[0] === CR && view[1] === LF; view = this.#bytes.view) {
      this.#consume(2);
      this.#afterBlankLine = !this.#afterBlankLine;
      if (!this.#afterBlankLine) return { type: 'keep-alive' };
    }
    return undefined;
  }

  #readHead(): StreamItem | undefined {
    const { view } = this.#bytes;
    const end = view.indexOf(END_OF_HEAD, Math.max(0, this.#searched - END_OF_HEAD.length + 1));
    if (end < 0) {
      this.#searched = view.length;
      return view.length > this.#limits.messageBytes ? { type: 'lost', read: undefined, oversize: true } : undefined;
    }
    this.#afterBlankLine = false;
    const head = readHead(view.toString('latin1', 0, end), this.#limits);
    const headBytes = end + END_OF_HEAD.length;
    const refusal = this.#whyUnframed(head, headBytes);
    if (refusal) {
      const read = refuseHead(head, refusal);
      return { type: 'lost', read: read.outcome === 'broken' ? read : undefined, oversize: refusal.status !== 400 };
    }
    this.#current = { head, headBytes, total: headBytes + (head.contentLength ?? 0) };
    return undefined;
  }

  #whyUnframed(head: Head, headBytes: number): Refusal | undefined {
    if (headBytes > this.#limits.messageBytes) return { status: 513, reason: 'Message Too Large' };
    // Two lengths, or one that is no number: the next hop could cut the stream elsewhere.
    if (head.contentLength === undefined || head.fault) {
      return head.fault ?? { status: 400, reason: 'Bad Request: Content-Length' };
    }
    if (headBytes + head.contentLength > this.#limits.messageBytes)
      return { status: 413, reason: 'Request Entity Too Large' };
    return undefined;
  }

  #consume(bytes: number): void {
    this.#bytes.consume(bytes);
    this.#searched = 0;
  }
}

/** Bytes in order of arrival; grows by doubling, so that many small pieces cost no more than one large. */
class ByteQueue {
  #store = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get view(): Buffer {
    return this.#store.subarray(this.#start, this.#end);
  }

  append(bytes: Buffer): void {
    const length = this.#end - this.#start;
    if (this.#end + bytes.length > this.#store.length) {
      const needed = length + bytes.length;
      const larger = Buffer.alloc(Math.max(FIRST_CAPACITY, needed, needed > this.#store.length / 2 ? needed * 2 : 0));
      this.view.copy(larger);
      this.#store = larger;
      this.#start = 0;
      this.#end = length;
    }
    bytes.copy(this.#store, this.#end);
    this.#end += bytes.length;
  }

  consume(bytes: number): void {
    this.#start += bytes;
    if (this.#start < this.#end) return;
    // An idle connection holds no memory.
    this.#store = Buffer.alloc(0);
    this.#start = 0;
    this.#end = 0;
  }
}
