import { ReceptionStats } from '../rtp/reception-stats.ts';
import {
  middleOfNtp,
  parseRtcp,
  type ReportBlock,
  RtcpFault,
  type RtcpPacket,
  roundTripMs,
  type SenderInfo,
  setNtpTime,
  writeCname,
  writeReport,
} from '../rtp/rtcp.ts';

/** Mean time between our reports; each interval is drawn from half to one and a half of it (RFC 3550 section 6.2). */
const INTERVAL_TICKS = 250;
const COMPOUND_BYTES = 512;

/** Filled in and written in turn for every report of the thread. */
const compound = new Uint8Array(COMPOUND_BYTES);
const block: ReportBlock = {
  ssrc: 0,
  fractionLost: 0,
  cumulativeLost: 0,
  highestSequence: 0,
  jitter: 0,
  lastSenderReport: 0,
  delaySinceLastSenderReport: 0,
};
const sender: SenderInfo = { ntpSeconds: 0, ntpFraction: 0, rtpTimestamp: 0, packets: 0, octets: 0 };
const received: RtcpPacket[] = [];

/**
 * The RTCP of one leg: counts what is received, reports it every five seconds or so, and learns the round trip from what
 * the peer reports. A BYE is ignored: SIP ends calls. NTP times are those of the monotonic clock, which RFC 3550 section 4
 * allows, so that a step of the wall clock is no jump here.
 */
export class RtcpSession {
  readonly reception: ReceptionStats;
  roundTripMs: number | undefined;
  /** Share of our packets that the peer lost lately, 0 to 1. */
  peerLoss = 0;
  readonly #ssrc: number;
  readonly #cname: string;
  /** Of the stream we listen to. */
  #source = 0;
  #dueTick: number;
  #draw: number;

  constructor(options: {
    readonly ssrc: number;
    readonly clockRate: number;
    readonly cname: string;
    readonly tick: number;
  }) {
    this.#ssrc = options.ssrc;
    this.#cname = options.cname;
    this.reception = new ReceptionStats({ clockRate: options.clockRate });
    this.#draw = options.ssrc;
    this.#dueTick = options.tick + this.#interval() / 2;
  }

  /** The stream goes on with another codec. */
  setClockRate(clockRate: number): void {
    this.reception.setClockRate(clockRate);
  }

  /** Counts one packet of the stream we listen to. */
  note(ssrc: number, sequence: number, timestamp: number, arrivalMs: number, paced: boolean): void {
    if (ssrc !== this.#source) {
      this.#source = ssrc;
      this.reception.reset();
    }
    this.reception.note(sequence, timestamp, arrivalMs, paced);
  }

  /** Takes a datagram from the RTCP port; false when it is no RTCP. */
  receive(bytes: Uint8Array, start: number, end: number, now: number): boolean {
    if (parseRtcp(bytes, start, end, received) !== RtcpFault.none) return false;
    for (const packet of received) {
      if (packet.type === 'senderReport' && packet.ssrc === this.#source)
        this.reception.noteSenderReport(packet.sender.ntpSeconds, packet.sender.ntpFraction, now);
      if (packet.type !== 'senderReport' && packet.type !== 'receiverReport') continue;
      for (const each of packet.blocks) if (each.ssrc === this.#ssrc) this.#takeBlock(each, now);
    }
    return true;
  }

  /** The report that is due in this tick, valid until the next call; undefined when none is. */
  due(tick: number, now: number, rtpTimestamp: number, packets: number, octets: number): Uint8Array | undefined {
    if (tick < this.#dueTick) return undefined;
    this.#dueTick = tick + this.#interval();
    setNtpTime(sender, now);
    sender.rtpTimestamp = rtpTimestamp >>> 0;
    sender.packets = packets;
    sender.octets = octets;
    const blocks = this.reception.received > 0 ? [block] : [];
    block.ssrc = this.#source;
    this.reception.report(block, now);
    const reported = writeReport(compound, 0, this.#ssrc, packets > 0 ? sender : undefined, blocks);
    return compound.subarray(0, writeCname(compound, reported, this.#ssrc, this.#cname));
  }

  #takeBlock(reported: ReportBlock, now: number): void {
    this.peerLoss = reported.fractionLost / 256;
    setNtpTime(sender, now);
    this.roundTripMs = roundTripMs(reported, middleOfNtp(sender.ntpSeconds, sender.ntpFraction)) ?? this.roundTripMs;
  }

  /** Spread by the SSRC, which is random: legs that came together do not report together. */
  #interval(): number {
    this.#draw = (Math.imul(this.#draw, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.round(INTERVAL_TICKS * (0.5 + this.#draw / 2 ** 32));
  }
}
