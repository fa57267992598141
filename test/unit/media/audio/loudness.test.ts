import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kWeighting, type Loudness, LoudnessMeter, normalizingGain } from '../../../../media/audio/loudness.ts';
import { applyGain, peak } from '../../../../media/audio/pcm.ts';
import { seededRandom } from '../../../support/random.ts';
import { tone } from '../../../support/tones.ts';

function measure(sampleRate: number, samples: Int16Array, chunk = 777): Loudness {
  const meter = new LoudnessMeter(sampleRate);
  for (let at = 0; at < samples.length; at += chunk) meter.add(samples.subarray(at, at + chunk));
  return meter.result();
}

/** A 1 kHz tone as a list of [seconds, LUFS]; one channel, so its level is 3.01 dB above its loudness. */
function steps(sampleRate: number, list: readonly (readonly [seconds: number, lufs: number])[]): Int16Array {
  const parts = list.map(([seconds, lufs]) => tone(sampleRate, sampleRate * seconds, { hz: 1000, db: lufs + 3.01 }));
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function near(actual: number | undefined, wanted: number, tolerance: number): void {
  assert.ok(actual !== undefined && Math.abs(actual - wanted) <= tolerance, `${actual}, not ${wanted}`);
}

function peakDb(measured: Loudness): number {
  return 20 * Math.log10(measured.peak);
}

/** Chords, noise, and a pause, as deterministic as a clip can be. */
function programme(sampleRate: number): Int16Array {
  const random = seededRandom(1770);
  const chord = tone(sampleRate, sampleRate * 12, [
    { hz: 220, db: -14 },
    { hz: 880, db: -20 },
    { hz: 2500, db: -26 },
  ]);
  let noise = 0;
  return chord.map((value, i) => {
    noise += 0.1 * ((random() - 0.5) * 8000 - noise);
    const second = i / sampleRate;
    const gain = second < 3 ? 0.3 : second < 5 ? 0.002 : second < 9 ? 1 : 0.6;
    return Math.round(gain * (value * (0.6 + 0.4 * Math.sin(5 * second)) + noise));
  });
}

test('at 48 kHz the filters have the coefficients of the standard', () => {
  const [shelf, highPass] = kWeighting(48_000);
  for (const [actual, wanted] of [
    [shelf.b0, 1.53512485958697],
    [shelf.b1, -2.69169618940638],
    [shelf.b2, 1.19839281085285],
    [shelf.a1, -1.69065929318241],
    [shelf.a2, 0.73248077421585],
    [highPass.b0, 1],
    [highPass.b1, -2],
    [highPass.b2, 1],
    [highPass.a1, -1.99004745483398],
    [highPass.a2, 0.99007225036621],
  ] as const) {
    near(actual, wanted, 1e-12);
  }
});

test('a full-scale tone of 997 Hz in one channel is -3.01 LUFS at any rate', () => {
  for (const sampleRate of [8000, 16_000, 44_100, 48_000]) {
    near(measure(sampleRate, tone(sampleRate, sampleRate * 2, { hz: 997, db: 0 })).lufs, -3.01, 0.05);
    near(measure(sampleRate, tone(sampleRate, sampleRate * 2, { hz: 997, db: -40 })).lufs, -43.01, 0.05);
  }
});

test('quiet parts do not count: the gating cases of EBU Tech 3341', () => {
  const quietAround = [[10, -36] as const, [60, -23] as const, [10, -36] as const];
  near(measure(8000, steps(8000, quietAround)).lufs, -23, 0.1);
  const silentAround = [[10, -72] as const, ...quietAround, [10, -72] as const];
  near(measure(8000, steps(8000, silentAround)).lufs, -23, 0.1);
  const louderWithin = [[20, -26] as const, [20.1, -20] as const, [20, -26] as const];
  near(measure(8000, steps(8000, louderWithin)).lufs, -23, 0.1);
});

test('a varied clip measures what ffmpeg measures (its ebur128 filter, with peak=true)', () => {
  for (const [sampleRate, lufs, peak] of [
    [8000, -21.8, -8.6],
    [16_000, -21.9, -8.4],
    [48_000, -21.9, -8.6],
  ] as const) {
    const measured = measure(sampleRate, programme(sampleRate));
    near(measured.lufs, lufs, 0.1);
    near(peakDb(measured), peak, 0.1);
  }
});

test('the pieces that a clip arrives in do not matter', () => {
  const clip = programme(8000);
  const whole = measure(8000, clip, clip.length);
  for (const chunk of [1, 160, 4096]) assert.deepEqual(measure(8000, clip, chunk), whole);
});

test('a peak between two samples is found, and one in the first or last sample too', () => {
  const between = tone(8000, 8000, { hz: 2000, db: -6, phase: Math.PI / 4 });
  assert.ok(peak(between) < 12_000);
  near(peakDb(measure(8000, between)), -6, 0.3);
  for (const at of [0, 159]) {
    const click = new Int16Array(160);
    click[at] = -32_768;
    near(peakDb(measure(8000, click)), 0, 0.01);
  }
});

test('a clip shorter than a block is measured as it is, and silence or nothing has no loudness', () => {
  near(measure(8000, tone(8000, 2400, { hz: 1000, db: -20 })).lufs, -23, 0.5);
  assert.deepEqual(measure(8000, new Int16Array(80_000)), { lufs: undefined, peak: 0 });
  assert.deepEqual(measure(8000, new Int16Array(0)), { lufs: undefined, peak: 0 });
});

test('the gain brings a clip to its target, but not its peaks over the ceiling', () => {
  const clip = programme(8000);
  for (const target of [-30, -24, -16]) {
    const scaled = clip.slice();
    applyGain(scaled, normalizingGain(measure(8000, clip), target));
    near(measure(8000, scaled).lufs, target, 0.1);
  }
  const tooLoud = clip.slice();
  applyGain(tooLoud, normalizingGain(measure(8000, clip), -5));
  near(peakDb(measure(8000, tooLoud)), -1, 0.1);
});

test('silence is left alone and a faint clip is raised by 20 dB at most', () => {
  assert.equal(normalizingGain({ lufs: undefined, peak: 0 }, -16), 1);
  assert.equal(normalizingGain({ lufs: -66, peak: 0.001 }, -16), 10);
});
