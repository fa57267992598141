import { samplesPerFrame } from '../audio/frame.ts';
import type { Codec, FrameDecoder, FrameEncoder } from './codec.ts';

/*
 * Uncompressed 16-bit samples. RTP carries them in network byte order (RFC 3551 section 4.5.11); the WebSocket framing
 * carries them little-endian. Bytes are put together by hand: a view would need aligned offsets and an allocation.
 */

class BigEndianDecoder implements FrameDecoder {
  readonly sampleRate: number;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
  }

  decode(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
    const samples = samplesIn(payload, offset, length, pcm);
    for (let i = 0, at = offset; i < samples; i++, at += 2) pcm[i] = (payload[at]! << 8) | payload[at + 1]!;
    return samples;
  }
}

class LittleEndianDecoder implements FrameDecoder {
  readonly sampleRate: number;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
  }

  decode(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
    const samples = samplesIn(payload, offset, length, pcm);
    for (let i = 0, at = offset; i < samples; i++, at += 2) pcm[i] = payload[at]! | (payload[at + 1]! << 8);
    return samples;
  }
}

class BigEndianEncoder implements FrameEncoder {
  readonly sampleRate: number;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
  }

  encode(pcm: Int16Array, out: Uint8Array, offset: number): number {
    for (let i = 0, at = offset; i < pcm.length; i++, at += 2) {
      const sample = pcm[i]!;
      out[at] = sample >> 8;
      out[at + 1] = sample;
    }
    return pcm.length * 2;
  }
}

class LittleEndianEncoder implements FrameEncoder {
  readonly sampleRate: number;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
  }

  encode(pcm: Int16Array, out: Uint8Array, offset: number): number {
    for (let i = 0, at = offset; i < pcm.length; i++, at += 2) {
      const sample = pcm[i]!;
      out[at] = sample;
      out[at + 1] = sample >> 8;
    }
    return pcm.length * 2;
  }
}

/** Whole samples that may be read from the payload and written to `pcm`; a stray last byte is left out. */
function samplesIn(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
  const bytes = Math.min(length, payload.length - offset);
  return Math.max(Math.min(bytes >> 1, pcm.length), 0);
}

function uncompressed(sampleRate: number, decoder: FrameDecoder, encoder: FrameEncoder): Codec {
  return {
    name: 'L16',
    clockRate: sampleRate,
    sampleRate,
    channels: 1,
    staticPayloadType: undefined,
    stateless: true,
    maxPayloadBytes: samplesPerFrame(sampleRate) * 2,
    createDecoder: () => decoder,
    createEncoder: () => encoder,
  };
}

/** L16 mono as RTP carries it: big-endian, at a rate in Hz. */
export function l16(sampleRate: number): Codec {
  return uncompressed(sampleRate, new BigEndianDecoder(sampleRate), new BigEndianEncoder(sampleRate));
}

/** L16 mono as our WebSocket framing carries it: little-endian, at a rate in Hz. Never offered in SDP. */
export function l16LittleEndian(sampleRate: number): Codec {
  return uncompressed(sampleRate, new LittleEndianDecoder(sampleRate), new LittleEndianEncoder(sampleRate));
}
