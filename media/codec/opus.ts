import {
  Application,
  createDecoder,
  createEncoder,
  EncoderCtl,
  loadLibopus,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
} from 'libopus-wasm';
import { type SampleRate, samplesPerFrame } from '../audio/frame.ts';
import type { Codec, FrameDecoder, FrameEncoder } from './codec.ts';
import { loadNativeOpus, type NativeOpusEncoder, type NativeOpusEncoderClass } from './opus-native.ts';
import { hasOpusFec, opusFrameMs } from './opus-packet.ts';

/*
 * Opus (RFC 6716, RFC 7587) in mono. libopus converts between its bands and 8, 16 or 48 kHz by itself, so it runs at the
 * conference's rate and nothing is resampled. Decoding is always by WebAssembly; encoding, which costs ten times more, by
 * the native addon when there is one. Both allocate the array that they return: the one exception to the tick's rule.
 */

/** RFC 7587 section 4.1: the RTP clock is 48 kHz and SDP says two channels, whatever is in the packets. */
const CLOCK_RATE = 48_000;
const SDP_CHANNELS = 2;
const MAX_PAYLOAD_BYTES = 1275;
const MAX_PACKET_MS = 120;
/** A packet this short holds no sound: libopus asks that it is not sent (DTX). */
const DTX_BYTES = 2;
/** Half the cost of the highest setting for a difference that is hard to hear in speech. */
const COMPLEXITY = 5;
/** The loss that the encoder prepares for; without one it spends no bits on forward error correction. */
const EXPECTED_LOSS_PERCENT = 10;

/** Bit/s that mono speech needs at each rate to be clear, with room for the error correction. */
export const OPUS_BITRATE: Readonly<Record<SampleRate, number>> = { 8000: 20_000, 16000: 28_000, 48000: 40_000 };

/** What the peer's decoder wants, in its fmtp (RFC 7587 section 6.1). */
export interface OpusTerms {
  /** It makes use of in-band forward error correction. */
  readonly fec: boolean;
  /** It prefers that next to nothing is sent in silence. */
  readonly dtx: boolean;
  /** Bit/s on average. */
  readonly maxBitrate?: number;
}

/** How one side of an Opus stream is set up; SDP's fmtp decides most of it (RFC 7587 section 6.1). */
export interface OpusOptions {
  /** Rate of the PCM on our side, in Hz. */
  readonly sampleRate: SampleRate;
  /** Carry each frame again, coarsely, in the next packet. On by default. */
  readonly fec?: boolean;
  /** Send next to nothing while silent. Off by default: some phones take a pause for a dead call. */
  readonly dtx?: boolean;
  /** Bit/s on average. */
  readonly bitrate?: number;
  /** False to keep to WebAssembly although the native addon is there. */
  readonly native?: boolean;
}

/** What `loadOpus` found. */
export interface OpusEngine {
  readonly version: string;
  readonly encoding: 'native' | 'wasm';
}

let nativeEncoder: NativeOpusEncoderClass | undefined;
let engine: Promise<OpusEngine> | undefined;

/** Loads WebAssembly and addon, once per thread. Call it at start-up, before an Opus stream is set up. */
export function loadOpus(): Promise<OpusEngine> {
  engine ??= load();
  return engine;
}

async function load(): Promise<OpusEngine> {
  const [{ version }, native] = await Promise.all([loadLibopus(), loadNativeOpus()]);
  nativeEncoder = native;
  return { version, encoding: native ? 'native' : 'wasm' };
}

class OpusDecoder implements FrameDecoder {
  readonly sampleRate: number;
  private readonly handle: Pending<OpusDecoderHandle>;
  private readonly fecOptions: { decodeFec: true; frameSize: number };

  constructor(sampleRate: SampleRate) {
    this.sampleRate = sampleRate;
    this.handle = new Pending(createDecoder({ sampleRate, channels: 1 }));
    this.fecOptions = { decodeFec: true, frameSize: 0 };
  }

  decode(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
    const handle = this.handle.value;
    if (!handle || length < 1 || offset + length > payload.length) return 0;
    try {
      return copied(handle.decode(payload.subarray(offset, offset + length)), pcm);
    } catch {
      // Not an Opus packet, or one longer than 120 ms.
      return 0;
    }
  }

  conceal(samples: number, pcm: Int16Array): number {
    const grain = this.sampleRate / 400;
    const whole = Math.min(samples, pcm.length, (this.sampleRate * MAX_PACKET_MS) / 1000);
    const frameSize = whole - (whole % grain);
    const handle = this.handle.value;
    if (!handle || frameSize <= 0) return 0;
    return copied(handle.decodePacketLoss(frameSize), pcm);
  }

