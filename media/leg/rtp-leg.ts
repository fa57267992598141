import { isSilent } from '../audio/pcm.ts';
import type { Codec, FrameDecoder, FrameEncoder } from '../codec/codec.ts';
import type { Encodings, Output, SharedEncoding } from '../conference/output.ts';
import type { Direction, LegStats } from '../engine.ts';
import type { PacketSocket } from '../io/packet-io.ts';
import { parseRtp, RTP_HEADER_BYTES, RtpFault, RtpHeader, writeRtpHeader } from '../rtp/packet.ts';
import { FrameKind, Playout } from '../rtp/playout.ts';
import type { Latch } from './latch.ts';
import type { MixerLeg } from './leg.ts';
import { RateBridge } from './rate-bridge.ts';
import { PlayoutTally, type RtpTotals } from './rtp-totals.ts';

/** The parts of a call that SIP may change while it lives. */
export interface RtpLegState {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly dtmfPayloadType: number | undefined;
  readonly direction: Direction;
  readonly started: boolean;
}

/** The start of an RTP stream: random, so that it cannot be guessed (RFC 3550 section 5.1). */
export interface RtpOrigin {
  readonly ssrc: number;
  readonly sequence: number;
  readonly timestamp: number;
}

export interface RtpLegEvents {
  latched(address: string, port: number): void;
}

/** Parsed in turn for every packet of the thread. */
const header = new RtpHeader();

/** A member who speaks RTP. Owns its playout, its encoder and, from `attach` on, its socket. */
export class RtpLeg implements MixerLeg {
  /** When the last believable packet came, in ms. */
  lastHeardAt: number;
  packetsReceived = 0;
  packetsSent = 0;
  readonly #sampleRate: number;
  readonly #encodings: Encodings;
  readonly #totals: RtpTotals;
  readonly #origin: RtpOrigin;
  readonly #events: RtpLegEvents;
  readonly #latch: Latch;
  #state: RtpLegState;
  #decoder!: FrameDecoder;
  #playout!: Playout;
  #shared: SharedEncoding | undefined;
  #encoder: FrameEncoder | undefined;
  #bridge: RateBridge | undefined;
  #socket: PacketSocket | undefined;
  #packet = new Uint8Array(0);
  #ticksPerFrame = 0;
  #sequence: number;
  /** Set while packets flow without a gap; the first one after a gap carries the marker (RFC 3551 section 4.1). */
  #talkspurt = false;
  #closed = false;
  #tally = new PlayoutTally();

  constructor(options: {
    readonly sampleRate: number;
    readonly encodings: Encodings;
    readonly totals: RtpTotals;
    readonly origin: RtpOrigin;
    readonly latch: Latch;
    readonly state: RtpLegState;
    readonly events: RtpLegEvents;
    readonly now: number;
  }) {
    this.#sampleRate = options.sampleRate;
    this.#encodings = options.encodings;
    this.#totals = options.totals;
    this.#origin = options.origin;
    this.#sequence = options.origin.sequence;
    this.#latch = options.latch;
    this.#state = options.state;
    this.#events = options.events;
    this.lastHeardAt = options.now;
    this.#setCodec(options.state.codec);
  }

  get playout(): Playout {
    return this.#playout;
  }

