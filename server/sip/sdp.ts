/* Offer and answer (RFC 3264) for one audio stream: pure functions from session descriptions to what the engine needs. */
import { write } from 'sdp-transform';
import type { Direction, NegotiatedCodec, RtpRemote } from '../../media/engine.ts';
import type { SupportedCodec } from './codecs.ts';
import { judgeTarget } from './media-target.ts';
import { readOpusTerms } from './opus-terms.ts';
import { type AgreedSrtp, agreeKeys, type CryptoLine, describeCrypto, type KeyContext } from './sdes.ts';
import type { SdpFormat, SdpMedia } from './sdp-reader.ts';

const PTIME_MS = 20;
const TELEPHONE_EVENT = 'telephone-event';
/** The sixteen DTMF digits of RFC 4733. */
const TELEPHONE_EVENT_FMTP = '0-15';
/** Numbers of telephone-event in our own offers, by clock rate: each codec wants one on its own clock. */
const OFFERED_EVENTS: Readonly<Record<number, number>> = { 8000: 101, 16000: 102, 48000: 110 };
const FIRST_DYNAMIC = 96;

/** What was agreed for the audio stream, seen from our side. */
export interface MediaTerms {
  readonly codec: NegotiatedCodec;
  readonly telephoneEvent: Pick<SdpFormat, 'payloadType' | 'clockRate'> | undefined;
  readonly comfortNoisePayloadType: number | undefined;
  /** Undefined while the peer takes no media and names no place for it. */
  readonly remote: RtpRemote | undefined;
  readonly direction: Direction;
  /** Undefined: plain RTP. */
  readonly srtp: AgreedSrtp | undefined;
}

export interface NegotiationContext {
  /** In the order we like them; the peer's order decides among those it has. */
  readonly codecs: readonly SupportedCodec[];
  readonly publicAddress: string;
  readonly keys: KeyContext;
  /** The m-line in use so far; undefined in the first exchange. */
  readonly currentLine: number | undefined;
}

export type Negotiated =
  | {
      readonly ok: true;
      readonly terms: MediaTerms;
      /** Index of the m-line that carries the audio. */
      readonly line: number;
      /** The peer switched the stream off; the terms are those of silence. */
      readonly off: boolean;
    }
  | { readonly ok: false; readonly reason: string };

/** Chooses one audio line and one codec of an offer or answer. */
export function negotiate(media: readonly SdpMedia[], context: NegotiationContext): Negotiated {
  const order = [...media.keys()];
  const { currentLine } = context;
  // The stream in use stays where it is, if it can (RFC 3264 section 8).
  if (currentLine !== undefined) order.sort((a, b) => Number(b === currentLine) - Number(a === currentLine));
  let problem = 'no audio line';
  for (const index of order) {
    const line = media[index];
    if (line?.kind !== 'audio') continue;
    const found = readTerms(line, context);
    if (typeof found === 'string') problem = found;
    else return { ok: true, terms: found, line: index, off: line.port === 0 };
  }
  return { ok: false, reason: problem };
}

function readTerms(line: SdpMedia, context: NegotiationContext): MediaTerms | string {
  const isFirst = context.currentLine === undefined;
  // A line that is switched off brings no key.
  const srtp = line.port === 0 && !isFirst ? context.keys.agreed : agreeKeys(line, context.keys);
  if (typeof srtp === 'string') return srtp;
  const codec = chooseCodec(line, context.codecs);
  if (!codec) return 'no common codec';
  const { clockRate } = codec;
  const terms = {
    codec,
    srtp,
    telephoneEvent: chooseTelephoneEvent(line, clockRate),
    comfortNoisePayloadType: line.formats.find((format) => format.name === 'cn' && format.clockRate === clockRate)
      ?.payloadType,
  };
  if (line.port === 0) {
    return isFirst ? 'audio is switched off' : { ...terms, remote: undefined, direction: 'inactive' };
  }
  if (line.address === undefined) return 'no IP address for media';
  const verdict = judgeTarget(line.address, context.publicAddress, context.keys.signalling.address);
  const wantsNothing = line.direction === 'inactive' || line.direction === 'sendonly';
  if (verdict === 'forbidden' || (verdict === 'unspecified' && isFirst && !wantsNothing)) {
    return 'media address cannot be used';
  }
  const address = { usable: line.address, own: context.keys.signalling.address, unspecified: undefined }[verdict];
  const remote = address === undefined ? undefined : readRemote(address, line);
  return { ...terms, remote, direction: mirror(line.direction, remote !== undefined) };
}

