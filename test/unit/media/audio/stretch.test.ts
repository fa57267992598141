import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lengthen, shorten } from '../../../../media/audio/stretch.ts';
import { seededRandom } from '../../../support/random.ts';
import { speechLike } from '../../../support/receiving-leg.ts';
import { sinad, tone } from '../../../support/tones.ts';

const RATES = [8000, 16000, 48000];

function largestStep(sound: Int16Array): number {
  let step = 0;
  for (let i = 1; i < sound.length; i++) step = Math.max(step, Math.abs(sound[i]! - sound[i - 1]!));
  return step;
}

test('a tone that is shortened or lengthened is the same tone without a seam', () => {
  for (const sampleRate of RATES) {
    for (const hz of [210, 440, 1004]) {
      const samples = sampleRate / 5;
      const from = sampleRate / 10;
      const sound = tone(sampleRate, samples + sampleRate / 50, { hz, db: -6 });
      const natural = largestStep(sound);

      const shorter = sound.slice(0, samples);
      const removed = shorten(shorter, from, samples, sampleRate, 0.9, sampleRate);
      assert.ok(removed >= sampleRate * 0.0025 && removed <= sampleRate * 0.015, `${removed} samples`);
      const kept = shorter.subarray(0, samples - removed);
      assert.ok(largestStep(kept) <= 1.02 * natural, 'no seam where it is shorter');
      assert.ok(sinad(kept, sampleRate, hz) > 20, `${hz} Hz at ${sampleRate}`);

      const longer = sound.slice();
      const added = lengthen(longer, from, samples, sampleRate, 0.9, sampleRate);
      assert.ok(added >= sampleRate * 0.0025 && added <= sampleRate * 0.015, `${added} samples`);
      const all = longer.subarray(0, samples + added);
      assert.ok(largestStep(all) <= 1.02 * natural, 'no seam where it is longer');
      assert.ok(sinad(all, sampleRate, hz) > 20, `${hz} Hz at ${sampleRate}`);
    }
  }
});

test('sound before the cut and after the overlap is moved, not changed', () => {
  const sound = speechLike(8000, 1);
  const shorter = sound.slice();
  const removed = shorten(shorter, 4000, 8000, 120, -1, 8000);
  assert.ok(removed > 0, 'something is taken out');
  assert.deepEqual(shorter.subarray(0, 4000), sound.subarray(0, 4000));
  assert.deepEqual(shorter.subarray(4080, 8000 - removed), sound.subarray(4080 + removed));

  const longer = new Int16Array(8120);
  longer.set(sound);
  const added = lengthen(longer, 4000, 8000, 120, -1, 8000);
  assert.ok(added > 0, 'something is put in');
  assert.deepEqual(longer.subarray(0, 4000), sound.subarray(0, 4000));
  assert.deepEqual(longer.subarray(4080 + added, 8000 + added), sound.subarray(4080));
});

test('no more is taken out than was asked for, nor than there is', () => {
  const sound = tone(8000, 1000, 500);
  assert.ok(shorten(sound.slice(), 200, 1000, 30, -1, 8000) <= 30);
  assert.equal(shorten(sound.slice(), 200, 1000, 19, -1, 8000), 0, 'less than 2.5 ms');
  assert.equal(shorten(sound.slice(), 200, 290, 120, -1, 8000), 0, 'no room for the overlap');
  assert.equal(lengthen(sound.slice(), 200, 270, 120, -1, 8000), 0, 'no room for the overlap');
  assert.ok(lengthen(sound.slice(), 300, 900, 40, -1, 8000) <= 40);
});

test('noise is left alone unless it must be cut, silence is cut at once by the most', () => {
  const random = seededRandom(7);
  const noise = Int16Array.from({ length: 1000 }, () => (random() - 0.5) * 20_000);
  assert.equal(shorten(noise.slice(), 300, 1000, 120, 0.75, 8000), 0);
  assert.equal(lengthen(noise.slice(), 300, 900, 120, 0.75, 8000), 0);
  assert.ok(shorten(noise.slice(), 300, 1000, 120, -1, 8000) > 0);
  assert.equal(shorten(new Int16Array(1000), 300, 1000, 120, 0.75, 8000), 120);
  assert.equal(lengthen(new Int16Array(1000), 300, 800, 60, 0.75, 8000), 60);
});
