/* What bad networks leave of speech: the playout on a fake clock, a minute for each. */
import { samplesPerFrame } from '../../../media/audio/frame.ts';
import type { Codec } from '../../../media/codec/codec.ts';
import { codecFor } from '../../../media/codec/table.ts';
import { FrameKind, Playout } from '../../../media/rtp/playout.ts';
import {
  bellShaped,
  type NetworkConditions,
  NetworkSimulator,
  stalling,
  steady,
  uneven,
} from '../../support/network-simulator.ts';
import { seededRandom } from '../../support/random.ts';
import { receive, speechLike } from '../../support/receiving-leg.ts';
import type { Table } from '../report/table.ts';
import { compareAligned, type Fidelity } from './fidelity.ts';
import { drawStack } from './picture.ts';

const RATE = 8000;
const SECONDS = 60;
const SETTLED_SECONDS = 10;
const SEEDS = [1, 2, 3];

interface Scene extends NetworkConditions {
  readonly name: string;
  readonly skewPpm?: number;
}

const SCENES: readonly Scene[] = [
  { name: 'clean, 30 ms' },
  { name: '1 % lost', loss: 0.01 },
  { name: '5 % lost', loss: 0.05 },
  { name: '10 % lost', loss: 0.1 },
  { name: '5 % lost in bursts of 3', burst: { share: 0.017, packets: 3 } },
  { name: '5 % reordered by 25 ms', reorder: 0.05 },
  { name: '10 % twice', duplicate: 0.1 },
  { name: 'jitter up to 40 ms', delay: uneven(30, 40) },
  { name: 'jitter up to 240 ms', delay: uneven(30, 240) },
  { name: 'bell-shaped jitter of 20 ms', delay: bellShaped(30, 20) },
  { name: 'a stall of 240 ms every 10 s', delay: stalling(30, 10_000, 240) },
  { name: 'sender 200 ppm fast', skewPpm: 200 },
  { name: 'sender 200 ppm slow', skewPpm: -200 },
  { name: '5 % lost, 2 % reordered, jitter up to 60 ms', loss: 0.05, reorder: 0.02, delay: uneven(30, 60) },
];

const decibels = (value: number): string => (value > 90 ? 'exact' : `${value.toFixed(1)} dB`);
const share = (value: number): string => `${(value * 100).toFixed(value > 0 && value < 0.001 ? 3 : 2)} %`;

function percentile(values: Float64Array, part: number): number {
  return values.slice().sort()[Math.floor(part * (values.length - 1))] ?? 0;
}

