import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msToSamples, samplesPerFrame } from '../../../../media/audio/frame.ts';
import { Resampler } from '../../../../media/audio/resample.ts';
import { levelAt, rmsDb, sinad, snrDb, tone } from '../../../support/tones.ts';

const RATES = [8000, 16_000, 24_000, 48_000];
const PAIRS = RATES.flatMap((from) => RATES.filter((to) => to !== from).map((to) => [from, to] as const));

function resample(samples: Int16Array, from: number, to: number): Int16Array {
  const resampler = new Resampler(from, to);
  const step = samplesPerFrame(from);
  const frame = new Int16Array(samplesPerFrame(to));
  const out = new Int16Array((samples.length * to) / from);
  for (let at = 0; at < samples.length; at += step) {
    resampler.process(samples.subarray(at, at + step), frame);
    out.set(frame, (at * to) / from);
  }
  return out;
}

/** Half a second of a tone at -3 dBFS after resampling, without the filter's beginning. */
function heard(hz: number, from: number, to: number): Int16Array {
  return resample(tone(from, from / 2, { hz, db: -3 }), from, to).subarray(to / 50);
}

test('the pass band, to 85 % of the lower rate, is flat within 0.05 dB: 3.4 kHz for a telephone', () => {
  for (const [from, to] of PAIRS) {
    const edge = Math.min(from, to) * 0.425;
    for (const share of [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1]) {
      const hz = Math.round(edge * share);
      const level = levelAt(heard(hz, from, to), to, hz);
      assert.ok(Math.abs(level + 3) < 0.05, `${from} to ${to}: ${hz} Hz at ${(level + 3).toFixed(3)} dB`);
    }
  }
});

test('going down, what the lower rate cannot carry is 65 dB down or more and does not fold back', () => {
  for (const [from, to] of PAIRS.filter(([from, to]) => from > to)) {
    for (let hz = to / 2 + 1; hz < from / 2; hz += to / 17) {
      const left = rmsDb(heard(hz, from, to)) + 3;
      assert.ok(left < -65, `${from} to ${to}: ${hz.toFixed(0)} Hz leaves ${left.toFixed(1)} dB`);
    }
  }
});

test('going up, the images of a tone are 65 dB below it or more', () => {
  for (const [from, to] of PAIRS.filter(([from, to]) => from < to)) {
    for (const share of [0.05, 0.2, 0.5, 0.85]) {
      const hz = Math.round((from / 2) * share);
      const clean = sinad(heard(hz, from, to), to, hz);
      assert.ok(clean > 65, `${from} to ${to}: ${hz} Hz is clean to ${clean.toFixed(1)} dB`);
    }
  }
});

test('everything is late by the delay that the resampler states, less than 4 ms, and by nothing else', () => {
  for (const [from, to] of PAIRS) {
    const { delayMs } = new Resampler(from, to);
    assert.ok(delayMs < 4);
    const late = msToSamples(delayMs, to);
    const actual = resample(tone(from, from / 5, { hz: 1000.5 }), from, to);
    const wanted = tone(to, to / 5, { hz: 1000.5 });
    assert.ok(snrDb(wanted.subarray(to / 50), actual.subarray(to / 50 + late)) > 65, `${from} to ${to}`);
  }
});

test('a telephone voice that goes up to wideband and back comes home 60 dB clean', () => {
  const voice = tone(8000, 8000, [
    { hz: 180, db: -12 },
    { hz: 900, db: -18 },
    { hz: 2700, db: -24 },
    { hz: 3350, db: -30 },
  ]);
  for (const wide of [16_000, 24_000, 48_000]) {
    const back = resample(resample(voice, 8000, wide), wide, 8000);
    const late = msToSamples(2 * new Resampler(8000, wide).delayMs, 8000);
    assert.ok(snrDb(voice.subarray(0, 7000).subarray(160), back.subarray(160 + late)) > 60);
  }
});

test('a constant stays the same constant', () => {
  for (const [from, to] of PAIRS) {
    const out = resample(new Int16Array(samplesPerFrame(from) * 3).fill(10_000), from, to);
    assert.ok(out.subarray(samplesPerFrame(to)).every((sample) => sample === 10_000));
  }
});

test('full scale saturates and never wraps', () => {
  const square = Int16Array.from({ length: 8000 }, (_, i) => (i % 16 < 8 ? 32_767 : -32_768));
  const out = resample(square, 8000, 16_000);
  const late = msToSamples(new Resampler(8000, 16_000).delayMs, 16_000);
  for (let i = 0; i < 7000; i++) {
    if (i % 8 < 2 || i % 8 > 5) continue;
    assert.equal(Math.sign(out[i * 2 + late]!), Math.sign(square[i]!), `sample ${i}`);
  }
});

test('silence is exactly silent, also after a sound has died away', () => {
  for (const [from, to] of PAIRS) {
    const resampler = new Resampler(from, to);
    const out = new Int16Array(samplesPerFrame(to)).fill(99);
    const silence = new Int16Array(samplesPerFrame(from));
    resampler.process(silence, out);
    assert.ok(out.every((sample) => sample === 0));
    resampler.process(tone(from, silence.length, 1000), out);
    resampler.process(silence, out);
    assert.ok(out.some((sample) => sample !== 0));
    for (let i = 0; i < 3; i++) {
      resampler.process(silence, out);
      assert.ok(out.every((sample) => sample === 0));
    }
  }
});

test('after a reset the stream begins anew', () => {
  const resampler = new Resampler(8000, 16_000);
  const first = new Int16Array(320);
  const second = new Int16Array(320);
  const frame = tone(8000, 160, 1000);
  resampler.process(frame, first);
  resampler.reset();
  resampler.process(frame, second);
  assert.deepEqual(second, first);
});

test('equal rates pass bit for bit, and a pair without a common step is refused when made', () => {
  const frame = tone(16_000, 320, 1000);
  const out = new Int16Array(320);
  new Resampler(16_000, 16_000).process(frame, out);
  assert.deepEqual(out, frame);
  assert.throws(() => new Resampler(44_100, 8000), RangeError);
});
