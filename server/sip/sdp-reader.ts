import { isIPv4, isIPv6 } from 'node:net';
import { parse } from 'sdp-transform';
import type { Direction } from '../../media/engine.ts';
import { CRYPTO_FORM, type CryptoLine, readCrypto } from './sdes.ts';

const MAX_BYTES = 16_384;
const MAX_MEDIA = 16;
const MAX_ATTRIBUTES = 128;
const MAX_LINE = 1024;
const MAX_PORT = 65_535;
const MAX_CLOCK_RATE = 192_000;
const MAX_CHANNELS = 8;
const MAX_PTIME_MS = 200;
const MAX_FMTP = 256;

/** A payload format as one m-line describes it. */
export interface SdpFormat {
  /** 0 to 127. */
  readonly payloadType: number;
  /** Lower case. */
  readonly name: string;
  readonly clockRate: number;
  readonly channels: number;
  /** As written. */
  readonly fmtp?: string;
}

/** One m-line with what belongs to it, session-wide values filled in. */
export interface SdpMedia {
  readonly kind: string;
  /** 0: refused or switched off. */
  readonly port: number;
  readonly protocol: string;
  /** As written, in order of preference. */
  readonly formatList: readonly string[];
  /** Those that are RTP payloads whose encoding is known, in the same order. */
  readonly formats: readonly SdpFormat[];
  /** Undefined without a c-line, or with a host name in it. */
  readonly address: string | undefined;
  readonly direction: Direction;
  readonly ptimeMs: number | undefined;
  readonly rtcpPort: number | undefined;
  /** Keys for SRTP that we can use, in order of preference. */
  readonly crypto: readonly CryptoLine[];
}

export type SdpReadResult =
  | { readonly ok: true; readonly media: readonly SdpMedia[] }
  | { readonly ok: false; readonly status: 400 | 413 | 488; readonly reason: string };

type Fault = Extract<SdpReadResult, { ok: false }>;

/** RFC 3551 table 4: payload types that mean something without an rtpmap. */
const STATIC_FORMATS: readonly SdpFormat[] = [
  { payloadType: 0, name: 'pcmu', clockRate: 8000, channels: 1 },
  { payloadType: 8, name: 'pcma', clockRate: 8000, channels: 1 },
  { payloadType: 9, name: 'g722', clockRate: 8000, channels: 1 },
  { payloadType: 10, name: 'l16', clockRate: 44_100, channels: 2 },
  { payloadType: 11, name: 'l16', clockRate: 44_100, channels: 1 },
  { payloadType: 13, name: 'cn', clockRate: 8000, channels: 1 },
];

/**
 * The attributes that matter here, in full: the library takes the first half of a value that is only half well-formed.
 * Nothing else reaches it, for its grammar has costly expressions.
 */
const USED_ATTRIBUTES: readonly RegExp[] = [
  /^rtpmap:\d{1,3} [\w.-]{1,64}\/\d{1,7}(\/\d{1,3})?$/,
  /^ptime:\d{1,4}$/,
  /^rtcp:\d{1,5}( IN IP[46] [\w.:]{1,64})?$/,
  CRYPTO_FORM,
];
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

/** Reads a session description of RFC 8866 within fixed bounds. Every number is checked for its range. */
export function readSdp(body: Buffer): SdpReadResult {
  if (body.length > MAX_BYTES) return { ok: false, status: 413, reason: 'Session Description Too Large' };
  const kept = keepUsed(body.toString('latin1'));
  if ('status' in kept) return kept;
  const session = parse(kept.lines.join('\r\n'));
  const media: SdpMedia[] = [];
  for (const [index, line] of kept.mediaLines.entries()) {
    const section = session.media[index];
    const read = readMediaLine(line);
    if (!section || !read) return malformed('m-line');
    const connection = section.connection ?? session.connection;
    const formats = new Map(STATIC_FORMATS.map((format) => [format.payloadType, format]));
    for (const map of section.rtp) {
      const format = readFormat(map.payload, map.codec, map.rate, map.encoding);
      if (format) formats.set(format.payloadType, format);
      else if (isWhole(map.payload, 0, 127)) formats.delete(map.payload);
    }
    media.push({
      ...read,
      formats: read.formatList.flatMap((text) => {
        const format = formats.get(/^\d{1,3}$/.test(text) ? Number(text) : -1);
        const fmtp = kept.parameters[index]?.get(text);
        return format ? { ...format, ...(fmtp === undefined ? {} : { fmtp }) } : [];
      }),
      address: literalAddress(connection?.ip),
      direction: kept.directions[index] ?? kept.sessionDirection,
      ptimeMs: isWhole(section.ptime, 1, MAX_PTIME_MS) ? section.ptime : undefined,
      rtcpPort: isWhole(section.rtcp?.port, 1, MAX_PORT) ? section.rtcp?.port : undefined,
      crypto: (section.crypto ?? []).map(readCrypto),
    });
  }
  return { ok: true, media };
}