/** Share of frames, between the beginning and the end of the stream. */
function concealedIn(kinds: Uint8Array): number {
  const part = kinds.subarray(50, (SECONDS - 1) * 50);
  return part.filter((kind) => kind === FrameKind.concealed).length / part.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Speech in G.711's rate through each network: what is invented, how late it is heard, how close to what was said. */
export function networkTable(): Table {
  const speech = speechLike(RATE, SECONDS);
  const rows = SCENES.map(({ name, ...conditions }) => {
    const runs = SEEDS.map((seed) => {
      const heard = receive({ sound: speech, ...conditions, seed });
      const { counters } = heard.playout;
      const settled = heard.delays.slice(SETTLED_SECONDS * 50, (SECONDS - 1) * 50);
      const fidelity = compareAligned(speech, heard.sound, heard.kinds, heard.lead);
      return {
        concealed: concealedIn(heard.kinds),
        median: percentile(settled, 0.5),
        most: percentile(settled, 0.95),
        stretched: counters.stretched,
        ...fidelity,
      };
    });
    const of = (pick: (run: (typeof runs)[number]) => number): number => mean(runs.map(pick));
    return [
      name,
      share(of((run) => run.concealed)),
      `${of((run) => run.median).toFixed(0)} / ${of((run) => run.most).toFixed(0)} ms`,
      of((run) => run.stretched).toFixed(0),
      `${decibels(of((run) => run.snrDb))} (${decibels(of((run) => run.silencedDb))})`,
      `${share(of((run) => run.gaps))} (${share(of((run) => run.silencedGaps))})`,
    ];
  });
  const columns = [
    'network',
    'frames concealed',
    'playout delay, median / 95 %',
    'stretches a minute',
    'SNR (silence instead)',
    'gaps in speech (silence instead)',
  ];
  return { title: 'Networks', columns, rows };
}

/** The same speech in each codec through loss: against the codec's own output without loss. */
export async function lossTable(): Promise<Table> {
  const opus = (fec: boolean): Codec => codecFor('opus', 48_000, 8000, { fec, dtx: false })!;
  const rows: string[][] = [];
  for (const [name, codec] of [
    ['PCMU', codecFor('PCMU', 8000)!],
    ['G722', codecFor('G722', 8000)!],
    ['opus, 8 kHz', opus(true)],
    ['opus, 8 kHz, no error correction', opus(false)],
  ] as const) {
    const payloads = await encoded(codec);
    const clean = await listen(codec, payloads, {}, 1);
    for (const [what, conditions] of [
      ['1 %', { loss: 0.01 }],
      ['5 %', { loss: 0.05 }],
      ['10 %', { loss: 0.1 }],
      ['5 % in bursts of 3', { burst: { share: 0.017, packets: 3 } }],
    ] as const) {
      const runs: (Fidelity & Record<'rebuilt' | 'concealed' | 'delay', number>)[] = [];
      for (const seed of SEEDS) {
        const heard = await listen(codec, payloads, conditions, seed);
        const { counters } = heard.playout;
        runs.push({
          rebuilt: counters.lost === 0 ? 0 : counters.recovered / counters.lost,
          concealed: concealedIn(heard.kinds),
          delay: percentile(heard.delays.slice(SETTLED_SECONDS * 50, (SECONDS - 1) * 50), 0.5),
          ...compareAligned(clean.sound, heard.sound, heard.kinds, 0),
        });
      }
      const of = (pick: (run: (typeof runs)[number]) => number): number => mean(runs.map(pick));
      rows.push([
        name,
        what,
        of((run) => run.rebuilt) > 0 ? `${(of((run) => run.rebuilt) * 100).toFixed(0)} %` : 'none',
        share(of((run) => run.concealed)),
        `${of((run) => run.delay).toFixed(0)} ms`,
        `${decibels(of((run) => run.snrDb))} (${decibels(of((run) => run.silencedDb))})`,
        `${share(of((run) => run.gaps))} (${share(of((run) => run.silencedGaps))})`,
      ]);
    }
  }
  const columns = [
    'codec',
    'lost',
    'rebuilt',
    'frames concealed',
    'playout delay',
    'SNR (silence instead)',
    'gaps in speech (silence instead)',
  ];
  return { title: 'Loss by codec', columns, rows };
}

async function encoded(codec: Codec): Promise<Uint8Array[]> {
  const encoder = codec.createEncoder();
  await new Promise((resolve) => setImmediate(resolve));
  const size = samplesPerFrame(codec.sampleRate);
  const speech = speechLike(codec.sampleRate, SECONDS);
  const out = new Uint8Array(codec.maxPayloadBytes);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at + size <= speech.length; at += size)
    payloads.push(out.slice(0, encoder.encode(speech.subarray(at, at + size), out, 0)));
  encoder.close?.();
  return payloads;
}

/** One stream of packets into a playout, tick by tick. */
async function listen(codec: Codec, payloads: readonly Uint8Array[], conditions: NetworkConditions, seed: number) {
  const decoder = codec.createDecoder();
  await new Promise((resolve) => setImmediate(resolve));
  const playout = new Playout({ clockRate: codec.clockRate, decoder });
  const network = new NetworkSimulator<number>({ delay: steady(30), ...conditions }, seededRandom(seed));
  const frame = new Int16Array(samplesPerFrame(codec.sampleRate));
  const sound = new Int16Array(payloads.length * frame.length);
  const kinds = new Uint8Array(payloads.length);
  const delays = new Float64Array(payloads.length);
  const ticks = codec.clockRate / 50;
  for (let tick = 0; tick < payloads.length; tick++) {
    network.send(tick, tick * 20);
    network.deliver(tick * 20 + 7, (index, arrivalMs) => {
      const payload = payloads[index]!;
      playout.insert(index & 0xffff, (index * ticks) | 0, index === 0, payload, 0, payload.length, arrivalMs);
    });
    kinds[tick] = playout.pull(frame, tick * 20 + 7);
    sound.set(frame, tick * frame.length);
    delays[tick] = playout.currentDelayMs;
  }
  decoder.close?.();
  return { playout, sound, kinds, delays };
}

