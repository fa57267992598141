import type { FrameDecoder, FrameEncoder } from '../../media/codec/codec.ts';
import { mulaw } from '../../media/codec/g711.ts';
import { l16LittleEndian } from '../../media/codec/l16.ts';
import { type AudioFormat, bytesPerSample } from './format.ts';

/** Can audio of one format be turned into another? Rates are never changed here: a resampler belongs to the mixer. */
export function canConvert(from: AudioFormat, to: AudioFormat): boolean {
  return from.sampleRate === to.sampleRate;
}

/** Recodes what a client plays into the format of its leg, message by message; keeps no memory between them. */
export class AudioConverter {
  readonly #bytesIn: number;
  readonly #bytesOut: number;
  readonly #decoder: FrameDecoder;
  readonly #encoder: FrameEncoder;

  constructor(from: AudioFormat, to: AudioFormat) {
    this.#bytesIn = bytesPerSample(from);
    this.#bytesOut = bytesPerSample(to);
    this.#decoder = codecOf(from).createDecoder();
    this.#encoder = codecOf(to).createEncoder();
  }

  convert(audio: Uint8Array): Uint8Array {
    const pcm = new Int16Array(audio.length / this.#bytesIn);
    this.#decoder.decode(audio, 0, audio.length, pcm);
    const converted = new Uint8Array(pcm.length * this.#bytesOut);
    this.#encoder.encode(pcm, converted, 0);
    return converted;
  }
}

function codecOf(format: AudioFormat): typeof mulaw {
  return format.encoding === 'PCMU' ? mulaw : l16LittleEndian(format.sampleRate);
}
