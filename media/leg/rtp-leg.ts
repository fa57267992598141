import { FRAME_MS } from '../audio/frame.ts';
import { isSilent } from '../audio/pcm.ts';
import type { Codec, FrameDecoder } from '../codec/codec.ts';
import type { Encodings, Output } from '../conference/output.ts';
import type { Direction, LegStats } from '../engine.ts';
import type { PacketSocket } from '../io/packet-io.ts';
import { parseRtp, RtpFault, RtpHeader } from '../rtp/packet.ts';
import { FrameKind, Playout } from '../rtp/playout.ts';
import { estimateQuality } from '../rtp/quality.ts';
import { DIGITS, NO_DIGIT, TelephoneEventReceiver } from '../rtp/telephone-event.ts';
import { REFUSED, SrtpReceiver } from '../srtp/srtp-receiver.ts';
import { SrtpSender } from '../srtp/srtp-sender.ts';
import type { SrtpSpec } from '../srtp/srtp-terms.ts';
import type { Latch } from './latch.ts';
import type { MixerLeg } from './leg.ts';
import type { LegMemory } from './leg-memory.ts';
import { RateBridge } from './rate-bridge.ts';
import { RtcpSession } from './rtcp-session.ts';
import { type RtpOrigin, RtpSender } from './rtp-sender.ts';
import { PlayoutTally, type RtpTotals } from './rtp-totals.ts';

/** The parts of a call that SIP may change while it lives. */
export interface RtpLegState {
  readonly codec: Codec;
  readonly payloadType: number;
  readonly dtmfPayloadType: number | undefined;
  /** Hz in which telephone-events count. */
  readonly dtmfClockRate: number;
  readonly comfortNoisePayloadType: number | undefined;
  readonly direction: Direction;
  readonly started: boolean;
  /** Where the peer takes RTCP; undefined = one above its RTP port. */
  readonly rtcpPort: number | undefined;
  /** Undefined: plain RTP. */
  readonly srtp: SrtpSpec | undefined;
}

export interface RtpLegEvents {
  latched(address: string, port: number): void;
  digit(digit: string): void;
}

/** Parsed in turn for every packet of the thread. */
const header = new RtpHeader();
const NOTHING = new Uint8Array(0);
/** How fast the loss shown follows the loss of each second. */
const LOSS_SMOOTHING = 1 / 8;

/** A member who speaks RTP. Owns its codec's memory and, from `attach` on, its sockets. */
export class RtpLeg implements MixerLeg {
  /** The leg's RTP port, from `attach` on. */
  socket: PacketSocket | undefined;
  /** When the last believable packet came, in ms. */
  lastHeardAt: number;
  packetsReceived = 0;
  #sampleRate: number;
  #encodings: Encodings;
  readonly #totals: RtpTotals;
  readonly #events: RtpLegEvents;
  readonly #latch: Latch;
  readonly #sender: RtpSender;
  readonly #rtcp: RtcpSession;
  #digits: TelephoneEventReceiver;
  #state: RtpLegState;
  #decoder!: FrameDecoder;
  #playout!: Playout;
  #tally = new PlayoutTally();
  /** What the playouts of the codecs spoken before counted. */
  #lostBefore = 0;
  #lateBefore = 0;
  #concealedBefore = 0;
  #framesBefore = 0;
  #bridge: RateBridge | undefined;
  #rtcpSocket: PacketSocket | undefined;
  /** Both or none. */
  #protector: SrtpSender | undefined;
  #unprotector: SrtpReceiver | undefined;
  /** Event packets came: digits may be due. */
  #dialling = false;
  #closed = false;
  #now: number;
  #lossShare = 0;
  /** Packets missing in time, and expected, up to the last second. */
  #missedLast = 0;
  #expectedLast = 0;