interface Kept {
  readonly lines: readonly string[];
  readonly mediaLines: readonly string[];
  readonly sessionDirection: Direction;
  /** By m-line; undefined where it does not say. */
  readonly directions: readonly (Direction | undefined)[];
  /** By m-line: fmtp of each format. */
  readonly parameters: readonly ReadonlyMap<string, string>[];
}

function keepUsed(text: string): Kept | Fault {
  const lines: string[] = [];
  const mediaLines: string[] = [];
  const directions: (Direction | undefined)[] = [];
  const parameters: Map<string, string>[] = [];
  let sessionDirection: Direction = 'sendrecv';
  let attributes = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line === '') continue;
    if (line.length > MAX_LINE) return { ok: false, status: 413, reason: 'Session Description Line Too Long' };
    if (!/^[a-z]=[^\0]/.test(line) || line.includes('\0')) return malformed('line');
    if (lines.length === 0 && line !== 'v=0') return malformed('version');
    const value = line.slice(2).trimEnd();
    if (line.startsWith('m=')) {
      mediaLines.push(value);
      directions.push(undefined);
      parameters.push(new Map());
      attributes = 0;
      if (mediaLines.length > MAX_MEDIA) return { ok: false, status: 488, reason: 'Too Many Media Lines' };
    }
    if (line.startsWith('a=')) {
      attributes += 1;
      if (attributes > MAX_ATTRIBUTES) return { ok: false, status: 488, reason: 'Too Many Attributes' };
      const direction = DIRECTIONS.find((known) => known === value);
      if (direction && directions.length === 0) sessionDirection = direction;
      else if (direction) directions[directions.length - 1] = direction;
      const [, format, fmtp] = /^fmtp:(\d{1,3}) (.+)$/.exec(value) ?? [];
      if (format !== undefined && fmtp !== undefined && fmtp.length <= MAX_FMTP) parameters.at(-1)?.set(format, fmtp);
      if (!USED_ATTRIBUTES.some((form) => form.test(value))) continue;
    }
    if ('vocsmta'.includes(line.charAt(0))) lines.push(line);
  }
  if (mediaLines.length === 0) return malformed('no media');
  return { lines, mediaLines, sessionDirection, directions, parameters };
}

function malformed(what: string): Fault {
  return { ok: false, status: 400, reason: `Bad Session Description: ${what}` };
}

type MediaLine = Pick<SdpMedia, 'kind' | 'port' | 'protocol' | 'formatList'>;

/** `audio 49170/2 RTP/AVP 0 8`; the library gives up on m-lines with a number of ports. */
function readMediaLine(line: string): MediaLine | undefined {
  const [kind = '', ports = '', protocol = '', ...formatList] = line.split(' ').filter((word) => word !== '');
  const [port = '', count = '1', ...more] = ports.split('/');
  const isSound = /^[A-Za-z0-9-]{1,32}$/.test(kind) && /^[A-Za-z0-9/-]{1,64}$/.test(protocol) && formatList.length > 0;
  if (!isSound || more.length > 0 || !/^\d{1,5}$/.test(port) || !/^\d{1,5}$/.test(count)) return undefined;
  return Number(port) <= MAX_PORT ? { kind, port: Number(port), protocol, formatList } : undefined;
}

function readFormat(payload: unknown, codec: unknown, rate: unknown, channels: unknown): SdpFormat | undefined {
  if (!isWhole(payload, 0, 127) || !isWhole(rate, 1, MAX_CLOCK_RATE)) return undefined;
  if (channels !== undefined && !isWhole(channels, 1, MAX_CHANNELS)) return undefined;
  return { payloadType: payload, name: String(codec).toLowerCase(), clockRate: rate, channels: channels ?? 1 };
}

function literalAddress(text: unknown): string | undefined {
  return typeof text === 'string' && (isIPv4(text) || isIPv6(text)) ? text : undefined;
}

/** The library leaves numbers it cannot read as text. */
function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}
