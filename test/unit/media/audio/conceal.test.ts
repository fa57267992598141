import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Concealment, concealmentPast } from '../../../../media/audio/conceal.ts';
import { speechLike } from '../../../support/receiving-leg.ts';
import { levelAt, tone } from '../../../support/tones.ts';

const RATES = [8000, 16000, 48000];

function largestStep(sound: Int16Array): number {
  let step = 0;
  for (let i = 1; i < sound.length; i++) step = Math.max(step, Math.abs(sound[i]! - sound[i - 1]!));
  return step;
}

/** `sound` with a gap of `gapMs` at `atMs` that is concealed and joined. */
function concealed(sound: Int16Array, sampleRate: number, atMs: number, gapMs: number): Int16Array {
  const perMs = sampleRate / 1000;
  const result = sound.slice();
  const concealment = new Concealment(sampleRate);
  concealment.fill(result, atMs * perMs, gapMs * perMs);
  concealment.join(result, (atMs + gapMs) * perMs, 20 * perMs);
  assert.equal(concealment.active, false);
  return result;
}

test('a lost frame of a tone is hardly missed, at every rate', () => {
  for (const sampleRate of RATES) {
    for (const hz of [200, 437, 1004]) {
      const sound = tone(sampleRate, sampleRate / 5, { hz, db: -6 });
      const heard = concealed(sound, sampleRate, 100, 20);
      let error = 0;
      let energy = 0;
      for (let i = (sampleRate * 100) / 1000; i < (sampleRate * 120) / 1000; i++) {
        error += (heard[i]! - sound[i]!) ** 2;
        energy += sound[i]! ** 2;
      }
      const gain = 10 * Math.log10(energy / error);
      assert.ok(gain > 7, `${hz} Hz at ${sampleRate}: ${gain.toFixed(1)} dB`);
      assert.ok(largestStep(heard) <= 1.04 * largestStep(sound), `${hz} Hz at ${sampleRate}: no click`);
    }
  }
});

test('a gap is full at first, fades from 10 ms on and is silent from 60 ms', () => {
  for (const sampleRate of RATES) {
    const perMs = sampleRate / 1000;
    const sound = tone(sampleRate, sampleRate / 2, { hz: 400, db: -6 });
    const heard = concealed(sound, sampleRate, 100, 200);
    const level = (fromMs: number): number =>
      levelAt(heard.subarray(fromMs * perMs, (fromMs + 10) * perMs), sampleRate, 400);
    assert.ok(Math.abs(level(100) + 6) < 1, `${level(100)}`);
    assert.ok(level(130) < -7 && level(130) > -13, `${level(130)}`);
    assert.ok(level(145) < -12, `${level(145)}`);
    for (let i = 160 * perMs; i < 300 * perMs; i++) assert.equal(heard[i], 0);
    assert.ok(largestStep(heard) <= 1.04 * largestStep(sound), 'no click');
  }
});

test('what lies before a gap and well after it is not touched', () => {
  const sound = speechLike(8000, 1);
  const heard = concealed(sound, 8000, 500, 30);
  assert.deepEqual(heard.subarray(0, 4000), sound.subarray(0, 4000));
  assert.deepEqual(heard.subarray(4240 + 80), sound.subarray(4240 + 80));
});

test('a gap filled piece by piece is the gap filled at once', () => {
  const sound = speechLike(8000, 1);
  const whole = concealed(sound, 8000, 500, 50);
  const pieces = sound.slice();
  const concealment = new Concealment(8000);
  for (let at = 4000; at < 4400; ) {
    const count = Math.min(4400 - at, 1 + ((at * 7) % 90));
    concealment.fill(pieces, at, count);
    at += count;
  }
  concealment.join(pieces, 4400, 160);
  assert.deepEqual(pieces, whole);
});

test('speech with gaps has no larger steps than speech without, and loses less than by silence', () => {
  for (const sampleRate of RATES) {
    const sound = speechLike(sampleRate, 20, 3);
    const frame = sampleRate / 50;
    const natural = largestStep(sound);
    let energy = 0;
    let error = 0;
    for (let at = sampleRate; at < sound.length - 3 * frame; at += 3 * frame + 7) {
      const heard = sound.slice(at - sampleRate / 10, at + 2 * frame);
      const gap = sampleRate / 10;
      const concealment = new Concealment(sampleRate);
      concealment.fill(heard, gap, frame);
      concealment.join(heard, gap + frame, frame);
      assert.ok(largestStep(heard) <= 1.1 * natural, 'no click');
      for (let i = 0; i < frame; i++) {
        energy += sound[at + i]! ** 2;
        error += (heard[gap + i]! - sound[at + i]!) ** 2;
      }
    }
    const gain = 10 * Math.log10(energy / error);
    assert.ok(gain > 1.5, `${gain.toFixed(2)} dB better than silence at ${sampleRate}`);
  }
});

test('a gap in silence is silence at once', () => {
  const concealment = new Concealment(8000);
  const sound = new Int16Array(2000).fill(3);
  concealment.fill(sound, 1000, 160);
  assert.equal(concealment.faded, true);
  assert.ok(sound.subarray(1000, 1160).every((value) => value === 0));
});

test('full-scale sound does not wrap round', () => {
  const sound = new Int16Array(2000);
  for (let i = 0; i < sound.length; i++) sound[i] = i % 50 < 25 ? 32767 : -32768;
  const heard = concealed(sound, 8000, 100, 20);
  for (let i = 800; i < 960; i++) {
    const expected = sound[i]!;
    if (i % 25 > 2 && i % 25 < 22) assert.ok(heard[i]! * expected > 0, `sample ${i}: ${heard[i]} for ${expected}`);
  }
});

test('sounds that do not follow on each other are joined without a step', () => {
  const sound = tone(8000, 1600, { hz: 300, db: -6 });
  const other = tone(8000, 800, { hz: 300, db: -6, phase: Math.PI / 2 });
  sound.set(other, 800);
  const before = largestStep(sound);
  new Concealment(8000).join(sound, 800, 800);
  assert.ok(before > 10_000 && largestStep(sound) < 5000, `${before} became ${largestStep(sound)}`);
});

test('the past that it reads is as long as it says', () => {
  for (const sampleRate of RATES) {
    const past = concealmentPast(sampleRate);
    const long = tone(sampleRate, past + 1500, { hz: 150, db: -6 });
    const short = long.slice(1000);
    new Concealment(sampleRate).fill(long, past + 1000, 500);
    new Concealment(sampleRate).fill(short, past, 500);
    assert.deepEqual(short.subarray(past), long.subarray(past + 1000));
  }
});