  constructor(options: {
    readonly sampleRate: number;
    readonly encodings: Encodings;
    readonly totals: RtpTotals;
    readonly origin: RtpOrigin;
    readonly cname: string;
    readonly latch: Latch;
    /** Where the stream is, for the next thread that has to send it. */
    readonly memory?: LegMemory;
    readonly state: RtpLegState;
    readonly events: RtpLegEvents;
    readonly now: number;
    /** Number of the next tick. */
    readonly tick: number;
  }) {
    this.#sampleRate = options.sampleRate;
    this.#encodings = options.encodings;
    this.#totals = options.totals;
    this.#sender = new RtpSender(options.origin, options.memory);
    this.#latch = options.latch;
    // A leg that is made again may have been started by learned packets alone.
    this.#state = options.latch.locked ? { ...options.state, started: true } : options.state;
    this.#events = options.events;
    this.#digits = new TelephoneEventReceiver(options.state.dtmfClockRate);
    this.#rtcp = new RtcpSession({
      ssrc: options.origin.ssrc,
      clockRate: options.state.codec.clockRate,
      cname: options.cname,
      tick: options.tick,
    });
    this.#now = options.now;
    this.lastHeardAt = options.now;
    this.#setCodec(options.state.codec);
    this.#setKeys(options.state.srtp);
  }

  /** The leg closes the sockets with itself. */
  attach(rtp: PacketSocket, rtcp: PacketSocket): void {
    this.socket = rtp;
    this.#rtcpSocket = rtcp;
    if (!this.#closed) return;
    rtp.close();
    rtcp.close();
  }

  update(state: RtpLegState): void {
    const before = this.#state;
    // Learned packets may have started it before signalling did.
    this.#state = { ...state, started: state.started || before.started };
    const resumes = listens(state.direction) && !listens(before.direction);
    // The silence of a hold says nothing about the peer.
    if (resumes) this.lastHeardAt = this.#now;
    this.#setKeys(state.srtp);
    if (state.dtmfClockRate !== before.dtmfClockRate) this.#digits = new TelephoneEventReceiver(state.dtmfClockRate);
    if (state.codec !== before.codec) {
      this.#leaveCodec();
      this.#setCodec(state.codec);
      this.#rtcp.setClockRate(state.codec.clockRate);
    } else if (resumes) {
      this.#playout.reset();
    }
  }

  /** Goes on in a conference of this rate. */
  enter(sampleRate: number, encodings: Encodings, state: RtpLegState): void {
    const sameRate = sampleRate === this.#sampleRate;
    this.#sampleRate = sampleRate;
    this.#encodings = encodings;
    if (!sameRate && state.codec === this.#state.codec) {
      this.#bridge = RateBridge.between(state.codec.sampleRate, sampleRate);
      this.#sender.setSource(state.codec, encodings, this.#bridge);
    }
    this.update(state);
  }

  moveTo(address: string, port: number): void {
    this.#latch.moveTo(address, port);
  }

  /** Digits for the peer; dropped when it did not negotiate telephone-event, or too many would wait. */
  sendDigits(digits: string): void {
    const { dtmfPayloadType, dtmfClockRate } = this.#state;
    if (dtmfPayloadType === undefined || !this.#sender.sendDigits(digits, dtmfClockRate))
      this.#totals.digitsDropped += digits.length;
  }

  /** Takes the datagram `bytes[start, end)` from the leg's RTP port. `now` is its arrival, in ms. */
  receive(bytes: Uint8Array, start: number, end: number, address: string, port: number, now: number): void {
    if (this.#closed) return;
    const { discarded } = this.#totals;
    const packetEnd = this.#unprotector === undefined ? end : this.#unprotector.unprotect(bytes, start, end);
    if (packetEnd === REFUSED) {
      discarded.srtp += 1;
      return;
    }
    if (parseRtp(bytes, start, packetEnd, header) !== RtpFault.none) {
      discarded.malformed += 1;
      return;
    }
    const { payloadType } = header;
    const state = this.#state;
    const isAudio = payloadType === state.payloadType;
    if (!isAudio && payloadType !== state.dtmfPayloadType && payloadType !== state.comfortNoisePayloadType) {
      discarded.payload_type += 1;
      return;
    }
    const wasLocked = this.#latch.locked;
    const verdict = this.#latch.judge(address, port, header.ssrc, now);
    if (verdict === 'foreign') {
      discarded.foreign += 1;
      return;
    }
    if (verdict === 'resync') {
      this.#playout.reset();
      this.#digits.reset(now);
    } else if (verdict === 'moved') this.#totals.rebinds += 1;
    this.#totals.packetsIn += 1;
    this.packetsReceived += 1;
    this.lastHeardAt = now;
    this.#rtcp.note(header.ssrc, header.sequence, header.timestamp, now, isAudio);
    if (!wasLocked && this.#latch.locked) this.#onLatched();
    if (!listens(state.direction)) {
      discarded.direction += 1;
      return;
    }
    const { sequence, timestamp, marker, payloadOffset, payloadLength } = header;
    if (isAudio) {
      this.#playout.insert(sequence, timestamp, marker, bytes, payloadOffset, payloadLength, now);
    } else if (payloadType === state.dtmfPayloadType) {
      this.#playout.noteOther(sequence);
      this.#digits.receive(timestamp, bytes, payloadOffset, payloadLength, now);
      this.#dialling = true;
    } else {
      this.#playout.insertComfortNoise(sequence, timestamp, bytes, payloadOffset, payloadLength, now);
    }
  }

  /** Takes a datagram from the leg's RTCP port: believed only from the host whose sound we hear. */
  receiveReport(bytes: Uint8Array, start: number, end: number, address: string, now: number): void {
    if (this.#closed) return;
    const { discarded } = this.#totals;
    if (address !== this.#latch.address) {
      discarded.foreign += 1;
      return;
    }
    const reportEnd = this.#unprotector === undefined ? end : this.#unprotector.unprotectReport(bytes, start, end);
    if (reportEnd === REFUSED) discarded.srtp += 1;
    else if (!this.#rtcp.receive(bytes, start, reportEnd, now)) discarded.malformed += 1;
  }

  pull(frame: Int16Array, now: number): boolean {
    const skipped = Math.round((now - this.#now) / FRAME_MS) - 1;
    if (skipped > 0) this.#playout.skip(skipped);
    this.#now = now;
    if (this.#dialling) this.#takeDigits(now);
    const bridge = this.#bridge;
    if (bridge === undefined) return this.#playout.pull(frame, now) !== FrameKind.silence && !isSilent(frame);
    if (this.#playout.pull(bridge.inward, now) === FrameKind.silence) bridge.inward.fill(0);
    bridge.toConference(frame);
    return !isSilent(frame);
  }

  push(output: Output, tick: number): void {
    const { direction, started, payloadType, dtmfPayloadType } = this.#state;
    const sender = this.#sender;
    if (!started) return sender.pause();
    const { address, port } = this.#latch;
    if (direction === 'sendrecv' || direction === 'sendonly') {
      const payload = sender.next(output, tick, payloadType, dtmfPayloadType);
      if (payload) {
        this.#totals.packetsOut += 1;
        const body = this.#protector === undefined ? payload : this.#protector.protect(sender.head, payload);
        this.socket?.send(sender.head, body, address, port);
      }
    } else {
      sender.pause();
    }
    const report = this.#rtcp.due(tick, this.#now, sender.timestampOf(tick), sender.packets, sender.octets);
    if (!report) return;
    const datagram = this.#protector === undefined ? report : this.#protector.protectReport(report);
    this.#rtcpSocket?.send(datagram, NOTHING, address, this.#state.rtcpPort ?? port + 1);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.count();
    this.socket?.close();
    this.#rtcpSocket?.close();
    this.#decoder.close?.();
    this.#sender.close();
  }

  /** Adds what the playout counted since the last call to the worker's totals. Called once a second. */
  count(): void {
    this.#tally.addTo(this.#totals, this.#playout.counters);
  }

  /** Called once a second: the loss it shows is that of the last seconds. */
  stats(): LegStats {
    const { counters, currentDelayMs } = this.#playout;
    const lost = this.#lostBefore + counters.lost;
    const concealed = this.#concealedBefore + counters.concealedFrames;
    const frames = this.#framesBefore + counters.frames;
    // To the ear a packet that came too late is a lost one.
    const missed = lost + this.#lateBefore + counters.late;
    const expected = this.packetsReceived + lost;
    const ofSecond = Math.max(0, missed - this.#missedLast) / Math.max(1, expected - this.#expectedLast);
    this.#lossShare += (Math.min(1, ofSecond) - this.#lossShare) * LOSS_SMOOTHING;
    this.#missedLast = missed;
    this.#expectedLast = expected;
    const { roundTripMs } = this.#rtcp;
    const delayMs = (roundTripMs ?? 0) / 2 + FRAME_MS + currentDelayMs;
    return {
      codec: this.#state.codec.name,
      packetsReceived: this.packetsReceived,
      packetsSent: this.#sender.packets,
      packetsLost: lost,
      framesConcealed: concealed,
      concealedShare: frames === 0 ? 0 : concealed / frames,
      jitterMs: this.#rtcp.reception.jitterMs,
      playoutDelayMs: currentDelayMs,
      roundTripMs,
      mos:
        this.packetsReceived === 0
          ? undefined
          : estimateQuality({ codec: this.#state.codec.name, lossShare: this.#lossShare, delayMs }).mos,
    };
  }

  #takeDigits(now: number): void {
    for (let event = this.#digits.next(now); event !== NO_DIGIT; event = this.#digits.next(now))
      this.#events.digit(DIGITS.charAt(event));
  }

  #onLatched(): void {
    // Five believable packets start a call whose ACK got lost as well as the ACK would.
    if (!this.#state.started) this.#state = { ...this.#state, started: true };
    this.#events.latched(this.#latch.address, this.#latch.port);
  }

  /** A key that stays keeps its streams. */
  #setKeys(srtp: SrtpSpec | undefined): void {
    if (srtp === undefined) {
      this.#protector = undefined;
      this.#unprotector = undefined;
      return;
    }
    if (!this.#protector?.has(srtp.send)) this.#protector = new SrtpSender(srtp.send);
    if (!this.#unprotector?.has(srtp.receive)) this.#unprotector = new SrtpReceiver(srtp.receive);
  }

  /** What the present codec counted stays in the leg's numbers. */
  #leaveCodec(): void {
    const { counters } = this.#playout;
    this.count();
    this.#lostBefore += counters.lost;
    this.#lateBefore += counters.late;
    this.#concealedBefore += counters.concealedFrames;
    this.#framesBefore += counters.frames;
    this.#decoder.close?.();
  }

  #setCodec(codec: Codec): void {
    this.#decoder = codec.createDecoder();
    this.#playout = new Playout({ clockRate: codec.clockRate, decoder: this.#decoder, seed: this.#sender.ssrc });
    this.#tally = new PlayoutTally();
    this.#bridge = RateBridge.between(codec.sampleRate, this.#sampleRate);
    this.#sender.setCodec(codec, this.#encodings, this.#bridge);
  }
}

/** Whether we take what the peer sends. */
function listens(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}
