import { RTP_VERSION, readUint32, writeUint32 } from './packet.ts';

/**
 * RTCP compounds (RFC 3550 section 6): sender and receiver reports, source descriptions and goodbyes are read and written;
 * anything else is stepped over. Every packet of a compound begins with
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |V=2|P|  count  |  packet type  |  length in words, less one    |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const CNAME = 1;

const HEADER_BYTES = 4;
const SENDER_INFO_BYTES = 24;
const BLOCK_BYTES = 24;
/** A compound of more packets is refused; honest ones have two to four. */
const MOST_PACKETS = 16;
/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;

/** What one receiver says of one source (RFC 3550 section 6.4.1). */
export interface ReportBlock {
  ssrc: number;
  /** Share of packets lost since the report before, in 1/256. */
  fractionLost: number;
  /** Packets lost in all, 24 bits with sign: negative when more came than were expected. */
  cumulativeLost: number;
  /** Wraps of the sequence in the upper 16 bits, highest sequence number in the lower. */
  highestSequence: number;
  /** Interarrival jitter in ticks of the RTP timestamp. */
  jitter: number;
  /** Middle 32 bits of the NTP time in the last sender report, 0 before the first. */
  lastSenderReport: number;
  /** Time since it arrived, in 1/65536 s. */
  delaySinceLastSenderReport: number;
}

/** What a sender says of its own stream: one instant on two clocks, and how much it has sent. */
export interface SenderInfo {
  ntpSeconds: number;
  /** In 1/2^32 s. */
  ntpFraction: number;
  rtpTimestamp: number;
  packets: number;
  /** Payload bytes. */
  octets: number;
}

export type RtcpPacket =
  | {
      readonly type: 'senderReport';
      readonly ssrc: number;
      readonly sender: SenderInfo;
      readonly blocks: ReportBlock[];
    }
  | { readonly type: 'receiverReport'; readonly ssrc: number; readonly blocks: ReportBlock[] }
  | { readonly type: 'sourceDescription'; readonly sources: { readonly ssrc: number; readonly cname: string }[] }
  | { readonly type: 'goodbye'; readonly ssrcs: number[] };

/** Why bytes are not an RTCP compound. `none` is zero. */
export const RtcpFault = {
  none: 0,
  /** Less than a header and an SSRC. */
  short: 1,
  version: 2,
  /** It does not begin with a report (RFC 3550 section 6.1). */
  order: 3,
  /** Lengths that do not add up to the datagram, or too many packets. */
  length: 4,
  /** Fields that run past their packet. */
  content: 5,
} as const;
export type RtcpFault = (typeof RtcpFault)[keyof typeof RtcpFault];

/** Reads the compound in `bytes[start, end)` into `packets`, which is emptied first and stays empty on a fault. */
export function parseRtcp(bytes: Uint8Array, start: number, end: number, packets: RtcpPacket[]): RtcpFault {
  packets.length = 0;
  const fault = parseAll(bytes, start, end, packets);
  if (fault !== RtcpFault.none) packets.length = 0;
  return fault;
}

function parseAll(bytes: Uint8Array, start: number, end: number, packets: RtcpPacket[]): RtcpFault {
  if (start < 0 || end > bytes.length || end - start < HEADER_BYTES + 4) return RtcpFault.short;
  let offset = start;
  for (let index = 0; offset < end; index++) {
    if (index === MOST_PACKETS || end - offset < HEADER_BYTES) return RtcpFault.length;
    const first = bytes[offset]!;
    const type = bytes[offset + 1]!;
    if (first >> 6 !== RTP_VERSION) return RtcpFault.version;
    if (index === 0 && type !== SENDER_REPORT && type !== RECEIVER_REPORT) return RtcpFault.order;
    const next = offset + 4 + 4 * ((bytes[offset + 2]! << 8) | bytes[offset + 3]!);
    if (next > end) return RtcpFault.length;
    let contentEnd = next;
    if ((first & 0x20) !== 0) {
      // Only the last packet may be padded; its last byte counts the padding.
      const padding = bytes[next - 1]!;
      if (next !== end || padding === 0 || padding % 4 !== 0 || padding > next - offset - HEADER_BYTES) {
        return RtcpFault.length;
      }
      contentEnd -= padding;
    }
    if (!parseOne(bytes, type, first & 0x1f, offset + HEADER_BYTES, contentEnd, packets)) return RtcpFault.content;
    offset = next;
  }
  return RtcpFault.none;
}

