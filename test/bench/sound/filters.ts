/* Resamplers and limiter, measured from outside: tones in, levels out. */
import { samplesPerFrame } from '../../../media/audio/frame.ts';
import { Limiter } from '../../../media/audio/limiter.ts';
import { Resampler } from '../../../media/audio/resample.ts';
import { levelAt, rmsDb, sinad, tone } from '../../support/tones.ts';
import type { Table } from '../report/table.ts';
import { drawChart } from './picture.ts';
import { spectrumOf, thinned } from './spectrum.ts';

const RATES = [8000, 16_000, 48_000];
const PAIRS = RATES.flatMap((from) => RATES.filter((to) => to !== from).map((to) => [from, to] as const));
const TONE_DB = -3;
/** Where the pass band ends: this share of half the lower rate. */
const EDGE = 0.85;

function resampled(hz: number, from: number, to: number): Int16Array {
  const resampler = new Resampler(from, to);
  const sound = tone(from, from / 2, { hz, db: TONE_DB });
  const [step, frame] = [samplesPerFrame(from), new Int16Array(samplesPerFrame(to))];
  const out = new Int16Array((sound.length * to) / from);
  for (let at = 0; at < sound.length; at += step) {
    resampler.process(sound.subarray(at, at + step), frame);
    out.set(frame, (at * to) / from);
  }
  return out.subarray(to / 50);
}

/** One row for each pair of rates. */
export function resamplerTable(): Table {
  const rows = PAIRS.map(([from, to]) => {
    const edge = (Math.min(from, to) / 2) * EDGE;
    let [least, most, clean] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const share of [0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1]) {
      const hz = Math.round(edge * share);
      const heard = resampled(hz, from, to);
      const level = levelAt(heard, to, hz) - TONE_DB;
      [least, most] = [Math.min(least, level), Math.max(most, level)];
      clean = Math.min(clean, sinad(heard, to, hz));
    }
    let left = Number.NEGATIVE_INFINITY;
    for (let hz = to / 2 + 1; hz < from / 2; hz += to / 23)
      left = Math.max(left, rmsDb(resampled(hz, from, to)) - TONE_DB);
    return [
      `${from / 1000} → ${to / 1000} kHz`,
      `${(edge / 1000).toFixed(1)} kHz, ±${(Math.max(-least, most, 0.0005) || 0).toFixed(3)} dB`,
      from > to ? `from ${to / 2000} kHz, ${left.toFixed(0)} dB` : 'nothing to stop',
      `${clean.toFixed(0)} dB`,
      `${new Resampler(from, to).delayMs.toFixed(1)} ms`,
    ];
  });
  const columns = ['rates', 'pass band', 'stop band', 'tone to the rest (images, rounding)', 'delay'];
  return { title: 'Resampling', columns, rows };
}

/** How much of each frequency is left on the way down, folded back or not. */
export function resamplerPicture(): string {
  const lines = (
    [
      [16_000, 8000],
      [48_000, 16_000],
    ] as const
  ).map(([from, to]) => {
    const points: [number, number][] = [];
    for (let hz = 100; hz < from / 2 && hz <= 12_000; hz += hz < to / 2 + 500 ? 50 : 150)
      points.push([hz / 1000, rmsDb(resampled(hz, from, to)) - TONE_DB]);
    return { name: `${from / 1000} to ${to / 1000} kHz`, points };
  });
  return drawChart({
    title: 'What is left of a tone after resampling',
    x: { label: 'kHz of the tone', min: 0, max: 12, ticks: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
    y: { label: 'dB', min: -100, max: 10, ticks: [-100, -80, -60, -40, -20, 0] },
    lines,
  });
}

/** Frames of a sum through a limiter, and through nothing but saturation. */
function loud(signal: (i: number) => number, sampleRate: number): { limited: Int16Array; saturated: Int16Array } {
  const limiter = new Limiter();
  const frame = samplesPerFrame(sampleRate);
  const length = sampleRate * 2;
  const limited = new Int16Array(length);
  const saturated = new Int16Array(length);
  for (let at = 0; at < length; at += frame) {
    const sum = Int32Array.from({ length: frame }, (_, i) => Math.round(signal(at + i)));
    limiter.process(sum, limited.subarray(at, at + frame));
    saturated.set(
      sum.map((value) => Math.max(-32_768, Math.min(32_767, value))),
      at,
    );
  }
  return { limited: limited.subarray(sampleRate / 2), saturated: saturated.subarray(sampleRate / 2) };
}

const overdriven = (i: number): number => 2 * 32_767 * Math.sin((2 * Math.PI * 1000 * i) / 16_000);

/** A 1 kHz tone at +6 dB over full scale, in 16 kHz: the loudest of what it brings along. */
export function limiterFigures(): { readonly limited: number; readonly saturated: number } {
  const { limited, saturated } = loud(overdriven, 16_000);
  const worst = (sound: Int16Array): number => {
    const fundamental = levelAt(sound, 16_000, 1000);
    return Math.max(...[2, 3, 4, 5, 6, 7].map((n) => levelAt(sound, 16_000, n * 1000) - fundamental));
  };
  return { limited: worst(limited), saturated: worst(saturated) };
}

export function limiterPicture(): string {
  const { limited, saturated } = loud(overdriven, 16_000);
  const line = (name: string, sound: Int16Array) => ({
    name,
    points: thinned(spectrumOf(sound, 16_000), 400).map(({ hz, db }) => [hz / 1000, db] as const),
  });
  return drawChart({
    title: 'A 1 kHz tone, 6 dB over full scale',
    x: { label: 'kHz', min: 0, max: 8, ticks: [0, 1, 2, 3, 4, 5, 6, 7, 8] },
    y: { label: 'dBFS', min: -120, max: 10, ticks: [-120, -100, -80, -60, -40, -20, 0] },
    lines: [line('saturated only', saturated), line('limited', limited)],
  });
}