function chooseCodec(line: SdpMedia, codecs: readonly SupportedCodec[]): NegotiatedCodec | undefined {
  for (const format of line.formats) {
    const codec = codecs.find(
      (ours) =>
        ours.name.toLowerCase() === format.name &&
        ours.clockRate === format.clockRate &&
        ours.channels === format.channels,
    );
    if (!codec) continue;
    return {
      name: codec.name,
      payloadType: format.payloadType,
      clockRate: codec.clockRate,
      channels: codec.channels,
      ...(line.ptimeMs === undefined ? {} : { ptimeMs: line.ptimeMs }),
      ...(codec.name === 'opus' ? { opus: readOpusTerms(format.fmtp) } : {}),
    };
  }
  return undefined;
}

/** Events on the codec's own clock share its timestamps; others are the second choice. */
function chooseTelephoneEvent(line: SdpMedia, clockRate: number): SdpFormat | undefined {
  const events = line.formats.filter((format) => format.name === TELEPHONE_EVENT);
  return events.find((format) => format.clockRate === clockRate) ?? events[0];
}

function readRemote(address: string, line: SdpMedia): RtpRemote {
  const rtcp = line.rtcpPort === undefined ? {} : { rtcpPort: line.rtcpPort };
  return { address, port: line.port, ...rtcp };
}

/** Our direction to theirs; without an address to send to we cannot send (RFC 3264 section 8.4). */
function mirror(theirs: Direction, canSend: boolean): Direction {
  const send = canSend && (theirs === 'sendrecv' || theirs === 'recvonly');
  const receive = theirs === 'sendrecv' || theirs === 'sendonly';
  if (send) return receive ? 'sendrecv' : 'sendonly';
  return receive ? 'recvonly' : 'inactive';
}

/** What every description of ours begins with. */
export interface Origin {
  readonly sessionId: number;
  readonly version: number;
  readonly address: string;
}

/** Writes an answer: the agreed line, and every other one refused in its place (RFC 3264 section 6). */
export function writeAnswer(
  origin: Origin,
  codecs: readonly SupportedCodec[],
  media: readonly SdpMedia[],
  agreed: Extract<Negotiated, { ok: true }>,
  port: number,
): string {
  const { codec, telephoneEvent, direction, srtp } = agreed.terms;
  const crypto = srtp && { tag: srtp.tag, suite: srtp.suite, master: srtp.send };
  const ours = codecs.find((supported) => isSame(supported, codec));
  const formats = [describeCodec({ ...ours, ...codec })];
  if (telephoneEvent) formats.push(describeEvent(telephoneEvent.payloadType, telephoneEvent.clockRate));
  return writeDescription(
    origin,
    media.map((line, index) =>
      index === agreed.line && !agreed.off ? audioLine(port, line.protocol, formats, direction, crypto) : refuse(line),
    ),
  );
}

/** A line of the last description, refused or not; offers and answers of one call keep them all, in order. */
export type LineShape = Pick<SdpMedia, 'kind' | 'protocol' | 'formatList'>;

/**
 * Writes an offer of everything we speak. `terms` and `lines` are those agreed before, if any: numbers stay as they were, and
 * so does the protocol, which is else `protocol`.
 */
export function writeOffer(
  origin: Origin,
  codecs: readonly SupportedCodec[],
  port: number,
  before: { readonly terms: MediaTerms; readonly lines: readonly LineShape[]; readonly line: number } | undefined,
  protocol: string,
  crypto: CryptoLine | undefined,
): string {
  const formats = describeOffer(codecs, before?.terms);
  const lines = before?.lines ?? [{ kind: 'audio', protocol, formatList: [] }];
  return writeDescription(
    origin,
    lines.map((line, index) =>
      index === (before?.line ?? 0) ? audioLine(port, line.protocol, formats, 'sendrecv', crypto) : refuse(line),
    ),
  );
}

