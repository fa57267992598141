import { alaw, mulaw } from '../codec/g711.ts';
import type { WavCoding, WavFormat } from './wav-header.ts';

/** Fills `out` with the samples of all channels, in 16 bits. `bytes` holds exactly as many. */
type Reader = (bytes: DataView, out: Int16Array) => void;

const MAX = 32767;
const MIN = -32768;

/**
 * Turns wav frames of any kind into mono 16-bit samples. 16-bit mono passes unchanged, bit for bit. Wider samples are
 * rounded to the nearest and saturated, without dither. Several channels are averaged with equal weight: full scale in
 * all of them is full scale in the result, and no sum can overflow.
 */
export class WavMono {
  private readonly format: WavFormat;
  private readonly read: Reader;
  /** The beginning of a frame whose rest has not come yet. */
  private readonly partial: Uint8Array;
  private have = 0;

  constructor(format: WavFormat) {
    this.format = format;
    this.read = READERS[format.coding];
    this.partial = new Uint8Array(format.frameBytes);
  }

  /** Mono samples of all whole frames that are complete with these bytes. */
  push(bytes: Uint8Array): Int16Array {
    const whole = this.wholeFrames(bytes);
    const { frameBytes, channels } = this.format;
    const interleaved = new Int16Array((whole.length / frameBytes) * channels);
    this.read(new DataView(whole.buffer, whole.byteOffset, whole.length), interleaved);
    return channels === 1 ? interleaved : averaged(interleaved, channels);
  }

  private wholeFrames(bytes: Uint8Array): Uint8Array {
    const total = this.have + bytes.length;
    const rest = total % this.format.frameBytes;
    if (total === rest) {
      this.partial.set(bytes, this.have);
      this.have = total;
      return new Uint8Array(0);
    }
    const body = bytes.subarray(0, bytes.length - rest);
    const whole = this.have === 0 ? body : Buffer.concat([this.partial.subarray(0, this.have), body]);
    this.partial.set(bytes.subarray(bytes.length - rest));
    this.have = rest;
    return whole;
  }
}

function averaged(interleaved: Int16Array, channels: number): Int16Array {
  const mono = new Int16Array(interleaved.length / channels);
  for (let frame = 0, at = 0; frame < mono.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += interleaved[at++] ?? 0;
    mono[frame] = Math.round(sum / channels);
  }
  return mono;
}

function saturated(value: number): number {
  return Math.max(MIN, Math.min(MAX, value));
}

const READERS: Readonly<Record<WavCoding, Reader>> = {
  // Eight bits are unsigned in wav, 128 is silence.
  pcm8: (bytes, out) => {
    for (let i = 0; i < out.length; i++) out[i] = (bytes.getUint8(i) - 128) << 8;
  },
  pcm16: (bytes, out) => {
    for (let i = 0; i < out.length; i++) out[i] = bytes.getInt16(i * 2, true);
  },
  pcm24: (bytes, out) => {
    for (let i = 0; i < out.length; i++) {
      const value = bytes.getInt16(i * 3 + 1, true) + (bytes.getUint8(i * 3) >> 7);
      out[i] = saturated(value);
    }
  },
  pcm32: (bytes, out) => {
    for (let i = 0; i < out.length; i++) {
      const value = bytes.getInt16(i * 4 + 2, true) + (bytes.getUint16(i * 4, true) >> 15);
      out[i] = saturated(value);
    }
  },
  float32: (bytes, out) => {
    for (let i = 0; i < out.length; i++) {
      const value = Math.round(bytes.getFloat32(i * 4, true) * 32768);
      // Not a number: silence. Infinities saturate like anything else out of range.
      out[i] = Number.isNaN(value) ? 0 : saturated(value);
    }
  },
  mulaw: g711Reader(mulaw),
  alaw: g711Reader(alaw),
};

function g711Reader(law: typeof mulaw): Reader {
  const decoder = law.createDecoder();
  return (bytes, out) => {
    decoder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength, out);
  };
}
