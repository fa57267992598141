import type { SampleRate } from '../audio/frame.ts';
import type { Codec } from './codec.ts';
import { alaw, mulaw } from './g711.ts';
import { g722 } from './g722.ts';
import { l16 } from './l16.ts';
import { OPUS_BITRATE, type OpusTerms, opus } from './opus.ts';

const ONE_RATE = [mulaw, alaw, g722, l16(8000), l16(16_000), l16(48_000)];
const OPUS_CLOCK_RATE = 48_000;
const EVERYTHING: OpusTerms = { fec: true, dtx: false };
/** By rate and terms: codecs are compared by identity, so equal terms must give the same one. */
const OPUS = new Map<string, Codec>();

/**
 * The codec that SDP calls `name/clockRate` (any letter case), or undefined when we do not speak it. `sampleRate` is the
 * PCM rate wanted, in Hz: the conference's. Only Opus can follow it; the others run at the one rate that they have.
 */
export function codecFor(
  name: string,
  clockRate: number,
  sampleRate: SampleRate = 48_000,
  terms: OpusTerms = EVERYTHING,
): Codec | undefined {
  const wanted = name.toUpperCase();
  if (wanted === 'OPUS') return clockRate === OPUS_CLOCK_RATE ? opusFor(sampleRate, terms) : undefined;
  return ONE_RATE.find((codec) => codec.name.toUpperCase() === wanted && codec.clockRate === clockRate);
}

/** Bit rates are taken in steps of 1 kbit/s and never raised, so few codecs can come of it. */
function opusFor(sampleRate: SampleRate, { fec, dtx, maxBitrate = Number.POSITIVE_INFINITY }: OpusTerms): Codec {
  const bitrate = Math.min(OPUS_BITRATE[sampleRate], Math.floor(maxBitrate / 1000) * 1000);
  const key = `${sampleRate}/${fec}/${dtx}/${bitrate}`;
  let codec = OPUS.get(key);
  if (!codec) {
    codec = opus({ sampleRate, fec, dtx, bitrate });
    OPUS.set(key, codec);
  }
  return codec;
}
