import { isSilent } from '../audio/pcm.ts';
import type { ByteRing } from '../audio/ring.ts';
import type { Codec, FrameDecoder, FrameEncoder } from '../codec/codec.ts';
import type { Encodings, Output, SharedEncoding } from '../conference/output.ts';
import type { MixerLeg } from './leg.ts';
import { RateBridge } from './rate-bridge.ts';

/** After a pause, so much must be waiting before the member is heard again: it covers the sender's jitter. */
const START_FRAMES = 2;
/** A piece shorter than a frame, or than the start, is played when nothing followed it for so many ticks. */
const PATIENCE_TICKS = 3;

/** A member whose sound crosses threads through rings: today by WebSocket. */
export class StreamLeg implements MixerLeg {
  readonly socket = undefined;
  /** Frames dropped because the reader did not keep up. */
  framesDropped = 0;
  readonly #codec: Codec;
  readonly #decoder: FrameDecoder;
  #encoder: FrameEncoder | undefined;
  #shared: SharedEncoding | undefined;
  #bridge: RateBridge | undefined;
  #sampleRate = 0;
  readonly #inward: ByteRing;
  readonly #outward: ByteRing;
  readonly #payload: Uint8Array;
  readonly #encoded: Uint8Array;
  #flowing = false;
  #waitingBytes = 0;
  #waitingTicks = 0;
  #closed = false;

  constructor(options: {
    readonly codec: Codec;
    readonly sampleRate: number;
    readonly encodings: Encodings;
    /** What the member says; read here. */
    readonly inward: ByteRing;
    /** What the member hears; written here. */
    readonly outward: ByteRing;
  }) {
    const { codec } = options;
    this.#codec = codec;
    this.#decoder = codec.createDecoder();
    this.enter(options.sampleRate, options.encodings);
    this.#inward = options.inward;
    this.#outward = options.outward;
    this.#payload = new Uint8Array(codec.maxPayloadBytes);
    this.#encoded = new Uint8Array(codec.maxPayloadBytes);
  }

  /** Goes on in a conference of this rate. */
  enter(sampleRate: number, encodings: Encodings): void {
    if (sampleRate === this.#sampleRate) return;
    this.#sampleRate = sampleRate;
    const codec = this.#codec;
    this.#shared = encodings.of(codec);
    this.#encoder ??= this.#shared ? undefined : codec.createEncoder();
    this.#bridge = RateBridge.between(codec.sampleRate, sampleRate);
  }

  pull(frame: Int16Array): boolean {
    const bytes = this.#take();
    if (bytes === 0 && this.#bridge === undefined) return false;
    const pcm = this.#bridge ? this.#bridge.inward : frame;
    const samples = bytes > 0 ? this.#decoder.decode(this.#payload, 0, bytes, pcm) : 0;
    if (samples < pcm.length) pcm.fill(0, samples);
    this.#bridge?.toConference(frame);
    return !isSilent(frame);
  }

  push(output: Output): void {
    if (this.#closed) return;
    let payload: Uint8Array;
    if (this.#shared) {
      payload = output.payload(this.#shared);
    } else {
      if (output.silent) output.pcm.fill(0);
      this.#encoder!.encode(this.#bridge ? this.#bridge.toLeg(output.pcm) : output.pcm, this.#encoded, 0);
      payload = this.#encoded;
    }
    if (!this.#outward.write(payload, 0, payload.length)) this.framesDropped += 1;
  }

  close(): void {
    this.#closed = true;
    this.#decoder.close?.();
    this.#encoder?.close?.();
  }

  /** Reads a frame's bytes, or the short rest of a piece that nothing follows; 0 while there is nothing to play. */
  #take(): number {
    const whole = this.#payload.length;
    const waiting = this.#inward.length;
    const enough = this.#flowing ? whole : whole * START_FRAMES;
    if (waiting >= enough) {
      this.#flowing = true;
      this.#waitingTicks = 0;
      return this.#inward.read(this.#payload, whole);
    }
    this.#waitingTicks = waiting === this.#waitingBytes ? this.#waitingTicks + 1 : 0;
    this.#waitingBytes = waiting;
    if (waiting > 0 && this.#waitingTicks >= PATIENCE_TICKS) {
      const read = this.#inward.read(this.#payload, whole);
      // The rest of the piece follows without waiting again.
      this.#flowing = this.#inward.length > 0;
      this.#waitingTicks = PATIENCE_TICKS;
      return read;
    }
    if (waiting < whole) this.#flowing = false;
    return 0;
  }
}
