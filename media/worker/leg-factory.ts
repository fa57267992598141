import type { SampleRate } from '../audio/frame.ts';
import { samplesPerFrame } from '../audio/frame.ts';
import { ByteRing } from '../audio/ring.ts';
import type { Codec } from '../codec/codec.ts';
import { mulaw } from '../codec/g711.ts';
import { l16LittleEndian } from '../codec/l16.ts';
import { codecFor } from '../codec/table.ts';
import { Encodings } from '../conference/output.ts';
import type { LegId } from '../engine.ts';
import type { PacketIo, PacketSocket } from '../io/packet-io.ts';
import { Latch } from '../leg/latch.ts';
import type { MixerLeg } from '../leg/leg.ts';
import { LegMemory } from '../leg/leg-memory.ts';
import { ListeningLeg } from '../leg/listening-leg.ts';
import { RtpLeg, type RtpLegState } from '../leg/rtp-leg.ts';
import type { RtpTotals } from '../leg/rtp-totals.ts';
import { StreamLeg } from '../leg/stream-leg.ts';
import type { Clock } from '../time/clock.ts';
import type { LegSpec, Report, RtpLegSpec, StreamLegSpec } from './protocol.ts';

/** A codec that signalling negotiated and this mixer does not know is a bug: the offer was answered with it. */
function codecOf(spec: RtpLegSpec, sampleRate: SampleRate): Codec {
  const { name, clockRate, opus } = spec.codec;
  const codec = codecFor(name, clockRate, sampleRate, opus);
  if (!codec) throw new Error(`no codec ${name}/${clockRate}`);
  return codec;
}

/** Makes legs from their specs, and binds their ports. One per mixer thread. */
export class LegFactory {
  readonly #clock: Clock;
  readonly #host: string;
  readonly #io: PacketIo;
  readonly #totals: RtpTotals;
  readonly #report: (report: Report) => void;
  readonly #encodings = new Map<number, Encodings>();
  readonly #littleEndian = new Map<number, Codec>([8000, 16000, 24000].map((rate) => [rate, l16LittleEndian(rate)]));

  constructor(options: {
    readonly clock: Clock;
    readonly host: string;
    readonly io: PacketIo;
    readonly totals: RtpTotals;
    readonly report: (report: Report) => void;
  }) {
    this.#clock = options.clock;
    this.#host = options.host;
    this.#io = options.io;
    this.#totals = options.totals;
    this.#report = options.report;
  }

  /** Binds the RTP port and its odd neighbour; rejects with the system's error when one is taken. */
  async rtp(leg: LegId, spec: RtpLegSpec, sampleRate: SampleRate, tick: number): Promise<RtpLeg> {
    const memory = new LegMemory(spec.memory);
    const made = new RtpLeg({
      sampleRate,
      encodings: this.#encodingsAt(sampleRate),
      totals: this.#totals,
      origin: spec,
      cname: spec.cname,
      latch: new Latch(spec.remote.address, spec.remote.port, spec.alsoTrusted, memory),
      memory,
      state: this.#stateOf(spec, sampleRate),
      now: this.#clock.now(),
      tick,
      events: {
        latched: (address, port) => this.#report({ type: 'latched', leg, address, port }),
        digit: (digit) => this.#report({ type: 'dtmf', leg, digit }),
      },
    });
    let rtp: PacketSocket | undefined;
    try {
      rtp = await this.#io.open(this.#host, spec.port, false, (bytes, start, end, address, port, arrivedAt) => {
        made.receive(bytes, start, end, address, port, arrivedAt);
      });
      const rtcp = await this.#io.open(this.#host, spec.port + 1, true, (bytes, start, end, address, _port, at) => {
        made.receiveReport(bytes, start, end, address, at);
      });
      made.attach(rtp, rtcp);
    } catch (error) {
      rtp?.close();
      made.close();
      throw error;
    }
    return made;
  }

  /** Brings a leg to its spec, in a conference of this rate. */
  fit(leg: MixerLeg, spec: LegSpec, sampleRate: SampleRate): void {
    if (leg instanceof StreamLeg) leg.enter(sampleRate, this.#encodingsAt(sampleRate));
    if (leg instanceof RtpLeg && spec.kind === 'rtp')
      leg.enter(sampleRate, this.#encodingsAt(sampleRate), this.#stateOf(spec, sampleRate));
  }

  #stateOf(spec: RtpLegSpec, sampleRate: SampleRate): RtpLegState {
    return {
      codec: codecOf(spec, sampleRate),
      payloadType: spec.codec.payloadType,
      dtmfPayloadType: spec.dtmfPayloadType,
      dtmfClockRate: spec.dtmfClockRate ?? spec.codec.clockRate,
      comfortNoisePayloadType: spec.comfortNoisePayloadType,
      rtcpPort: spec.remote.rtcpPort,
      srtp: spec.srtp,
      direction: spec.direction,
      started: spec.started,
    };
  }

  stream(spec: StreamLegSpec, sampleRate: SampleRate): StreamLeg {
    const options = {
      codec: spec.encoding === 'PCMU' ? mulaw : this.#littleEndian.get(spec.sampleRate)!,
      sampleRate,
      encodings: this.#encodingsAt(sampleRate),
      inward: new ByteRing(spec.inward),
      outward: new ByteRing(spec.outward),
    };
    const { listensTo } = spec;
    return listensTo ? new ListeningLeg(options, listensTo.leg, listensTo.track) : new StreamLeg(options);
  }

  #encodingsAt(sampleRate: SampleRate): Encodings {
    let encodings = this.#encodings.get(sampleRate);
    if (!encodings) {
      encodings = new Encodings(sampleRate, samplesPerFrame(sampleRate));
      this.#encodings.set(sampleRate, encodings);
    }
    return encodings;
  }
}
