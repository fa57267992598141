import { createHmac } from 'node:crypto';
import type { Flow } from './flow.ts';
import { type BrokenRequest, type SipRequest, tagOf, topVia } from './message.ts';
import { type SipObserver, statusClass } from './observer.ts';
import type { Refusal } from './reader.ts';
import { encodeBrokenResponse, encodeResponse, type ResponseParts } from './stack.ts';
import type { ServerTransaction } from './transaction.ts';

/** Makes, sends and counts responses. */
export class Responder {
  readonly #observer: SipObserver;
  readonly #secret: Buffer;

  /** `secret`: random bytes behind the tags of stateless answers. */
  constructor(observer: SipObserver, secret: Buffer) {
    this.#observer = observer;
    this.#secret = secret;
  }

  respond(transaction: ServerTransaction, parts: ResponseParts): Buffer {
    const bytes = this.#encode(transaction.request, transaction.flow, parts);
    transaction.respond(parts.status, bytes);
    return bytes;
  }

  /** Answers and remembers nothing: a copy of the request gets the same answer again (RFC 3261 section 8.2.7). */
  respondStateless(request: SipRequest, flow: Flow, parts: ResponseParts): void {
    flow.send(this.#encode(request, flow, parts));
  }

  refuseBroken(request: BrokenRequest, flow: Flow, refusal: Refusal): void {
    this.#observer.response(statusClass(refusal.status));
    const tag = this.#tag(request.callId ?? '', request.from ?? '', request.vias);
    flow.send(encodeBrokenResponse(request, refusal.status, refusal.reason, tag));
  }

  /** True for the ACK of a refusal that was given without remembering it. */
  isOurs(ack: SipRequest): boolean {
    return tagOf(ack.to) === this.#requestTag(ack);
  }

  #encode(request: SipRequest, flow: Flow, parts: ResponseParts): Buffer {
    this.#observer.response(statusClass(parts.status));
    // A 100 comes from a hop, not from who is called, and has no tag.
    const needsTag = parts.toTag === undefined && parts.status > 100;
    const tagged = needsTag ? { ...parts, toTag: this.#requestTag(request) } : parts;
    return encodeResponse(request, flow, tagged);
  }

  #requestTag(request: SipRequest): string {
    return this.#tag(request.callId, tagOf(request.from) ?? '', topVia(request).params.get('branch') ?? '');
  }

  #tag(...parts: readonly string[]): string {
    return createHmac('sha256', this.#secret).update(parts.join('\0'), 'latin1').digest('hex').slice(0, 16);
  }
}
