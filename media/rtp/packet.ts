/**
 * The RTP packet's fixed header, read from and written to the bytes of a datagram without copying.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                           timestamp                           |
 *    |                             SSRC                              |
 *    |                     CSRC, CC times (0-15)                     |
 *    |  if X: 16 bits defined by profile, 16 bits length in words,   |
 *    |        then that many 32-bit words (RFC 8285 lives here)      |
 *    |            payload; if P: padding, its last byte the count    |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * @see RFC 3550 section 5.1 and 5.3.1, RFC 8285 section 4
 */

export const RTP_VERSION = 2;

/** Bytes of a header without CSRC and extension: what `writeRtpHeader` writes. */
export const RTP_HEADER_BYTES = 12;

/** Why bytes are not an RTP packet. `none` is zero, so that a result can be tested as a truth value. */
export const RtpFault = {
  none: 0,
  /** Fewer bytes than the fixed header. */
  short: 1,
  /** Not version 2: STUN, DTLS, or noise. */
  version: 2,
  /** The CSRC list runs past the end. */
  contributors: 3,
  /** The extension runs past the end. */
  extension: 4,
  /** The padding count is zero or larger than what is left. */
  padding: 5,
} as const;

export type RtpFault = (typeof RtpFault)[keyof typeof RtpFault];

/** The fields of one packet. One object is reused for every packet of a thread; it holds no reference to the bytes. */
export class RtpHeader {
  marker = false;
  payloadType = 0;
  /** 16 bits. */
  sequence = 0;
  /** 32 bits, in ticks of the clock rate. */
  timestamp = 0;
  /** 32 bits. */
  ssrc = 0;
  /** Where the payload begins, counted like `start` in `parseRtp`. */
  payloadOffset = 0;
  /** Payload bytes without padding; may be zero. */
  payloadLength = 0;
}

/** Where the payload of the packet in `bytes[start, end)` begins, behind CSRC list and extension; else its fault, negative. */
export function findPayload(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end > bytes.length || end - start < RTP_HEADER_BYTES) return -RtpFault.short;
  const first = bytes[start]!;
  if (first >> 6 !== RTP_VERSION) return -RtpFault.version;

  let offset = start + RTP_HEADER_BYTES + 4 * (first & 0x0f);
  if (offset > end) return -RtpFault.contributors;
  if ((first & 0x10) !== 0) {
    if (offset + 4 > end) return -RtpFault.extension;
    offset += 4 + 4 * ((bytes[offset + 2]! << 8) | bytes[offset + 3]!);
    if (offset > end) return -RtpFault.extension;
  }
  return offset;
}

/**
 * Reads the packet in `bytes[start, end)` into `header`. The header is only meaningful when the result is `RtpFault.none`.
 * The extension is stepped over, the CSRC list too.
 */
export function parseRtp(bytes: Uint8Array, start: number, end: number, header: RtpHeader): RtpFault {
  const offset = findPayload(bytes, start, end);
  if (offset < 0) return -offset as RtpFault;
  let length = end - offset;
  if ((bytes[start]! & 0x20) !== 0) {
    const padding = length > 0 ? bytes[end - 1]! : 0;
    if (padding === 0 || padding > length) return RtpFault.padding;
    length -= padding;
  }

  const second = bytes[start + 1]!;
  header.marker = second >= 0x80;
  header.payloadType = second & 0x7f;
  header.sequence = (bytes[start + 2]! << 8) | bytes[start + 3]!;
  header.timestamp = readUint32(bytes, start + 4);
  header.ssrc = readUint32(bytes, start + 8);
  header.payloadOffset = offset;
  header.payloadLength = length;
  return RtpFault.none;
}

/**
 * Whether a datagram on a port shared by both protocols is RTCP: packet types 192 to 223 stand where RTP has its marker and
 * payload types 64 to 95, which RTP then does not use (RFC 5761 section 4).
 */
export function isRtcp(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 2) return false;
  const packetType = bytes[start + 1]!;
  return packetType >= 192 && packetType <= 223;
}

/**
 * Writes a header without CSRC, extension or padding at `offset` and returns where the payload goes. The buffer must have
 * `RTP_HEADER_BYTES` left. Sequence and timestamp may have counted past 16 and 32 bits.
 */
export function writeRtpHeader(
  bytes: Uint8Array,
  offset: number,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): number {
  bytes[offset] = RTP_VERSION << 6;
  bytes[offset + 1] = (marker ? 0x80 : 0) | (payloadType & 0x7f);
  bytes[offset + 2] = sequence >> 8;
  bytes[offset + 3] = sequence;
  writeUint32(bytes, offset + 4, timestamp);
  writeUint32(bytes, offset + 8, ssrc);
  return offset + RTP_HEADER_BYTES;
}

/** Reads 32 bits, most significant byte first. The caller has checked the bounds. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return readInt32(bytes, offset) >>> 0;
}

/** The same bits signed, as a cell of an `Int32Array` has them. */
export function readInt32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}

/** Writes the low 32 bits of `value`, most significant byte first. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  const word = value | 0;
  bytes[offset] = word >> 24;
  bytes[offset + 1] = word >> 16;
  bytes[offset + 2] = word >> 8;
  bytes[offset + 3] = word;
}
