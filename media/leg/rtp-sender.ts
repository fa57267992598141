import { FRAMES_PER_SECOND } from '../audio/frame.ts';
import type { Codec, FrameEncoder } from '../codec/codec.ts';
import type { Encodings, Output, SharedEncoding } from '../conference/output.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { EVENT_BYTES, TelephoneEventSender } from '../rtp/telephone-event.ts';
import { LegMemory } from './leg-memory.ts';
import type { RateBridge } from './rate-bridge.ts';

/** The start of an RTP stream: random, so that it cannot be guessed (RFC 3550 section 5.1). */
export interface RtpOrigin {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

/** The header of the packet made last, by any sender of the thread: one place that stays in the cache. */
const head = new Uint8Array(RTP_HEADER_BYTES);

/** Makes the packets of one outgoing stream, one a tick. The stream goes on when its codec changes. */
export class RtpSender {
  packets: number;
  /** Payload bytes sent. */
  octets: number;
  readonly #origin: RtpOrigin;
  readonly #memory: LegMemory;
  #sequence: number;
  #shared: SharedEncoding | undefined;
  #encoder: FrameEncoder | undefined;
  #bridge: RateBridge | undefined;
  /** Payloads of an encoder of its own, and of events. */
  #own = new Uint8Array(0);
  #event: Uint8Array | undefined;
  #digits: TelephoneEventSender | undefined;
  /** Hz in which `#digits` tells its durations. */
  #digitsClockRate = 0;
  #ticksPerFrame = 0;
  /** From this tick and timestamp on the present clock rate counts. */
  #baseTick: number;
  #baseTimestamp: number;
  /** Of the last packet: where another clock rate begins. */
  #lastTick: number;
  /** Set while packets flow without a gap; the first one after a gap carries the marker (RFC 3551 section 4.1). */
  #flowing = false;

  /** Where `memory` knows of packets, the stream goes on behind them, else it begins at its origin. */
  constructor(origin: RtpOrigin, memory = new LegMemory()) {
    this.#origin = origin;
    this.#memory = memory;
    this.packets = memory.packets;
    this.octets = memory.octets;
    const begun = memory.packets > 0;
    this.#sequence = begun ? memory.sequence : origin.sequence;
    this.#baseTimestamp = begun ? memory.timestamp : origin.timestamp;
    this.#baseTick = begun ? memory.tick : 0;
    this.#lastTick = begun ? memory.tick : -1;
  }

  get ssrc(): number {
    return this.#origin.ssrc;
  }

  /** From the next packet on. Timestamps go on from where they are, in the codec's own clock (RFC 7160 section 4.2). */
  setCodec(codec: Codec, encodings: Encodings, bridge: RateBridge | undefined): void {
    this.#encoder?.close?.();
    this.#encoder = undefined;
    this.setSource(codec, encodings, bridge);
    const ticksPerFrame = codec.clockRate / FRAMES_PER_SECOND;
    if (this.#ticksPerFrame > 0 && ticksPerFrame !== this.#ticksPerFrame) {
      this.#baseTimestamp = this.timestampOf(this.#lastTick + 1);
      this.#baseTick = this.#lastTick + 1;
    }
    this.#ticksPerFrame = ticksPerFrame;
    this.#flowing = false;
    this.#digits = undefined;
  }

  /** The same codec with the sound of another conference. */
  setSource(codec: Codec, encodings: Encodings, bridge: RateBridge | undefined): void {
    this.#shared = encodings.of(codec);
    this.#bridge = bridge;
    if (this.#shared) this.#encoder?.close?.();
    this.#encoder = this.#shared ? undefined : (this.#encoder ?? codec.createEncoder());
    this.#own = new Uint8Array(this.#shared ? 0 : codec.maxPayloadBytes);
  }

  /**
   * Queues digits; they take the place of sound while they last. `clockRate`: Hz in which their durations are told. False: too
   * many would wait, and none of these is sent.
   */
  sendDigits(digits: string, clockRate: number): boolean {
    if (this.#digits === undefined || clockRate !== this.#digitsClockRate) {
      this.#digits = new TelephoneEventSender(clockRate);
      this.#digitsClockRate = clockRate;
    }
    this.#event ??= new Uint8Array(EVENT_BYTES);
    return this.#digits.send(digits);
  }

  /** The RTP timestamp of the sound of a tick: follows the tick's number, sent or not. */
  timestampOf(tick: number): number {
    return this.#baseTimestamp + (tick - this.#baseTick) * this.#ticksPerFrame;
  }

  /** Nothing goes out in this tick: what follows is a new burst. */
  pause(): void {
    this.#flowing = false;
  }

  /** The header of the packet that `next` made. */
  get head(): Uint8Array {
    return head;
  }

  /**
   * Makes the packet of a tick: returns its payload and writes its header to `head`, both valid until the next call of any
   * sender in the thread. Undefined when the codec has nothing to send, or when the mixer that the stream comes from was ahead
   * and has sent this tick's.
   */
  next(output: Output, tick: number, payloadType: number, dtmfPayloadType: number | undefined): Uint8Array | undefined {
    if (tick <= this.#lastTick) return undefined;
    this.#lastTick = tick;
    const timestamp = this.timestampOf(tick);
    if (this.#digits?.busy && dtmfPayloadType !== undefined) {
      const event = this.#event!;
      if (this.#digits.next(timestamp, event, 0) > 0)
        return this.#finish(event, this.#digits.marker, dtmfPayloadType, this.#digits.timestamp);
    }
    if (this.#shared) return this.#finish(output.payload(this.#shared), !this.#flowing, payloadType, timestamp);
    if (output.silent) output.pcm.fill(0);
    const pcm = this.#bridge ? this.#bridge.toLeg(output.pcm) : output.pcm;
    const bytes = this.#encoder!.encode(pcm, this.#own, 0);
    if (bytes === 0) {
      this.pause();
      return undefined;
    }
    const payload = bytes === this.#own.length ? this.#own : this.#own.subarray(0, bytes);
    return this.#finish(payload, !this.#flowing, payloadType, timestamp);
  }

  close(): void {
    this.#encoder?.close?.();
  }

  #finish(payload: Uint8Array, marker: boolean, payloadType: number, timestamp: number): Uint8Array {
    writeRtpHeader(head, 0, marker, payloadType, this.#sequence, timestamp, this.#origin.ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#flowing = true;
    this.packets += 1;
    this.octets += payload.length;
    this.#memory.noteSent(this.#lastTick, this.timestampOf(this.#lastTick), this.#sequence, this.packets, this.octets);
    return payload;
  }
}
