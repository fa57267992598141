/* Keys for SRTP in session descriptions (RFC 4568): which of them may be used, and which agree. Pure. */
import type { SrtpTerms } from '../../media/engine.ts';
import type { Flow } from './flow.ts';

/** The setting SRTP: whether calls are encrypted, where they can be. */
export type SrtpPolicy = 'off' | 'optional' | 'required';

/** Way and place of the peer's signalling. */
export type Signalling = Pick<Flow, 'transport' | 'address'>;

/** An a=crypto line that we understand in full. */
export interface CryptoLine {
  readonly tag: number;
  readonly suite: SrtpTerms['suite'];
  /** Key and salt of who wrote the line. Secret. */
  readonly master: Uint8Array;
}

/** Keys of both sides, under the tag of the line that they were agreed by. */
export interface AgreedSrtp extends SrtpTerms {
  readonly tag: number;
}

/** What an exchange may agree on. */
export interface KeyContext {
  readonly policy: SrtpPolicy;
  readonly signalling: Signalling;
  /** Set when the other side answers: our own line, if our offer had one. */
  readonly ours: { readonly line: CryptoLine | undefined } | undefined;
  /** In use so far. */
  readonly agreed: AgreedSrtp | undefined;
  readonly newMaster: () => Uint8Array;
}

/**
 * How an offer of ours is protected: `either` is RTP/AVP with a key, which phones without SRTP pass over and most with it take;
 * RFC 4568 does not know it.
 */
export type OfferForm = 'plain' | 'secure' | 'either';

export const PLAIN_PROTOCOLS: readonly string[] = ['RTP/AVP', 'RTP/AVPF'];
export const SECURE_PROTOCOLS: readonly string[] = ['RTP/SAVP', 'RTP/SAVPF'];

const INLINE = 'inline:';
const MASTER_CHARACTERS = 40;
const OUR_TAG = 1;
/** The one that everybody has. */
const OUR_SUITE = 'AES_CM_128_HMAC_SHA1_80';

/**
 * A line that we understand in full: one key without MKI, and no parameter that would change packets. A lifetime is let pass,
 * for no call lasts so long; so is a hint on the replay window.
 */
export const CRYPTO_FORM =
  /^crypto:[1-9]\d{0,8} AES_CM_128_HMAC_SHA1_(80|32) inline:[A-Za-z0-9+/]{40}(\|(2\^\d{1,2}|\d{1,15}))?( WSH=\d{1,5})?$/;

/** Reads what the library made of a line of that form. */
export function readCrypto(line: { readonly id: number; readonly suite: string; readonly config: string }): CryptoLine {
  const coded = line.config.slice(INLINE.length, INLINE.length + MASTER_CHARACTERS);
  return { tag: line.id, suite: line.suite as CryptoLine['suite'], master: Buffer.from(coded, 'base64') };
}

/** The same for the library to write. */
export function describeCrypto(line: CryptoLine): {
  readonly id: number;
  readonly suite: string;
  readonly config: string;
} {
  return { id: line.tag, suite: line.suite, config: INLINE + Buffer.from(line.master).toString('base64') };
}

/** The line of an offer of ours: the key in use, or a new one. */
export function offerKey(agreed: AgreedSrtp | undefined, newMaster: () => Uint8Array): CryptoLine {
  if (agreed) return { tag: OUR_TAG, suite: agreed.suite, master: agreed.send };
  return { tag: OUR_TAG, suite: OUR_SUITE, master: newMaster() };
}

/** How our first offer in a call should be protected. */
export function firstForm(policy: SrtpPolicy, { transport }: Signalling): OfferForm {
  if (transport !== 'TLS' || policy === 'off') return 'plain';
  return policy === 'required' ? 'secure' : 'either';
}

/** How our offers in a call of ours should be protected, one after the other while the far side cannot take them. */
export function callForms(policy: SrtpPolicy, signalling: Signalling): OfferForm[] {
  const form = firstForm(policy, signalling);
  return form === 'either' ? ['secure', 'plain'] : [form];
}

/** Whether no call may be had over this signalling, for keys would be read on the way (RFC 4568 section 8.3). */
export function forbidsCalls(policy: SrtpPolicy, { transport }: Signalling): boolean {
  return policy === 'required' && transport !== 'TLS';
}

export const NEEDS_TLS = 'SRTP is required: call by TLS';

/** Agrees on keys for one audio line: undefined for plain RTP, a text for a line that cannot be had. */
export function agreeKeys(
  line: { readonly protocol: string; readonly crypto: readonly CryptoLine[] },
  context: KeyContext,
): AgreedSrtp | undefined | string {
  const { policy, signalling, ours } = context;
  const isSecure = SECURE_PROTOCOLS.includes(line.protocol);
  if (!isSecure && !PLAIN_PROTOCOLS.includes(line.protocol)) return 'protocol RTP/AVP or RTP/SAVP is needed';
  if (policy === 'off') return isSecure ? 'SRTP is off: offer RTP/AVP' : undefined;
  if (forbidsCalls(policy, signalling)) return NEEDS_TLS;
  if (signalling.transport !== 'TLS') return isSecure ? 'SRTP needs SIP by TLS' : undefined;
  const found = line.crypto.find(({ tag, suite }) => !ours || (tag === ours.line?.tag && suite === ours.line.suite));
  if (found) return ours?.line ? pair(found, ours.line.master) : answerKey(found, context);
  if (isSecure) return 'no a=crypto that can be used: AES_CM_128_HMAC_SHA1_80 or _32, without MKI';
  return policy === 'required' ? 'SRTP is required: offer RTP/SAVP with a=crypto' : undefined;
}

/** Our key stays while theirs does: whoever changes one begins its streams anew, and mostly expects the same of us. */
function answerKey(theirs: CryptoLine, { agreed, newMaster }: KeyContext): AgreedSrtp {
  const stays = agreed?.suite === theirs.suite && Buffer.compare(agreed.receive, theirs.master) === 0;
  return pair(theirs, stays ? agreed.send : newMaster());
}

function pair(theirs: CryptoLine, send: Uint8Array): AgreedSrtp {
  return { tag: theirs.tag, suite: theirs.suite, receive: theirs.master, send };
}