  recover(payload: Uint8Array, offset: number, length: number, pcm: Int16Array): number {
    const handle = this.handle.value;
    if (!handle || !hasOpusFec(payload, offset, length)) return 0;
    const frameSize = (opusFrameMs(payload[offset]!) * this.sampleRate) / 1000;
    if (frameSize > pcm.length) return 0;
    this.fecOptions.frameSize = frameSize;
    try {
      return copied(handle.decode(payload.subarray(offset, offset + length), this.fecOptions), pcm);
    } catch {
      return 0;
    }
  }

  close(): void {
    this.handle.close();
  }
}

class WasmEncoder implements FrameEncoder {
  readonly sampleRate: number;
  private readonly handle: Pending<OpusEncoderHandle>;
  private readonly encodeOptions = { maxPacketBytes: MAX_PAYLOAD_BYTES };

  constructor(options: OpusOptions) {
    this.sampleRate = options.sampleRate;
    this.handle = new Pending(
      createEncoder({
        sampleRate: options.sampleRate,
        channels: 1,
        application: Application.Voip,
        bitrate: bitrateOf(options),
        complexity: COMPLEXITY,
        fec: options.fec ?? true,
        dtx: options.dtx ?? false,
        packetLossPercent: EXPECTED_LOSS_PERCENT,
      }),
    );
  }

  encode(pcm: Int16Array, out: Uint8Array, offset: number): number {
    const packet = this.handle.value?.encode(pcm, this.encodeOptions);
    return packet ? written(packet, out, offset) : 0;
  }

  close(): void {
    this.handle.close();
  }
}

class NativeEncoder implements FrameEncoder {
  readonly sampleRate: number;
  private readonly encoder: NativeOpusEncoder;
  /** The addon reads from a Buffer: one, with a view for samples on the same memory. */
  private readonly input: Buffer;
  private readonly samples: Int16Array;

  constructor(Encoder: NativeOpusEncoderClass, options: OpusOptions) {
    this.sampleRate = options.sampleRate;
    this.samples = new Int16Array(samplesPerFrame(options.sampleRate));
    this.input = Buffer.from(this.samples.buffer);
    this.encoder = new Encoder(options.sampleRate, 1);
    this.encoder.applyEncoderCTL(EncoderCtl.SetApplication, Application.Voip);
    this.encoder.applyEncoderCTL(EncoderCtl.SetBitrate, bitrateOf(options));
    this.encoder.applyEncoderCTL(EncoderCtl.SetComplexity, COMPLEXITY);
    this.encoder.applyEncoderCTL(EncoderCtl.SetInBandFec, (options.fec ?? true) ? 1 : 0);
    this.encoder.applyEncoderCTL(EncoderCtl.SetPacketLossPercent, EXPECTED_LOSS_PERCENT);
    this.encoder.applyEncoderCTL(EncoderCtl.SetDtx, (options.dtx ?? false) ? 1 : 0);
  }

  encode(pcm: Int16Array, out: Uint8Array, offset: number): number {
    this.samples.set(pcm);
    return written(this.encoder.encode(this.input), out, offset);
  }
}

/**
 * A handle that the package only gives out asynchronously. With its module loaded that is a matter of microtasks, so the
 * handle is there before any tick or packet can ask for it; until then the stream is silent.
 */
class Pending<Handle extends { free(): void }> {
  value: Handle | undefined;
  private closed = false;

  constructor(promise: Promise<Handle>) {
    promise.then(
      (handle) => {
        if (this.closed) handle.free();
        else this.value = handle;
      },
      () => {
        // Out of memory for one more stream: it stays silent.
      },
    );
  }

  close(): void {
    this.closed = true;
    this.value?.free();
    this.value = undefined;
  }
}

function bitrateOf(options: OpusOptions): number {
  return options.bitrate ?? OPUS_BITRATE[options.sampleRate];
}

function copied(from: Int16Array, pcm: Int16Array): number {
  if (from.length <= pcm.length) {
    pcm.set(from);
    return from.length;
  }
  pcm.set(from.subarray(0, pcm.length));
  return pcm.length;
}

function written(packet: Uint8Array, out: Uint8Array, offset: number): number {
  if (packet.length <= DTX_BYTES) return 0;
  out.set(packet, offset);
  return packet.length;
}

/** Opus with its stream's options; `createEncoder` and `createDecoder` want `loadOpus` to have resolved. */
export function opus(options: OpusOptions): Codec {
  return {
    name: 'opus',
    clockRate: CLOCK_RATE,
    sampleRate: options.sampleRate,
    channels: SDP_CHANNELS,
    staticPayloadType: undefined,
    stateless: false,
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    createDecoder: () => new OpusDecoder(options.sampleRate),
    createEncoder: () =>
      nativeEncoder && options.native !== false ? new NativeEncoder(nativeEncoder, options) : new WasmEncoder(options),
  };
}
