import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ComfortNoise } from '../../../../media/audio/comfort-noise.ts';
import { seededRandom } from '../../../support/random.ts';

const FULL_SCALE = 32767;

function noiseOf(payload: readonly number[], samples = 16_000, shaped = true): Int16Array {
  const noise = new ComfortNoise(5);
  noise.describe(Uint8Array.from(payload), 0, payload.length, shaped);
  noise.settle();
  const sound = new Int16Array(samples);
  noise.fill(sound, 0, samples);
  return sound;
}

/** Level in dBov: against the largest square wave. */
function level(sound: Int16Array): number {
  let energy = 0;
  for (const value of sound) energy += value * value;
  return 10 * Math.log10(energy / sound.length / FULL_SCALE ** 2);
}

/** How alike neighbouring samples are: 1 for a slow rumble, -1 for a hiss at half the sample rate. */
function neighbours(sound: Int16Array): number {
  let cross = 0;
  let energy = 0;
  for (let i = 1; i < sound.length; i++) {
    cross += sound[i]! * sound[i - 1]!;
    energy += sound[i]! ** 2;
  }
  return cross / energy;
}

test('the level is the one described', () => {
  for (const described of [20, 30, 45, 60]) {
    assert.ok(Math.abs(level(noiseOf([described])) + described) < 0.5, `-${described} dBov`);
    assert.ok(Math.abs(level(noiseOf([described, 60, 140, 127, 110])) + described) < 1, `-${described} dBov, shaped`);
  }
  assert.ok(
    noiseOf([127]).every((value) => Math.abs(value) <= 1),
    'as good as silent',
  );
});

test('coefficients shape the spectrum: the first is minus the correlation of neighbours', () => {
  assert.ok(Math.abs(neighbours(noiseOf([30]))) < 0.05, 'white');
  // k = 258 (N - 127) / 32768: -0.5 and 0.5.
  assert.ok(Math.abs(neighbours(noiseOf([30, 63])) - 0.5) < 0.05);
  assert.ok(Math.abs(neighbours(noiseOf([30, 191])) + 0.5) < 0.05);
  assert.ok(Math.abs(neighbours(noiseOf([30, 63], 16_000, false))) < 0.05, 'not when they are for another rate');
});

test('a new level is walked to without a step', () => {
  const noise = new ComfortNoise(5);
  noise.describe(Uint8Array.of(40), 0, 1, true);
  noise.settle();
  const sound = new Int16Array(16_000);
  noise.fill(sound, 0, 8000);
  noise.describe(Uint8Array.of(20), 0, 1, true);
  noise.fill(sound, 8000, 8000);
  assert.ok(level(sound.subarray(8000, 8016)) < -27);
  assert.ok(Math.abs(level(sound.subarray(9000)) + 20) < 0.5, `${level(sound.subarray(9000))}`);
});

test('no description makes the noise ring or overflow', () => {
  const random = seededRandom(6);
  const sound = new Int16Array(400);
  const noise = new ComfortNoise(0);
  for (let round = 0; round < 2000; round++) {
    const payload = Uint8Array.from({ length: Math.floor(random() * 20) }, () => random() * 256);
    noise.describe(payload, 0, payload.length, true);
    noise.fill(sound, 0, sound.length);
    for (const value of sound) assert.ok(value >= -FULL_SCALE && value <= FULL_SCALE, `${value}`);
  }
  noise.describe(Uint8Array.of(40), 0, 1, true);
  noise.fill(sound, 0, sound.length);
  noise.fill(sound, 0, sound.length);
  assert.ok(Math.abs(level(sound) + 40) < 3, 'and it recovers');
});
