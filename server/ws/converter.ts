import { samplesPerFrame } from '../../media/audio/frame.ts';
import { Resampler } from '../../media/audio/resample.ts';
import type { Codec, FrameDecoder, FrameEncoder } from '../../media/codec/codec.ts';
import { mulaw } from '../../media/codec/g711.ts';
import { l16LittleEndian } from '../../media/codec/l16.ts';
import { type AudioFormat, bytesPerSample } from './format.ts';

/**
 * Turns what a client plays into the format of its leg. Between different rates it works in whole 20 ms frames: the rest
 * of a message waits for the next one, or for `flush`.
 */
export class AudioConverter {
  readonly #bytesIn: number;
  readonly #bytesOut: number;
  readonly #decoder: FrameDecoder;
  readonly #encoder: FrameEncoder;
  readonly #resampler: Resampler | undefined;
  /** One frame at each rate; the first `#waiting` samples of `#frameIn` came with an earlier message. */
  readonly #frameIn: Int16Array;
  readonly #frameOut: Int16Array;
  #waiting = 0;

  constructor(from: AudioFormat, to: AudioFormat) {
    this.#bytesIn = bytesPerSample(from);
    this.#bytesOut = bytesPerSample(to);
    this.#decoder = codecOf(from).createDecoder();
    this.#encoder = codecOf(to).createEncoder();
    if (from.sampleRate !== to.sampleRate) this.#resampler = new Resampler(from.sampleRate, to.sampleRate);
    this.#frameIn = new Int16Array(samplesPerFrame(from.sampleRate));
    this.#frameOut = new Int16Array(samplesPerFrame(to.sampleRate));
  }

  /** May return less than was given, or nothing yet. */
  convert(audio: Uint8Array): Uint8Array {
    const pcm = new Int16Array(audio.length / this.#bytesIn);
    this.#decoder.decode(audio, 0, audio.length, pcm);
    return this.#encode(this.#resampler ? this.#resample(this.#resampler, pcm) : pcm);
  }

  /** What waits for the rest of its frame, filled up with silence. */
  flush(): Uint8Array {
    if (this.#waiting === 0) return new Uint8Array(0);
    return this.convert(this.#silence(this.#frameIn.length - this.#waiting));
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = 0;
    this.#resampler?.reset();
  }

  #resample(resampler: Resampler, pcm: Int16Array): Int16Array {
    const whole = Math.floor((this.#waiting + pcm.length) / this.#frameIn.length);
    const out = new Int16Array(whole * this.#frameOut.length);
    let taken = 0;
    for (let frame = 0; frame < whole; frame++) {
      const wanted = this.#frameIn.length - this.#waiting;
      this.#frameIn.set(pcm.subarray(taken, taken + wanted), this.#waiting);
      taken += wanted;
      this.#waiting = 0;
      resampler.process(this.#frameIn, this.#frameOut);
      out.set(this.#frameOut, frame * this.#frameOut.length);
    }
    this.#frameIn.set(pcm.subarray(taken), this.#waiting);
    this.#waiting += pcm.length - taken;
    return out;
  }

  #encode(pcm: Int16Array): Uint8Array {
    const bytes = new Uint8Array(pcm.length * this.#bytesOut);
    this.#encoder.encode(pcm, bytes, 0);
    return bytes;
  }

  #silence(samples: number): Uint8Array {
    // A mu-law byte of all ones is zero.
    return new Uint8Array(samples * this.#bytesIn).fill(this.#bytesIn === 1 ? 0xff : 0);
  }
}

function codecOf(format: AudioFormat): Codec {
  return format.encoding === 'PCMU' ? mulaw : l16LittleEndian(format.sampleRate);
}
