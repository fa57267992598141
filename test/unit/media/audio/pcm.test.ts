import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addFrame,
  addRamped,
  addScaled,
  applyGain,
  applyRamp,
  gainOfDb,
  isSilent,
  minusOwn,
  peak,
  saturate,
  subtractFrame,
} from '../../../../media/audio/pcm.ts';
import { seededRandom } from '../../../support/random.ts';

const random = seededRandom(7);

function noise(samples = 160, amplitude = 65_535): Int16Array {
  return Int16Array.from({ length: samples }, () => Math.round((random() - 0.5) * amplitude));
}

test('the sum of many loud frames keeps every bit, and taking one out again leaves the others', () => {
  const frames = Array.from({ length: 12 }, () => noise());
  const sum = new Int32Array(160);
  for (const frame of frames) addFrame(sum, frame);
  for (const own of frames) {
    const others = new Int32Array(160);
    for (const frame of frames) if (frame !== own) addFrame(others, frame);
    const minus = new Int32Array(160);
    const loudest = subtractFrame(sum, own, minus);
    assert.deepEqual(minus, others);
    assert.equal(loudest, Math.max(...others.map(Math.abs)));

    const heard = new Int16Array(160);
    assert.equal(minusOwn(sum, own, heard), loudest);
    assert.deepEqual(
      [...heard],
      [...others].map((value) => Math.max(-32_768, Math.min(32_767, value))),
    );
  }
});

test('two members hear each other bit for bit', () => {
  const ana = noise();
  const ben = noise();
  const sum = new Int32Array(160);
  addFrame(sum, ana);
  addFrame(sum, ben);
  const heard = new Int16Array(160);
  minusOwn(sum, ana, heard);
  assert.deepEqual(heard, ben);
});

test('saturating holds at the two ends of the scale and says how far beyond it was', () => {
  const out = new Int16Array(5);
  assert.equal(saturate(new Int32Array([32_767, 32_768, -32_768, -32_769, 100_000]), out), 100_000);
  assert.deepEqual([...out], [32_767, 32_767, -32_768, -32_768, 32_767]);
  assert.equal(saturate(new Int32Array([5, -70_000, 0, 0, 0]), out), 70_000);
  assert.equal(saturate(new Int32Array(5), out), 0);
});

test('a gain of one changes nothing, bit for bit', () => {
  const frame = noise();
  const scaled = frame.slice();
  applyGain(scaled, 1);
  assert.deepEqual(scaled, frame);
  applyRamp(scaled, 1, 1);
  assert.deepEqual(scaled, frame);
  const sum = new Int32Array(160);
  addScaled(sum, frame, 1);
  addRamped(sum, frame, 1, 1);
  assert.deepEqual(
    [...sum],
    [...frame].map((value) => value * 2),
  );
});

test('a gain rounds to the nearest sample and saturates', () => {
  const frame = new Int16Array([100, -100, 3, 20_000, -20_000]);
  applyGain(frame, 0.5);
  assert.deepEqual([...frame], [50, -50, 2, 10_000, -10_000]);
  applyGain(frame, gainOfDb(12));
  assert.deepEqual([...frame], [199, -199, 8, 32_767, -32_768]);
});

test('a ramp goes up in even steps and the next one goes on where it ended', () => {
  const frame = new Int16Array(100).fill(10_000);
  const first = frame.slice();
  applyRamp(first, 0, 0.5);
  const second = frame.slice();
  applyRamp(second, 0.5, 1);
  const joined = [...first, ...second];
  assert.deepEqual(
    joined,
    Array.from({ length: 200 }, (_, i) => (i + 1) * 50),
  );
  const sum = new Int32Array(100);
  addRamped(sum, frame, 0, 0.5);
  assert.deepEqual([...sum], [...first]);
});

test('only a frame of zeros is silent', () => {
  const frame = new Int16Array(160);
  assert.equal(isSilent(frame), true);
  frame[159] = -1;
  assert.equal(isSilent(frame), false);
});

test('the peak is the largest magnitude of either sign', () => {
  assert.equal(peak(new Int16Array([1, -5, 4])), 5);
  assert.equal(peak(new Int16Array([-32_768, 32_767])), 32_768);
  assert.equal(peak(new Int16Array(160)), 0);
});
