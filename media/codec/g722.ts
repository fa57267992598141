import { samplesPerFrame } from '../audio/frame.ts';
import type { Codec, FrameDecoder, FrameEncoder } from './codec.ts';
import { Band } from './g722-band.ts';

/*
 * ITU-T G.722 at 64 kbit/s: 16 kHz sound split by a 24-tap quadrature mirror filter into two bands of 8 kHz samples; six
 * bits of each byte code the lower band, the upper two bits the higher one. All integer, so it is the same everywhere.
 */

const SAMPLE_RATE = 16_000;
/** RFC 3551 section 4.5.2: an old mistake that everybody must keep. */
const CLOCK_RATE = 8000;
const FRAME = samplesPerFrame(SAMPLE_RATE);
const FRAME_BYTES = FRAME / 2;

/** The mirror filter's even taps; its odd taps are the same in reverse (table 11/G.722). */
const TAPS = Int32Array.of(3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11);
/** Samples that the filter still needs from the frame before. */
const MEMORY = TAPS.length * 2 - 2;

/** Decision levels of the lower band's quantiser, in 1/4096 of its step (table Q6); level i opens interval i + 1. */
const LOWER_LEVELS = [
  35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458,
  1612, 1765, 1980, 2195, 2557, 2919,
];
const LOWEST_OF_LAST = 2919;
/** The interval that each magnitude in those units is in: a look-up beats a search. */
const LOWER_INTERVALS = Uint8Array.from(
  { length: LOWEST_OF_LAST + 1 },
  (_, magnitude) => LOWER_LEVELS.filter((level) => level <= magnitude).length,
);
/** Decision level of the higher band's quantiser, in 1/4096 of its step. */
const HIGHER_LEVEL = 564;

/** Magnitudes that the 30 intervals of the lower band stand for, in 1/32768 of its step, outermost first (table QM6). */
const SIX_BIT = [
  24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
  4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136,
];
/** The same without the two low bits: what the predictor works with (table QM4), outermost first. */
const FOUR_BIT = [20_456, 12_896, 8968, 6288, 4240, 2584, 1200];
/** How those seven magnitudes change the logarithmic step, innermost first (table WL). */
const LOWER_CHANGE = [-60, -30, 58, 172, 334, 538, 1198, 3042];

/** Six-bit codes 0 to 3 are never sent; codes 4 to 31 are negative down to interval 28, 62 and 63 are the inner two. */
const LOWER_VALUES = Int32Array.from({ length: 64 }, (_, code) => {
  if (code < 4) return -SIX_BIT[29]!;
  if (code < 32) return -SIX_BIT[code - 4]!;
  if (code < 62) return SIX_BIT[code - 32]!;
  return code === 62 ? -SIX_BIT[28]! : -SIX_BIT[29]!;
});
const LOWER_DIFFERENCES = Int32Array.from({ length: 16 }, (_, code) => {
  if (code === 0 || code === 15) return 0;
  return code < 8 ? -FOUR_BIT[code - 1]! : FOUR_BIT[code - 8]!;
});
const LOWER_CHANGES = Int32Array.from({ length: 16 }, (_, code) => {
  if (code === 0 || code === 15) return LOWER_CHANGE[0]!;
  return LOWER_CHANGE[code < 8 ? 8 - code : 15 - code]!;
});

/** The higher band's two bits (tables QM2 and WH). */
const HIGHER_VALUES = Int32Array.of(-7408, -1616, 7408, 1616);
const HIGHER_CHANGES = Int32Array.of(798, -214, 798, -214);

class G722Encoder implements FrameEncoder {
  readonly sampleRate = SAMPLE_RATE;
  private readonly lower = Band.lower();
  private readonly higher = Band.higher();
  private readonly history = new Int32Array(MEMORY + FRAME);

  encode(pcm: Int16Array, out: Uint8Array, offset: number): number {
    const samples = Math.min(pcm.length & ~1, FRAME);
    const history = this.history;
    history.set(samples === pcm.length ? pcm : pcm.subarray(0, samples), MEMORY);
    for (let at = 0, byte = offset; at < samples; at += 2, byte++) {
      let even = 0;
      let odd = 0;
      for (let tap = 0, i = at; tap < 12; tap++, i += 2) {
        odd += history[i]! * TAPS[tap]!;
        even += history[i + 1]! * TAPS[11 - tap]!;
      }
      out[byte] = this.lowerCode((even + odd) >> 14) | (this.higherCode((even - odd) >> 14) << 6);
    }
    history.copyWithin(0, samples, samples + MEMORY);
    return samples >> 1;
  }

