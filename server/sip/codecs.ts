import type { CodecName } from '../../media/engine.ts';

/** A codec that may be agreed on. */
export interface SupportedCodec {
  readonly name: CodecName;
  /** RTP clock rate in Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /** Its number when the offer is ours. */
  readonly payloadType: number;
  /** What our decoder wants. */
  readonly fmtp?: string;
}

/**
 * Everything that may be spoken, under the names of the setting. L16 at 48 kHz comes last: its 20 ms are 1,920 bytes, more
 * than an Ethernet frame carries.
 */
const CODECS: Readonly<Record<CodecName, readonly SupportedCodec[]>> = {
  PCMU: [{ name: 'PCMU', clockRate: 8000, channels: 1, payloadType: 0 }],
  PCMA: [{ name: 'PCMA', clockRate: 8000, channels: 1, payloadType: 8 }],
  // RFC 3551 section 4.5.2: 8000 by mistake, though it samples at 16 kHz.
  G722: [{ name: 'G722', clockRate: 8000, channels: 1, payloadType: 9 }],
  // RFC 7587 section 7: always written with two channels; ours are mono, which is the default of both fmtp parameters.
  opus: [{ name: 'opus', clockRate: 48_000, channels: 2, payloadType: 111, fmtp: 'useinbandfec=1' }],
  L16: [
    { name: 'L16', clockRate: 16_000, channels: 1, payloadType: 112 },
    { name: 'L16', clockRate: 8000, channels: 1, payloadType: 113 },
    { name: 'L16', clockRate: 48_000, channels: 1, payloadType: 114 },
  ],
};

/** Names that the setting `CODECS` may hold. */
export const CODEC_NAMES = Object.keys(CODECS) as readonly CodecName[];

/** The codecs of some names, in their order. */
export function codecsNamed(names: readonly CodecName[]): readonly SupportedCodec[] {
  return names.flatMap((name) => CODECS[name]);
}

/** What every telephone speaks. */
export const G711 = codecsNamed(['PCMU', 'PCMA']);