/**
 * Numbers that mean something already keep their meaning (RFC 3264 section 8.3.2): the agreed codec and event keep theirs,
 * whatever we would have chosen, and what else we would have called so gets a free one.
 */
function describeOffer(codecs: readonly SupportedCodec[], terms: MediaTerms | undefined): Described[] {
  const agreed = terms?.codec;
  const event = terms?.telephoneEvent;
  const taken = new Set([agreed?.payloadType, event?.payloadType].filter((number) => number !== undefined));
  const numbered = (wanted: number): number => {
    let number = wanted;
    for (let free = FIRST_DYNAMIC; taken.has(number); free++) number = free;
    taken.add(number);
    return number;
  };
  const formats = codecs.flatMap((codec) => {
    if (agreed && isSame(codec, agreed)) return describeCodec({ ...codec, payloadType: agreed.payloadType });
    // A number that is not ours to choose has no second meaning.
    if (codec.payloadType < FIRST_DYNAMIC && taken.has(codec.payloadType)) return [];
    return describeCodec({ ...codec, payloadType: numbered(codec.payloadType) });
  });
  const clockRates = new Set([...(event ? [event.clockRate] : []), ...codecs.map((codec) => codec.clockRate)]);
  for (const clockRate of clockRates) {
    const wanted = OFFERED_EVENTS[clockRate];
    if (clockRate === event?.clockRate) formats.push(describeEvent(event.payloadType, clockRate));
    else if (wanted !== undefined) formats.push(describeEvent(numbered(wanted), clockRate));
  }
  return formats;
}

function isSame(codec: SupportedCodec, agreed: NegotiatedCodec): boolean {
  return codec.name === agreed.name && codec.clockRate === agreed.clockRate && codec.channels === agreed.channels;
}

interface Described {
  readonly payload: number;
  readonly codec: string;
  readonly rate: number;
  readonly encoding?: number;
  readonly fmtp?: string;
}

function describeCodec(codec: Omit<SupportedCodec, 'name'> & { readonly name: string }): Described {
  return {
    payload: codec.payloadType,
    codec: codec.name,
    rate: codec.clockRate,
    ...(codec.channels === 1 ? {} : { encoding: codec.channels }),
    ...(codec.fmtp === undefined ? {} : { fmtp: codec.fmtp }),
  };
}

function describeEvent(payload: number, rate: number): Described {
  return { payload, codec: TELEPHONE_EVENT, rate, fmtp: TELEPHONE_EVENT_FMTP };
}

type WrittenMedia = Parameters<typeof write>[0]['media'][number];

function audioLine(
  port: number,
  protocol: string,
  formats: readonly Described[],
  direction: Direction,
  crypto: CryptoLine | undefined,
): WrittenMedia {
  return {
    type: 'audio',
    port,
    protocol,
    payloads: formats.map((format) => format.payload).join(' '),
    rtp: formats.map(({ fmtp: _, ...map }) => map),
    fmtp: formats.flatMap(({ payload, fmtp }) => (fmtp === undefined ? [] : { payload, config: fmtp })),
    ptime: PTIME_MS,
    direction,
    ...(crypto && { crypto: [describeCrypto(crypto)] }),
  };
}

function refuse(line: LineShape): WrittenMedia {
  return { type: line.kind, port: 0, protocol: line.protocol, payloads: line.formatList[0] ?? '0', rtp: [], fmtp: [] };
}

function writeDescription(origin: Origin, media: WrittenMedia[]): string {
  const ipVer = origin.address.includes(':') ? 6 : 4;
  return write({
    version: 0,
    origin: {
      username: '-',
      sessionId: origin.sessionId,
      sessionVersion: origin.version,
      netType: 'IN',
      ipVer,
      address: origin.address,
    },
    name: '-',
    connection: { version: ipVer, ip: origin.address },
    timing: { start: 0, stop: 0 },
    media,
  });
}