  /** The leg closes the socket with itself. */
  attach(socket: PacketSocket): void {
    this.#socket = socket;
    if (this.#closed) socket.close();
  }

  update(state: RtpLegState): void {
    const codecChanged = state.codec !== this.#state.codec;
    const hears = state.direction === 'sendrecv' || state.direction === 'recvonly';
    const heard = this.#state.direction === 'sendrecv' || this.#state.direction === 'recvonly';
    this.#state = state;
    if (codecChanged) {
      this.#releaseCodec();
      this.#setCodec(state.codec);
    } else if (hears && !heard) {
      this.#playout.reset();
    }
  }

  moveTo(address: string, port: number): void {
    this.#latch.moveTo(address, port);
  }

  /** Takes the datagram `bytes[start, end)` from the leg's port. `now` is its arrival, in ms. */
  receive(bytes: Uint8Array, start: number, end: number, address: string, port: number, now: number): void {
    if (this.#closed) return;
    const totals = this.#totals;
    if (parseRtp(bytes, start, end, header) !== RtpFault.none) {
      totals.discarded.malformed += 1;
      return;
    }
    const { payloadType } = header;
    const isAudio = payloadType === this.#state.payloadType;
    if (!isAudio && payloadType !== this.#state.dtmfPayloadType) {
      totals.discarded.payload_type += 1;
      return;
    }
    const wasLocked = this.#latch.locked;
    const verdict = this.#latch.judge(address, port, header.ssrc, now);
    if (verdict === 'foreign') {
      totals.discarded.foreign += 1;
      return;
    }
    if (verdict === 'resync') this.#playout.reset();
    totals.packetsIn += 1;
    this.packetsReceived += 1;
    this.lastHeardAt = now;
    if (!wasLocked && this.#latch.locked) this.#onLatched();
    if (this.#state.direction === 'sendonly' || this.#state.direction === 'inactive') {
      totals.discarded.direction += 1;
      return;
    }
    if (isAudio) {
      const { sequence, timestamp, marker, payloadOffset, payloadLength } = header;
      this.#playout.insert(sequence, timestamp, marker, bytes, payloadOffset, payloadLength, now);
    }
  }

  pull(frame: Int16Array, now: number): boolean {
    const bridge = this.#bridge;
    if (bridge === undefined) return this.#playout.pull(frame, now) !== FrameKind.silence && !isSilent(frame);
    if (this.#playout.pull(bridge.inward, now) === FrameKind.silence) bridge.inward.fill(0);
    bridge.toConference(frame);
    return !isSilent(frame);
  }

  push(output: Output, tick: number): void {
    const { direction, started } = this.#state;
    if (!started || direction === 'recvonly' || direction === 'inactive') {
      this.#talkspurt = false;
      return;
    }
    const packet = this.#packet;
    let length: number;
    if (this.#shared) {
      packet.set(output.payload(this.#shared), RTP_HEADER_BYTES);
      length = packet.length;
    } else {
      length = RTP_HEADER_BYTES + this.#encode(output);
      if (length === RTP_HEADER_BYTES) {
        this.#talkspurt = false;
        return;
      }
    }
    const timestamp = this.#origin.timestamp + tick * this.#ticksPerFrame;
    writeRtpHeader(packet, 0, !this.#talkspurt, this.#state.payloadType, this.#sequence, timestamp, this.#origin.ssrc);
    this.#talkspurt = true;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.packetsSent += 1;
    this.#totals.packetsOut += 1;
    const whole = length === packet.length ? packet : packet.subarray(0, length);
    this.#socket?.send(whole, this.#latch.address, this.#latch.port);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.count();
    this.#socket?.close();
    this.#releaseCodec();
  }

  /** Adds what the playout counted since the last call to the worker's totals. Called once a second. */
  count(): void {
    this.#tally.addTo(this.#totals, this.#playout.counters);
  }

  stats(): LegStats {
    const { counters } = this.#playout;
    return {
      packetsReceived: this.packetsReceived,
      packetsSent: this.packetsSent,
      packetsLost: counters.lost,
      framesConcealed: counters.concealedFrames,
      jitterMs: 0,
      playoutDelayMs: this.#playout.currentDelayMs,
      roundTripMs: undefined,
      mos: undefined,
    };
  }

  #onLatched(): void {
    // Five believable packets start a call whose ACK got lost as well as the ACK would.
    if (!this.#state.started) this.#state = { ...this.#state, started: true };
    this.#events.latched(this.#latch.address, this.#latch.port);
  }

  #setCodec(codec: Codec): void {
    this.#decoder = codec.createDecoder();
    this.#playout = new Playout({ clockRate: codec.clockRate, decoder: this.#decoder });
    this.#tally = new PlayoutTally();
    this.#ticksPerFrame = codec.clockRate / 50;
    this.#shared = this.#encodings.of(codec);
    this.#encoder = this.#shared ? undefined : codec.createEncoder();
    this.#bridge =
      codec.sampleRate === this.#sampleRate ? undefined : new RateBridge(codec.sampleRate, this.#sampleRate);
    this.#packet = new Uint8Array(RTP_HEADER_BYTES + codec.maxPayloadBytes);
  }

  #encode(output: Output): number {
    if (output.silent) output.pcm.fill(0);
    const pcm = this.#bridge ? this.#bridge.toLeg(output.pcm) : output.pcm;
    return this.#encoder!.encode(pcm, this.#packet, RTP_HEADER_BYTES);
  }

  #releaseCodec(): void {
    this.#decoder.close?.();
    this.#encoder?.close?.();
  }
}
