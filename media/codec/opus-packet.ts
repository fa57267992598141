/*
 * What an Opus packet says of itself before anybody decodes it (RFC 6716 sections 3.1, 3.2 and 4.2.3).
 *
 *    0 1 2 3 4 5 6 7
 *   +-+-+-+-+-+-+-+-+
 *   | config  |s| c |   config: mode, bandwidth and duration; s: stereo; c: how many frames and how their lengths are told
 *   +-+-+-+-+-+-+-+-+
 */

/** Duration of one frame of the packet in ms, told by its first byte (RFC 6716 table 2). */
export function opusFrameMs(toc: number): number {
  const config = toc >> 3;
  if (config < 12) return [10, 20, 40, 60][config & 3]!;
  if (config < 16) return config & 1 ? 20 : 10;
  return [2.5, 5, 10, 20][config & 3]!;
}

/**
 * True when the packet also carries the frame before it, coded more coarsely. Only the SILK part can; the flag is the bit
 * after the first frame's voice flags, one of which there is for each 20 ms.
 */
export function hasOpusFec(payload: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length;
  if (length < 2 || end > payload.length) return false;
  const toc = payload[offset]!;
  if (toc >> 3 >= 16) return false;
  const first = firstFrameAt(payload, offset, end);
  if (first < 0 || first >= end) return false;
  const bits = payload[first]!;
  const voiceFlags = Math.max(1, opusFrameMs(toc) / 20);
  const mid = (bits >> (7 - voiceFlags)) & 1;
  const side = toc & 4 ? (bits >> (6 - 2 * voiceFlags)) & 1 : 0;
  return mid === 1 || side === 1;
}

/** Where the first frame's bytes begin, or -1 when it is empty or the packet is malformed. */
function firstFrameAt(payload: Uint8Array, offset: number, end: number): number {
  const layout = payload[offset]! & 3;
  if (layout < 2) return offset + 1;
  if (layout === 2) return afterLengths(payload, offset + 1, end, 1);

  const header = payload[offset + 1]!;
  const frames = header & 0x3f;
  const variable = (header & 0x80) !== 0;
  const padded = (header & 0x40) !== 0;
  if (frames === 0) return -1;
  let at = offset + 2;
  if (padded) {
    while (at < end && payload[at] === 255) at++;
    at++;
  }
  return variable ? afterLengths(payload, at, end, frames - 1) : at;
}

/** Steps over `count` frame lengths (one byte, or two from 252 on); -1 when the first says that its frame is empty. */
function afterLengths(payload: Uint8Array, start: number, end: number, count: number): number {
  if (count > 0 && payload[start] === 0) return -1;
  let at = start;
  for (let i = 0; i < count && at < end; i++) at += payload[at]! >= 252 ? 2 : 1;
  return at;
}
