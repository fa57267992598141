import { samplesPerFrame } from '../audio/frame.ts';
import type { Codec, FrameDecoder, FrameEncoder } from './codec.ts';

/*
 * ITU-T G.711 by tables. A sample's code depends on its upper 14 bits only (mu-law; A-law needs 13), so 16 KiB per law
 * hold every answer. Negative samples are folded by one's complement, as the standard's decision values are symmetric
 * about the midpoint between 0 and -1 in that reading.
 */

const SAMPLE_RATE = 8000;
const FRAME = samplesPerFrame(SAMPLE_RATE);

/** 14-bit magnitude of mu-law's bias, which lines its segments up with powers of two (G.711 table 2a). */
const MULAW_BIAS = 33;
const MULAW_MAX = 0x1fff;
/** A-law sends every second bit inverted (G.711 section 3.2). */
const ALAW_TOGGLE = 0x55;

function mulawCodeOf(sample14: number): number {
  const folded = sample14 < 0 ? ~sample14 : sample14;
  const magnitude = Math.min(folded + MULAW_BIAS, MULAW_MAX);
  const segment = 31 - Math.clz32(magnitude) - 5;
  const step = (magnitude >> (segment + 1)) & 0x0f;
  const code = ~((segment << 4) | step) & 0x7f;
  return sample14 < 0 ? code : code | 0x80;
}

function mulawSampleOf(code: number): number {
  const segment = (~code >> 4) & 0x07;
  const step = ~code & 0x0f;
  const magnitude14 = ((2 * step + MULAW_BIAS) << segment) - MULAW_BIAS;
  return (code & 0x80 ? magnitude14 : -magnitude14) << 2;
}

function alawCodeOf(sample14: number): number {
  const magnitude = (sample14 < 0 ? ~sample14 : sample14) >> 2;
  const segment = magnitude < 32 ? magnitude >> 4 : 31 - Math.clz32(magnitude) - 3;
  const step = (magnitude >> Math.max(segment - 1, 0)) & 0x0f;
  return ((segment << 4) | step | (sample14 < 0 ? 0 : 0x80)) ^ ALAW_TOGGLE;
}

function alawSampleOf(code: number): number {
  const bits = code ^ ALAW_TOGGLE;
  const segment = (bits >> 4) & 0x07;
  const step = (bits & 0x0f) | (segment > 0 ? 0x10 : 0);
  const magnitude13 = (2 * step + 1) << Math.max(segment - 1, 0);
  return (bits & 0x80 ? magnitude13 : -magnitude13) << 3;
}

function decodeTable(sampleOf: (code: number) => number): Int16Array {
  return Int16Array.from({ length: 256 }, (_, code) => sampleOf(code));
}

function encodeTable(codeOf: (sample14: number) => number): Uint8Array {
  return Uint8Array.from({ length: 1 << 14 }, (_, index) => codeOf((index << 18) >> 18));
}

class G711Decoder implements FrameDecoder {
  readonly sampleRate = SAMPLE_RATE;
  readonly silentByte: number;
  private readonly table: Int16Array;

  constructor(table: Int16Array) {
    this.table = table;
    // A-law has no code for zero: nothing compares equal to -1.
    this.silentByte = table.lastIndexOf(0);
  }

  decode(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
    const table = this.table;
    const samples = Math.min(length, pcm.length, payload.length - offset);
    for (let i = 0; i < samples; i++) pcm[i] = table[payload[offset + i]!]!;
    return Math.max(samples, 0);
  }
}

class G711Encoder implements FrameEncoder {
  readonly sampleRate = SAMPLE_RATE;
  private readonly table: Uint8Array;

  constructor(table: Uint8Array) {
    this.table = table;
  }

  encode(pcm: Int16Array, out: Uint8Array, offset: number): number {
    const table = this.table;
    const samples = pcm.length;
    for (let i = 0; i < samples; i++) out[offset + i] = table[(pcm[i]! >> 2) & 0x3fff]!;
    return samples;
  }
}

function g711(name: 'PCMU' | 'PCMA', payloadType: number, decoding: Int16Array, encoding: Uint8Array): Codec {
  // Neither holds memory, so all legs share one of each.
  const decoder = new G711Decoder(decoding);
  const encoder = new G711Encoder(encoding);
  return {
    name,
    clockRate: SAMPLE_RATE,
    sampleRate: SAMPLE_RATE,
    channels: 1,
    staticPayloadType: payloadType,
    stateless: true,
    maxPayloadBytes: FRAME,
    createDecoder: () => decoder,
    createEncoder: () => encoder,
  };
}

/** PCMU, mu-law at 8 kHz (RFC 3551 section 4.5.14). */
export const mulaw: Codec = g711('PCMU', 0, decodeTable(mulawSampleOf), encodeTable(mulawCodeOf));

/** PCMA, A-law at 8 kHz (RFC 3551 section 4.5.14). */
export const alaw: Codec = g711('PCMA', 8, decodeTable(alawSampleOf), encodeTable(alawCodeOf));

/** A mu-law byte that decodes to zero: what an all-silent PCMU payload is made of. */
export const MULAW_SILENCE = 0xff;

/** The A-law byte nearest to zero: what an all-silent PCMA payload is made of. */
export const ALAW_SILENCE = 0xd5;
