import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../support/random.ts';
import { hzIn, lagOf, levelAt, rmsDb, sinad, snrDb, ToneSource, tone, tonesIn } from '../../support/tones.ts';
import { readWav, writeWav } from '../../support/wav.ts';

test('each of several tones is heard at its level, and one that is not there is not', () => {
  const samples = tone(8000, 8000, [
    { hz: 440, db: -12 },
    { hz: 550, db: -40 },
  ]);
  const [a, b, ...rest] = tonesIn(samples, 8000, [440, 495, 550, 650]);
  assert.equal(rest.length, 0);
  assert.deepEqual([a?.hz, b?.hz], [440, 550]);
  assert.ok(Math.abs((a?.db ?? 0) + 12) < 0.01 && Math.abs((b?.db ?? 0) + 40) < 0.05);
  assert.ok(levelAt(samples, 8000, 650) < -85);
});

test('a quarter of a second is enough to tell tones 50 Hz apart', () => {
  assert.deepEqual(hzIn(tone(8000, 2000, 500), 8000, [400, 450, 500, 550, 600]), [500]);
});

test('noise is not taken for a tone', () => {
  const random = seededRandom(1);
  const samples = Int16Array.from({ length: 8000 }, () => (random() - 0.5) * 3000);
  assert.deepEqual(hzIn(samples, 8000, [440, 550, 650]), []);
});

test('frames from a source join into one unbroken tone', () => {
  const source = new ToneSource(8000, 440);
  const joined = new Int16Array(1600);
  for (let at = 0; at < 1600; at += 160) source.next(joined.subarray(at, at + 160));
  assert.deepEqual(joined, tone(8000, 1600, 440));
});

test('distortion is measured whatever the level and phase of the tone', () => {
  assert.ok(sinad(tone(8000, 8000, { hz: 1000.3, db: -3, phase: 1 }), 8000, 1000.3) > 90);
  const dirty = tone(8000, 8000, [
    { hz: 1000, db: -6 },
    { hz: 2000, db: -46 },
  ]);
  assert.ok(Math.abs(sinad(dirty, 8000, 1000) - 40) < 0.1);
});

test('levels, lags and noise are measured', () => {
  const samples = tone(8000, 8000, { hz: 1000, db: -10 });
  assert.ok(Math.abs(rmsDb(samples) + 10) < 0.01);
  assert.equal(snrDb(samples, samples), Number.POSITIVE_INFINITY);
  assert.ok(Math.abs(snrDb([100, -100], [90, -90]) - 20) < 1e-9);
  const random = seededRandom(2);
  const noise = Int16Array.from({ length: 1000 }, () => (random() - 0.5) * 3000);
  assert.equal(lagOf(noise, [...new Int16Array(37), ...noise, ...new Int16Array(100)], 100), 37);
});

test('a WAV that was written is read back', () => {
  const samples = tone(16_000, 100, 440);
  assert.deepEqual(readWav(writeWav(samples, 16_000)), { sampleRate: 16_000, channels: 1, samples });
  assert.throws(() => readWav(Buffer.from('not a wav file at all')));
});
