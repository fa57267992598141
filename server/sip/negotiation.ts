import type { SupportedCodec } from './codecs.ts';
import {
  type CryptoLine,
  firstForm,
  type KeyContext,
  offerKey,
  PLAIN_PROTOCOLS,
  SECURE_PROTOCOLS,
  type Signalling,
  type SrtpPolicy,
} from './sdes.ts';
import {
  type LineShape,
  type MediaTerms,
  type NegotiationContext,
  negotiate,
  type Origin,
  writeAnswer,
  writeOffer,
} from './sdp.ts';
import { readSdp } from './sdp-reader.ts';

export interface NegotiationOptions {
  readonly codecs: readonly SupportedCodec[];
  readonly publicAddress: string;
  /** Names our descriptions of this call; below 2^53. */
  readonly sessionId: number;
  readonly srtp: SrtpPolicy;
  /** A key and its salt for SRTP, which nobody can guess. */
  readonly newMaster: () => Uint8Array;
}

export type OfferResult =
  | { readonly ok: true; readonly terms: MediaTerms; accept(port: number): Buffer }
  | { readonly ok: false; readonly status: number; readonly reason: string };

export type AnswerResult =
  | { readonly ok: true; readonly terms: MediaTerms }
  | { readonly ok: false; readonly reason: string };

/** The offers and answers of one call: remembers which line carries the audio, and counts our descriptions' versions. */
export class Negotiation {
  readonly #options: NegotiationOptions;
  /** What the last complete exchange agreed. */
  #agreed: { readonly terms: MediaTerms; readonly lines: readonly LineShape[]; readonly line: number } | undefined;
  #version = 0;
  #lastWritten = '';
  /** The key of our offer that waits for its answer. */
  #offered: CryptoLine | undefined;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  /** Judges an offer. Nothing changes until `accept` writes the answer, with the local port of the leg. */
  offered(body: Buffer, signalling: Signalling): OfferResult {
    const read = readSdp(body);
    if (!read.ok) return read;
    const agreed = negotiate(read.media, this.#context(signalling, undefined));
    if (!agreed.ok) return { ok: false, status: 488, reason: `Not Acceptable Here: ${agreed.reason}` };
    return {
      ok: true,
      terms: agreed.terms,
      accept: (port) => {
        this.#agreed = { terms: agreed.terms, lines: read.media, line: agreed.line };
        return this.#write((origin) => writeAnswer(origin, this.#options.codecs, read.media, agreed, port));
      },
    };
  }

  /** Our own offer: protected as agreed before, else in this form, else as the setting would have it there. */
  offer(port: number, signalling: Signalling, form = firstForm(this.#options.srtp, signalling)): Buffer {
    const before = this.#agreed;
    const isKeyed = before ? before.terms.srtp !== undefined : form !== 'plain';
    this.#offered = isKeyed ? offerKey(before?.terms.srtp, this.#options.newMaster) : undefined;
    const [protocol = ''] = form === 'secure' ? SECURE_PROTOCOLS : PLAIN_PROTOCOLS;
    return this.#write((origin) => writeOffer(origin, this.#options.codecs, port, before, protocol, this.#offered));
  }

  /** Takes the answer to our offer. */
  answered(body: Buffer, signalling: Signalling): AnswerResult {
    const read = readSdp(body);
    if (!read.ok) return read;
    const agreed = negotiate(read.media, this.#context(signalling, { line: this.#offered }));
    if (!agreed.ok) return agreed;
    this.#agreed = { terms: agreed.terms, lines: read.media, line: agreed.line };
    return { ok: true, terms: agreed.terms };
  }

  #context(signalling: Signalling, ours: KeyContext['ours']): NegotiationContext {
    const { codecs, publicAddress, srtp, newMaster } = this.#options;
    const keys = { policy: srtp, signalling, ours, agreed: this.#agreed?.terms.srtp, newMaster };
    return { codecs, publicAddress, keys, currentLine: this.#agreed?.line };
  }

  /** The version rises only when something in the description changed (RFC 3264 section 8). */
  #write(description: (origin: Origin) => string): Buffer {
    const { sessionId, publicAddress } = this.#options;
    const unnumbered = description({ sessionId, version: 0, address: publicAddress });
    if (unnumbered !== this.#lastWritten) this.#version += 1;
    this.#lastWritten = unnumbered;
    return Buffer.from(description({ sessionId, version: this.#version, address: publicAddress }), 'latin1');
  }
}
