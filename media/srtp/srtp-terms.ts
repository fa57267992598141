/** How packets are encrypted and authenticated, as RFC 4568 section 6.2 calls it. */
export type SrtpSuite = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32';

/** Bytes of a master key of 128 bits and its salt of 112. */
export const MASTER_BYTES = 30;
/** Bytes that each packet grows by: the authentication tag. RTCP has the long one in both (RFC 4568 section 6.2.2). */
export const TAG_BYTES: Readonly<Record<SrtpSuite, number>> = {
  AES_CM_128_HMAC_SHA1_80: 10,
  AES_CM_128_HMAC_SHA1_32: 4,
};
export const REPORT_TAG_BYTES = 10;
/** RTCP's header and SSRC are sent in clear; E flag and index stand before the tag (RFC 3711 section 3.4). */
export const REPORT_CLEAR_BYTES = 8;
export const REPORT_INDEX_BYTES = 4;
export const REPORT_INDEX_MASK = 0x7fffffff;

/** What a call agreed about SRTP: one master key and salt for each direction. Secret: never logged, never answered. */
export interface SrtpTerms {
  readonly suite: SrtpSuite;
  readonly send: Uint8Array;
  readonly receive: Uint8Array;
}

/** One direction as a mixer needs it, to begin or to go on. */
export interface SrtpDirection {
  readonly suite: SrtpSuite;
  readonly master: Uint8Array;
  /** Shared: where the streams under this key are. New with each key, and the same for whoever makes the leg again. */
  readonly memory: SharedArrayBuffer;
}

/** Cells of 32 bits in the memory of a direction; what they mean is the sender's and the receiver's. */
export const SRTP_MEMORY_CELLS = 64;

/** Both directions, as a leg's spec has them. */
export interface SrtpSpec {
  readonly send: SrtpDirection;
  readonly receive: SrtpDirection;
}

/** What a mixer must know of the terms; the streams under keys that were in use before go on. */
export function srtpSpec({ suite, send, receive }: SrtpTerms, before: SrtpSpec | undefined): SrtpSpec {
  return { send: keyed(suite, send, before?.send), receive: keyed(suite, receive, before?.receive) };
}

function keyed(suite: SrtpSuite, master: Uint8Array, before: SrtpDirection | undefined): SrtpDirection {
  if (before && isSameKey(before, { suite, master })) return before;
  return { suite, master, memory: new SharedArrayBuffer(SRTP_MEMORY_CELLS * Int32Array.BYTES_PER_ELEMENT) };
}

export function isSameKey(a: Omit<SrtpDirection, 'memory'>, b: Omit<SrtpDirection, 'memory'>): boolean {
  return a.suite === b.suite && a.master.every((byte, i) => byte === b.master[i]);
}