  private lowerCode(sample: number): number {
    const band = this.lower;
    const difference = Math.max(-32_768, Math.min(32_767, sample - band.prediction));
    const magnitude = difference < 0 ? ~difference : difference;
    const step = band.step;
    // `magnitude >= (level * step) >> 12`, solved for the level.
    const reached = Math.min(((magnitude + 1) * 4096 - 1) / step, LOWEST_OF_LAST) | 0;
    const interval = LOWER_INTERVALS[reached]!;
    const code = difference >= 0 ? 61 - interval : interval < 2 ? 63 - interval : 33 - interval;
    const coarse = code >> 2;
    band.adapt((step * LOWER_DIFFERENCES[coarse]!) >> 15, LOWER_CHANGES[coarse]!);
    return code;
  }

  private higherCode(sample: number): number {
    const band = this.higher;
    const difference = Math.max(-32_768, Math.min(32_767, sample - band.prediction));
    const magnitude = difference < 0 ? ~difference : difference;
    const inner = magnitude < (HIGHER_LEVEL * band.step) >> 12 ? 1 : 0;
    const code = inner | (difference < 0 ? 0 : 2);
    band.adapt((band.step * HIGHER_VALUES[code]!) >> 15, HIGHER_CHANGES[code]!);
    return code;
  }
}

class G722Decoder implements FrameDecoder {
  readonly sampleRate = SAMPLE_RATE;
  private readonly lower = Band.lower();
  private readonly higher = Band.higher();
  private readonly history = new Int32Array(MEMORY + FRAME);

  decode(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
    const bytes = Math.max(Math.min(length, payload.length - offset, pcm.length >> 1), 0);
    for (let done = 0; done < bytes; done += FRAME_BYTES) {
      this.decodeFrame(payload, offset + done, Math.min(FRAME_BYTES, bytes - done), pcm, done * 2);
    }
    return bytes * 2;
  }

  private decodeFrame(payload: Uint8Array, offset: number, bytes: number, pcm: Int16Array, start: number): void {
    const history = this.history;
    for (let byte = 0; byte < bytes; byte++) {
      const code = payload[offset + byte]!;
      const low = this.lowerSample(code & 0x3f);
      const high = this.higherSample(code >> 6);
      const at = byte * 2;
      history[MEMORY + at] = low + high;
      history[MEMORY + at + 1] = low - high;
      let first = 0;
      let second = 0;
      for (let tap = 0, i = at; tap < 12; tap++, i += 2) {
        second += history[i]! * TAPS[tap]!;
        first += history[i + 1]! * TAPS[11 - tap]!;
      }
      pcm[start + at] = Math.max(-32_768, Math.min(32_767, first >> 11));
      pcm[start + at + 1] = Math.max(-32_768, Math.min(32_767, second >> 11));
    }
    history.copyWithin(0, bytes * 2, bytes * 2 + MEMORY);
  }

  private lowerSample(code: number): number {
    const band = this.lower;
    const step = band.step;
    const sample = band.prediction + ((step * LOWER_VALUES[code]!) >> 15);
    const coarse = code >> 2;
    band.adapt((step * LOWER_DIFFERENCES[coarse]!) >> 15, LOWER_CHANGES[coarse]!);
    return Math.max(-16_384, Math.min(16_383, sample));
  }

  private higherSample(code: number): number {
    const band = this.higher;
    const difference = (band.step * HIGHER_VALUES[code]!) >> 15;
    const sample = band.prediction + difference;
    band.adapt(difference, HIGHER_CHANGES[code]!);
    return Math.max(-16_384, Math.min(16_383, sample));
  }
}

/** G.722 at 64 kbit/s (RFC 3551 section 4.5.2). */
export const g722: Codec = {
  name: 'G722',
  clockRate: CLOCK_RATE,
  sampleRate: SAMPLE_RATE,
  channels: 1,
  staticPayloadType: 9,
  stateless: false,
  maxPayloadBytes: FRAME_BYTES,
  createDecoder: () => new G722Decoder(),
  createEncoder: () => new G722Encoder(),
};