function parseOne(
  bytes: Uint8Array,
  type: number,
  count: number,
  offset: number,
  end: number,
  packets: RtcpPacket[],
): boolean {
  switch (type) {
    case SENDER_REPORT:
      if (end - offset < SENDER_INFO_BYTES + count * BLOCK_BYTES) return false;
      packets.push({
        type: 'senderReport',
        ssrc: readUint32(bytes, offset),
        sender: {
          ntpSeconds: readUint32(bytes, offset + 4),
          ntpFraction: readUint32(bytes, offset + 8),
          rtpTimestamp: readUint32(bytes, offset + 12),
          packets: readUint32(bytes, offset + 16),
          octets: readUint32(bytes, offset + 20),
        },
        blocks: readBlocks(bytes, offset + SENDER_INFO_BYTES, count),
      });
      return true;
    case RECEIVER_REPORT:
      if (end - offset < 4 + count * BLOCK_BYTES) return false;
      packets.push({
        type: 'receiverReport',
        ssrc: readUint32(bytes, offset),
        blocks: readBlocks(bytes, offset + 4, count),
      });
      return true;
    case SOURCE_DESCRIPTION:
      return readDescription(bytes, count, offset, end, packets);
    case GOODBYE: {
      if (end - offset < count * 4) return false;
      const ssrcs: number[] = [];
      for (let i = 0; i < count; i++) ssrcs.push(readUint32(bytes, offset + 4 * i));
      packets.push({ type: 'goodbye', ssrcs });
      return true;
    }
    default:
      return true;
  }
}

function readBlocks(bytes: Uint8Array, offset: number, count: number): ReportBlock[] {
  const blocks: ReportBlock[] = [];
  for (let i = 0; i < count; i++) {
    const at = offset + i * BLOCK_BYTES;
    const lost = readUint32(bytes, at + 4);
    blocks.push({
      ssrc: readUint32(bytes, at),
      fractionLost: lost >>> 24,
      cumulativeLost: (lost << 8) >> 8,
      highestSequence: readUint32(bytes, at + 8),
      jitter: readUint32(bytes, at + 12),
      lastSenderReport: readUint32(bytes, at + 16),
      delaySinceLastSenderReport: readUint32(bytes, at + 20),
    });
  }
  return blocks;
}

/** Chunks of an SSRC and items, each chunk ended by a zero and filled up to whole words (RFC 3550 section 6.5). */
function readDescription(bytes: Uint8Array, count: number, from: number, end: number, packets: RtcpPacket[]): boolean {
  const sources: { ssrc: number; cname: string }[] = [];
  let offset = from;
  for (let chunk = 0; chunk < count; chunk++) {
    if (end - offset < 8) return false;
    const ssrc = readUint32(bytes, offset);
    let cname = '';
    offset += 4;
    for (;;) {
      if (offset >= end) return false;
      const type = bytes[offset]!;
      if (type === 0) break;
      if (offset + 2 > end || offset + 2 + bytes[offset + 1]! > end) return false;
      const next = offset + 2 + bytes[offset + 1]!;
      if (type === CNAME) cname = Buffer.from(bytes.subarray(offset + 2, next)).toString('utf8');
      offset = next;
    }
    offset += 4 - ((offset - from) % 4);
    if (offset > end) return false;
    sources.push({ ssrc, cname });
  }
  packets.push({ type: 'sourceDescription', sources });
  return true;
}

