/* What a codec costs and carries. */
import { type SampleRate, samplesPerFrame } from '../../../media/audio/frame.ts';
import type { Codec } from '../../../media/codec/codec.ts';
import { OPUS_BITRATE } from '../../../media/codec/opus.ts';
import { codecFor } from '../../../media/codec/table.ts';
import { RateBridge } from '../../../media/leg/rate-bridge.ts';
import { seededRandom } from '../../support/random.ts';
import { speechLike } from '../../support/receiving-leg.ts';
import type { Table } from '../report/table.ts';
import { drawChart } from './picture.ts';
import { spectrumOf, thinned } from './spectrum.ts';

interface Listed {
  readonly name: string;
  readonly codec: Codec;
  readonly carries: string;
  readonly concealment: string;
}

const PITCH = 'pitch repetition (G.711 App. I)';
const OWN = 'its own, and error correction';
const FRAMES = 100;
const RUNS = 9;
const RUN_MICROSECONDS = 20_000;

function listed(): Listed[] {
  const of = (name: string, clockRate: number, rate: SampleRate = 8000): Codec => {
    const codec = codecFor(name, clockRate, rate);
    if (!codec) throw new Error(`no codec ${name}`);
    return codec;
  };
  return [
    { name: '`PCMU`', codec: of('PCMU', 8000), carries: '4 kHz', concealment: PITCH },
    { name: '`PCMA`', codec: of('PCMA', 8000), carries: '4 kHz', concealment: PITCH },
    { name: '`G722`', codec: of('G722', 8000), carries: '7 kHz', concealment: PITCH },
    ...([8000, 16_000, 48_000] as const).map((rate) => ({
      name: `\`opus\`, MPC of ${rate / 1000} kHz`,
      codec: of('opus', 48_000, rate),
      carries: { 8000: '4 kHz', 16000: '8 kHz', 48000: '20 kHz' }[rate],
      concealment: OWN,
    })),
    ...([8000, 16_000, 48_000] as const).map((rate) => ({
      name: `\`L16\`, ${rate / 1000} kHz`,
      codec: of('L16', rate),
      carries: `${rate / 2000} kHz`,
      concealment: PITCH,
    })),
  ];
}

/** CPU time in µs of one call, the best of some runs; other work on the machine hardly shows in it. */
function cost(step: (k: number) => void): number {
  let rounds = FRAMES;
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    for (let k = 0; k < rounds; k++) step(k % FRAMES);
    const { user, system } = process.cpuUsage(before);
    const each = Math.max((user + system) / rounds, 0.01);
    if (run > 1) best = Math.min(best, each);
    rounds = Math.max(FRAMES, Math.round(RUN_MICROSECONDS / each));
  }
  return best;
}

const micro = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** Codecs as rows: rates, bytes, cost of a frame, concealment. */
export async function codecTable(): Promise<Table> {
  const rows: string[][] = [];
  for (const { name, codec, carries, concealment } of listed()) {
    const [encoder, decoder] = [codec.createEncoder(), codec.createDecoder()];
    await new Promise((resolve) => setImmediate(resolve));
    const samples = samplesPerFrame(codec.sampleRate);
    const speech = speechLike(codec.sampleRate, FRAMES / 50);
    const frames = Array.from({ length: FRAMES }, (_, k) => speech.slice(k * samples, (k + 1) * samples));
    const out = new Uint8Array(codec.maxPayloadBytes);
    const payloads = frames.map((frame) => out.slice(0, encoder.encode(frame, out, 0)));
    const pcm = new Int16Array(samples);
    const bytes = payloads.reduce((sum, { length }) => sum + length, 0) / FRAMES;
    rows.push([
      name,
      `${codec.clockRate / 1000} kHz`,
      `${codec.sampleRate / 1000} kHz`,
      carries,
      codec.stateless || codec.name === 'G722' ? String(codec.maxPayloadBytes) : `about ${bytes.toFixed(0)}`,
      micro(cost((k) => void encoder.encode(frames[k]!, out, 0))),
      micro(cost((k) => void decoder.decode(payloads[k]!, 0, payloads[k]!.length, pcm))),
      concealment,
    ]);
    encoder.close?.();
    decoder.close?.();
  }
  const columns = [
    'codec',
    'RTP clock',
    'sampled at',
    'carries',
    'bytes / 20 ms',
    'encode µs',
    'decode µs',
    'concealment',
  ];
  return { title: 'Codecs', columns, rows };
}

/** What it costs when a leg and its MPC run at different rates: one frame in and one out. */
export function bridgeCosts(): ReadonlyMap<string, string> {
  const costs = new Map<string, string>();
  for (const [a, b] of [
    [8000, 16_000],
    [8000, 48_000],
    [16_000, 48_000],
  ] as const) {
    const bridge = new RateBridge(a, b);
    const [inward, outward] = [speechLike(a, 1), speechLike(b, 1)];
    const frame = new Int16Array(samplesPerFrame(b));
    bridge.inward.set(inward.subarray(0, bridge.inward.length));
    const sounding = outward.subarray(0, frame.length);
    const both = cost(() => {
      bridge.toConference(frame);
      bridge.toLeg(sounding);
    });
    costs.set(`${a}:${b}`, micro(both));
  }
  return costs;
}

/** Noise of all frequencies, through each codec. */
export async function codecPicture(): Promise<string> {
  const lines = [];
  for (const [name, codec] of [
    ['PCMU', codecFor('PCMU', 8000)],
    ['G722', codecFor('G722', 8000)],
    [`Opus, ${OPUS_BITRATE[48_000] / 1000} kbit/s`, codecFor('opus', 48_000, 48_000)],
  ] as const) {
    if (!codec) throw new Error(`no ${name}`);
    const { sampleRate } = codec;
    const heard = await through(codec, noise(sampleRate, 4));
    const size = sampleRate === 48_000 ? 4096 : 2048;
    const spectrum = spectrumOf(heard.subarray(sampleRate), sampleRate, size);
    const level = mean(spectrum.filter(({ hz }) => hz > 500 && hz < 2500).map(({ db }) => db));
    const points = thinned(spectrum, 160).map(({ hz, db }) => [hz / 1000, db - level] as const);
    lines.push({ name, points: points.filter(([kHz]) => kHz < sampleRate / 2000 - 0.05) });
  }
  return drawChart({
    title: 'What each codec carries: white noise through it',
    x: { label: 'kHz', min: 0, max: 24, ticks: [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24] },
    y: { label: 'dB', min: -50, max: 20, ticks: [-40, -20, 0, 20] },
    lines,
  });
}

async function through(codec: Codec, sound: Int16Array): Promise<Int16Array> {
  const [encoder, decoder] = [codec.createEncoder(), codec.createDecoder()];
  await new Promise((resolve) => setImmediate(resolve));
  const size = samplesPerFrame(codec.sampleRate);
  const out = new Uint8Array(codec.maxPayloadBytes);
  const heard = new Int16Array(sound.length);
  for (let at = 0; at + size <= sound.length; at += size) {
    const bytes = encoder.encode(sound.subarray(at, at + size), out, 0);
    decoder.decode(out, 0, bytes, heard.subarray(at, at + size));
  }
  encoder.close?.();
  decoder.close?.();
  return heard;
}

function noise(sampleRate: number, seconds: number): Int16Array {
  const random = seededRandom(4);
  return Int16Array.from({ length: sampleRate * seconds }, () => (random() - 0.5) * 12_000);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