/** In the middle of a vowel. */
const PICTURE_FROM = 3.64;
const PICTURE_MS = 220;

/** A fifth of a second in which packets are lost: said, with silence in their place, and as it is heard. */
export function concealmentPicture(): string {
  const speech = speechLike(RATE, 6);
  const heard = receive({
    sound: speech,
    tamper: (packet, index) => ([185, 189].includes(index) ? undefined : packet),
  });
  const from = Math.round(PICTURE_FROM * RATE);
  const length = (PICTURE_MS * RATE) / 1000;
  const wave = (pick: (i: number) => number) =>
    Array.from({ length: length / 2 }, (_, i) => [(i * 2000) / RATE, pick(from + 2 * i) / 1000] as const);
  const silenced = (i: number): number => {
    const at = heard.lead + i;
    return heard.kinds[Math.floor(at / 160)] === FrameKind.concealed ? 0 : heard.sound[at]!;
  };
  const x = { label: 'ms', min: 0, max: PICTURE_MS, ticks: [0, 40, 80, 120, 160, 200] };
  const y = { label: 'thousands', min: -12, max: 12, ticks: [-10, 0, 10] };
  return drawStack('Speech of which two packets are lost', [
    { x, y, lines: [{ name: 'said', points: wave((i) => speech[i]!) }] },
    { x, y, lines: [{ name: 'silence in place of the lost', points: wave(silenced) }] },
    { x, y, lines: [{ name: 'heard', points: wave((i) => heard.sound[heard.lead + i]!) }] },
  ]);
}

const SHOWN_SECONDS = 90;
const STALL_MS = 60_000;

/** How the delay follows the network: a change of path, a jittery stretch, a stall. */
export function delayPicture(): string {
  const random = seededRandom(9);
  const transit = (sendMs: number): number => {
    if (sendMs >= STALL_MS - 240 && sendMs < STALL_MS) return 40 + STALL_MS - sendMs;
    if (sendMs >= 10_000 && sendMs < 25_000) return 40 + random() * 80;
    return 40;
  };
  const arrivals: [number, number][] = [];
  const heard = receive({
    sound: speechLike(RATE, SHOWN_SECONDS),
    delay: (sendMs) => {
      const ms = transit(sendMs);
      arrivals.push([sendMs / 1000, ms - 40]);
      return ms;
    },
  });
  const seconds = Array.from(heard.delays, (ms, tick) => [tick / 50, ms] as const).slice(50, (SHOWN_SECONDS - 1) * 50);
  const thin = <T>(all: readonly T[], step: number): T[] => all.filter((_, i) => i % step === 0);
  return drawStack('Playout delay through a quiet, a jittery and a stalling network', [
    {
      x: { label: '', min: 0, max: SHOWN_SECONDS, ticks: [0, 15, 30, 45, 60, 75, 90] },
      y: { label: 'ms', min: 0, max: 300, ticks: [0, 100, 200, 300] },
      lines: [{ name: 'delay that the network adds', points: thin(arrivals, 3) }],
    },
    {
      x: { label: 'seconds', min: 0, max: SHOWN_SECONDS, ticks: [0, 15, 30, 45, 60, 75, 90] },
      y: { label: 'ms', min: 0, max: 300, ticks: [0, 100, 200, 300] },
      lines: [{ name: 'delay of what is heard', points: thin(seconds, 5) }],
    },
  ]);
}