/** Writes a sender report, or a receiver report when `sender` is undefined; returns the end. At most 31 blocks. */
export function writeReport(
  bytes: Uint8Array,
  offset: number,
  ssrc: number,
  sender: SenderInfo | undefined,
  blocks: readonly ReportBlock[],
): number {
  let at = offset + HEADER_BYTES;
  writeUint32(bytes, at, ssrc);
  at += 4;
  if (sender !== undefined) {
    writeUint32(bytes, at, sender.ntpSeconds);
    writeUint32(bytes, at + 4, sender.ntpFraction);
    writeUint32(bytes, at + 8, sender.rtpTimestamp);
    writeUint32(bytes, at + 12, sender.packets);
    writeUint32(bytes, at + 16, sender.octets);
    at += SENDER_INFO_BYTES - 4;
  }
  for (const block of blocks) {
    writeUint32(bytes, at, block.ssrc);
    writeUint32(bytes, at + 4, (block.fractionLost << 24) | (block.cumulativeLost & 0xff_ffff));
    writeUint32(bytes, at + 8, block.highestSequence);
    writeUint32(bytes, at + 12, block.jitter);
    writeUint32(bytes, at + 16, block.lastSenderReport);
    writeUint32(bytes, at + 20, block.delaySinceLastSenderReport);
    at += BLOCK_BYTES;
  }
  writeHeader(bytes, offset, at, sender === undefined ? RECEIVER_REPORT : SENDER_REPORT, blocks.length);
  return at;
}

/** Writes a source description with one canonical name, at most 255 bytes of it; returns the end. */
export function writeCname(bytes: Uint8Array, offset: number, ssrc: number, cname: string): number {
  const name = Buffer.from(cname, 'utf8').subarray(0, 255);
  writeUint32(bytes, offset + HEADER_BYTES, ssrc);
  let at = offset + HEADER_BYTES + 4;
  bytes[at] = CNAME;
  bytes[at + 1] = name.length;
  bytes.set(name, at + 2);
  at += 2 + name.length;
  do bytes[at++] = 0;
  while ((at - offset) % 4 !== 0);
  writeHeader(bytes, offset, at, SOURCE_DESCRIPTION, 1);
  return at;
}

/** Writes a goodbye of one source; returns the end. */
export function writeGoodbye(bytes: Uint8Array, offset: number, ssrc: number): number {
  writeUint32(bytes, offset + HEADER_BYTES, ssrc);
  writeHeader(bytes, offset, offset + HEADER_BYTES + 4, GOODBYE, 1);
  return offset + HEADER_BYTES + 4;
}

function writeHeader(bytes: Uint8Array, offset: number, end: number, type: number, count: number): void {
  const words = (end - offset) / 4 - 1;
  bytes[offset] = (RTP_VERSION << 6) | count;
  bytes[offset + 1] = type;
  bytes[offset + 2] = words >> 8;
  bytes[offset + 3] = words;
}

/** Sets the NTP time of `sender` to a wall clock time in ms since 1970. */
export function setNtpTime(sender: SenderInfo, unixMs: number): void {
  const seconds = Math.floor(unixMs / 1000);
  sender.ntpSeconds = (seconds + NTP_EPOCH_SECONDS) >>> 0;
  sender.ntpFraction = Math.floor(((unixMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0;
}

/** The middle 32 bits of an NTP time, in 1/65536 s: how reports refer to it. */
export function middleOfNtp(seconds: number, fraction: number): number {
  return ((seconds << 16) | (fraction >>> 16)) >>> 0;
}

/**
 * Round-trip time in ms by a block about our own stream that arrives now (RFC 3550 section 6.4.1), or undefined when it
 * answers no report of ours or the sum makes no sense. `now`: middle 32 bits, by the clock of our sender reports.
 */
export function roundTripMs(block: ReportBlock, now: number): number | undefined {
  if (block.lastSenderReport === 0) return undefined;
  const passed = (now - block.lastSenderReport - block.delaySinceLastSenderReport) | 0;
  // A peer's clock may round a short way down past zero; a minute is no round trip.
  if (passed < -655 || passed > 60 * 65_536) return undefined;
  return (Math.max(0, passed) * 1000) / 65_536;
}
