import type { Codec, FrameEncoder } from '../codec/codec.ts';

/** A memoryless codec as the mixer shares it: one encode of a sound serves every listener. */
export class SharedEncoding {
  readonly encoder: FrameEncoder;
  readonly bytes: number;
  /** The payload of a silent frame, encoded once for ever. */
  readonly silence: Uint8Array;
  /** Index of this encoding's cache in every `Output`. */
  readonly slot: number;

  constructor(codec: Codec, slot: number, samplesPerFrame: number) {
    this.encoder = codec.createEncoder();
    this.bytes = codec.maxPayloadBytes;
    this.slot = slot;
    this.silence = new Uint8Array(this.bytes);
    this.encoder.encode(new Int16Array(samplesPerFrame), this.silence, 0);
  }
}

/** Hands out one `SharedEncoding` per codec that can be shared at a conference's sample rate. One per conference rate. */
export class Encodings {
  readonly #sampleRate: number;
  readonly #samplesPerFrame: number;
  readonly #byCodec = new Map<Codec, SharedEncoding>();

  constructor(sampleRate: number, samplesPerFrame: number) {
    this.#sampleRate = sampleRate;
    this.#samplesPerFrame = samplesPerFrame;
  }

  /** Undefined when each listener needs an encoder of its own: the codec has memory, or another sample rate. */
  of(codec: Codec): SharedEncoding | undefined {
    if (!codec.stateless || codec.sampleRate !== this.#sampleRate) return undefined;
    let encoding = this.#byCodec.get(codec);
    if (!encoding) {
      encoding = new SharedEncoding(codec, this.#byCodec.size, this.#samplesPerFrame);
      this.#byCodec.set(codec, encoding);
    }
    return encoding;
  }
}

/** One distinct sound of a tick, and its payloads as far as somebody asked for them. */
export class Output {
  /** Valid unless `silent`. */
  readonly pcm: Int16Array;
  /** True when every sample is zero; `pcm` need not be written then. */
  silent = true;
  readonly #payloads: Uint8Array[] = [];
  /** Tick in which each payload was encoded. */
  readonly #encodedIn: number[] = [];
  #tick = -1;

  constructor(samplesPerFrame: number) {
    this.pcm = new Int16Array(samplesPerFrame);
  }

  /** Starts a new sound; payloads encoded before are stale. `pcm` is written by the caller. */
  begin(silent: boolean): void {
    this.#tick += 1;
    this.silent = silent;
  }

  /** The 20 ms payload in a shared encoding, of exactly its length; valid until the next `begin`. */
  payload(encoding: SharedEncoding): Uint8Array {
    if (this.silent) return encoding.silence;
    const slot = encoding.slot;
    let payload = this.#payloads[slot];
    if (payload === undefined) {
      while (this.#payloads.length <= slot) {
        this.#payloads.push(new Uint8Array(0));
        this.#encodedIn.push(-1);
      }
      payload = new Uint8Array(encoding.bytes);
      this.#payloads[slot] = payload;
    } else if (payload.length !== encoding.bytes) {
      payload = new Uint8Array(encoding.bytes);
      this.#payloads[slot] = payload;
    }
    if (this.#encodedIn[slot] !== this.#tick) {
      encoding.encoder.encode(this.pcm, payload, 0);
      this.#encodedIn[slot] = this.#tick;
    }
    return payload;
  }
}
