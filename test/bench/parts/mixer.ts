import { mulaw } from '../../../media/codec/g711.ts';
import type { PacketHandler, PacketIo, PacketSocket } from '../../../media/io/packet-io.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../media/rtp/packet.ts';
import type { Clock } from '../../../media/time/clock.ts';
import { MixerWorker } from '../../../media/worker/mixer-worker.ts';
import { rtpSpec } from '../../support/rtp-spec.ts';
import { tone } from '../../support/tones.ts';
import { toneHz } from '../load/generator.ts';
import { median } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, ratio } from '../report/table.ts';

const FRAME_MS = 20;
const FRAME_SAMPLES = 160;
const SAMPLE_RATE = 8000;
const ROOM_SIZE = 4;
const TALKERS = 2;
const HOST = '127.0.0.1';
const FIRST_PORT = 10_000;
const WARM_TICKS = 100;
/** About so many frames of one leg make a measurement. */
const FRAMES = 400_000;
/** Rounds of a measurement, of which the median counts. */
const ROUNDS = 5;

interface Cost {
  readonly legs: number;
  /** us of CPU for one leg and one tick. */
  readonly us: number;
}

/** Time that moves when it is told to. */
class SteppedClock implements Clock {
  ms = 0;

  now(): number {
    return this.ms;
  }

  setTimeout(): () => void {
    return () => {};
  }
}

interface Line extends PacketSocket {
  readonly onPacket: PacketHandler;
  readonly packet: Uint8Array;
}

/** Sockets that swallow what is sent, and have one packet each when they are asked. */
class NoNetwork implements PacketIo {
  sent = 0;
  sequence = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(_host: string, port: number, _quiet: boolean, onPacket: PacketHandler): Promise<PacketSocket> {
    const send = (): void => {
      this.sent += 1;
    };
    const packet = packetOf((port - FIRST_PORT) >> 1);
    const line: Line = { port, onPacket, packet, send, close: () => {} };
    return Promise.resolve(line);
  }

  receive(sockets: readonly PacketSocket[]): void {
    const { sequence } = this;
    for (let i = 0; i < sockets.length; i++) {
      const { packet, onPacket, port } = sockets[i] as Line;
      const leg = (port - FIRST_PORT) >> 1;
      writeRtpHeader(packet, 0, sequence === 1, 0, sequence & 0xffff, (sequence * FRAME_SAMPLES) >>> 0, leg + 1);
      onPacket(packet, 0, packet.length, HOST, 40_000 + leg, this.#clock.now());
    }
  }

  receiveQuiet(): void {}

  flush(): void {}
}

/** What the mixer costs by itself: the thread's code without its thread, clock and sockets. */
export const mixer: Part = {
  name: 'mixer',
  about: 'the mixer alone, without network: CPU per leg as legs grow',
  async run(bench: Bench): Promise<PartResult> {
    const counts =
      bench.legs.length > 0
        ? bench.legs
        : bench.pick({ tiny: [8], short: [20, 400, 2000], full: [20, 100, 400, 1000, 2000] });
    const costs: Cost[] = [];
    const faults: string[] = [];
    for (const count of counts) {
      const rounds: Cost[] = [];
      for (let round = 0; round < bench.pick({ tiny: 1, short: ROUNDS, full: ROUNDS }); round++) {
        const measured = await measure(count, bench.pick({ tiny: 50, short: FRAMES / count, full: FRAMES / count }));
        if (measured.sent < measured.due)
          faults.push(`mixer, ${count} legs: ${measured.due - measured.sent} packets not sent`);
        rounds.push(measured);
      }
      const us = median(rounds.map((each) => each.us));
      costs.push({ legs: count, us });
      bench.progress(`${count} legs: ${digits(us)} us a leg and tick`);
    }
    const base = costs[0]?.us ?? Number.NaN;
    return {
      tables: [
        {
          title: `The mixer without network (rooms of ${ROOM_SIZE}, ${TALKERS} talk), us of CPU for one leg and tick`,
          columns: ['legs', 'us', 'against the first'],
          rows: costs.map(({ legs, us }) => [legs, digits(us), ratio(us, base)]),
        },
      ],
      data: costs,
      notes: [
        'What grows with the number of legs is the time to fetch their state from memory: they do the same work.',
      ],
      faults,
    };
  },
};

async function measure(count: number, ticks: number): Promise<Cost & { sent: number; due: number }> {
  const clock = new SteppedClock();
  const io = new NoNetwork(clock);
  const worker = new MixerWorker({ index: 0, clock, rtpHost: HOST, io, report: () => {} });
  for (let room = 0; room * ROOM_SIZE < count; room++)
    worker.command({
      type: 'open-conference',
      conference: `room-${room}`,
      sampleRate: SAMPLE_RATE,
      floor: { maxTalkers: 0, noiseGate: false },
    });
  for (let leg = 0; leg < count; leg++) openLeg(worker, leg);
  // Ports are bound in a later turn of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
  const mix = (): void => {
    io.sequence += 1;
    worker.tick(io.sequence, 0, 0);
    clock.ms += FRAME_MS;
  };
  for (let i = 0; i < WARM_TICKS; i++) mix();
  io.sent = 0;
  const whole = Math.ceil(ticks);
  const begun = performance.now();
  for (let i = 0; i < whole; i++) mix();
  const all = performance.now() - begun;
  const { sent } = io;
  worker.close();
  return { legs: count, us: (all * 1000) / (whole * count), sent, due: whole * count };
}

const portOf = (leg: number): number => FIRST_PORT + 2 * leg;

function openLeg(worker: MixerWorker, leg: number): void {
  worker.command({
    type: 'open-leg',
    conference: `room-${Math.floor(leg / ROOM_SIZE)}`,
    leg: leg + 1,
    state: {},
    spec: rtpSpec(portOf(leg), {
      remote: { address: HOST, port: 40_000 + leg },
      cname: `leg-${leg}`,
      ssrc: leg + 1,
      sequence: 0,
      timestamp: 0,
    }),
  });
}

function packetOf(leg: number): Uint8Array {
  const packet = new Uint8Array(RTP_HEADER_BYTES + FRAME_SAMPLES);
  const seat = leg % ROOM_SIZE;
  const samples =
    seat < TALKERS ? tone(SAMPLE_RATE, FRAME_SAMPLES, { hz: toneHz(seat), db: -18 }) : new Int16Array(FRAME_SAMPLES);
  mulaw.createEncoder().encode(samples, packet, RTP_HEADER_BYTES);
  return packet;
}
