/**
 * Wrap-safe arithmetic for RTP's 16-bit sequence numbers and 32-bit timestamps (RFC 3550 section 5.1).
 *
 * Two numbers are compared by their signed distance round the circle, never with `<`. Half a circle is the limit: 32,767
 * packets, or 2^31 ticks (74 hours at 8 kHz).
 */

/** Steps from one sequence number to another, -32768 to 32767; positive when `to` is the newer. */
export function sequenceDistance(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** The sequence number `steps` after this one. */
export function addSequence(sequence: number, steps: number): number {
  return (sequence + steps) & 0xffff;
}

/** Ticks from one RTP timestamp to another, -2^31 to 2^31 - 1; positive when `to` is the later. */
export function timestampDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** The RTP timestamp `ticks` after this one. */
export function addTimestamp(timestamp: number, ticks: number): number {
  return (timestamp + ticks) >>> 0;
}

/**
 * The number nearest to `near` that equals `sequence` modulo 2^16. Extended numbers count on through every wrap, so that they
 * can be compared with `<`; they may be negative.
 */
export function extendSequence(near: number, sequence: number): number {
  return near + sequenceDistance(near & 0xffff, sequence);
}

/** The number nearest to `near` that equals `timestamp` modulo 2^32. Exact up to 2^53. */
export function extendTimestamp(near: number, timestamp: number): number {
  return near + timestampDistance(near >>> 0, timestamp);
}
