import assert from 'node:assert/strict';
import { test } from 'node:test';
import { levelOf, SILENT_LEVEL, TalkDetector } from '../../../../media/audio/level.ts';
import { seededRandom } from '../../../support/random.ts';
import { tone } from '../../../support/tones.ts';

/** Feeds one level for a number of frames; returns at which of them talking changed. */
function feed(detector: TalkDetector, level: number, frames: number): number[] {
  const changes: number[] = [];
  for (let i = 1; i <= frames; i++) if (detector.update(level)) changes.push(i);
  return changes;
}

test('levels are in dBov: a full-scale square is 0, a full-scale sine -3, silence -127', () => {
  const square = Int16Array.from({ length: 160 }, (_, i) => (i % 8 < 4 ? 32_767 : -32_768));
  assert.ok(Math.abs(levelOf(square)) < 0.001);
  assert.ok(Math.abs(levelOf(tone(8000, 160, { hz: 1000, db: 0 })) + 3.01) < 0.01);
  assert.ok(Math.abs(levelOf(tone(48_000, 960, { hz: 1000, db: -40 })) + 43.01) < 0.05);
  assert.equal(levelOf(new Int16Array(160)), SILENT_LEVEL);
  const faint = new Int16Array(960);
  faint[0] = 1;
  assert.ok(levelOf(faint) >= SILENT_LEVEL && levelOf(faint) < -115);
});

test('talk starts on the second loud frame and ends half a second after the last', () => {
  const detector = new TalkDetector();
  assert.deepEqual(feed(detector, -80, 50), []);
  assert.deepEqual(feed(detector, -26, 50), [2]);
  assert.equal(detector.talking, true);
  assert.deepEqual(feed(detector, -80, 50), [25]);
  assert.equal(detector.talking, false);
});

test('a click is not talk, and the pauses between words do not end it', () => {
  const detector = new TalkDetector();
  feed(detector, -80, 50);
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(feed(detector, -10, 1), []);
    assert.deepEqual(feed(detector, -80, 5), []);
  }
  feed(detector, -26, 10);
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(feed(detector, -80, 20), []);
    assert.deepEqual(feed(detector, -26, 10), []);
  }
  assert.equal(detector.talking, true);
});

test('a level between the two thresholds neither starts nor ends talk', () => {
  const detector = new TalkDetector();
  feed(detector, -80, 50);
  assert.deepEqual(feed(detector, -47, 100), []);
  feed(detector, -26, 10);
  assert.deepEqual(feed(detector, -47, 100), []);
  assert.equal(detector.talking, true);
});

test('steady noise on a line is not talk for ever, and speech above it is', () => {
  const detector = new TalkDetector();
  feed(detector, -43, 50 * 60);
  assert.equal(detector.talking, false);
  assert.deepEqual(feed(detector, -43, 500), []);
  assert.deepEqual(feed(detector, -30, 10), [2]);
});

test('something loud is talk for as long as it lasts, however steady', () => {
  const detector = new TalkDetector();
  feed(detector, -15, 10);
  assert.deepEqual(feed(detector, -15, 50 * 600), []);
  assert.equal(detector.talking, true);
});

test('changes alternate and agree with the state, whatever the levels', () => {
  const random = seededRandom(3);
  const detector = new TalkDetector();
  let talking = false;
  for (let i = 0; i < 20_000; i++) {
    const level = -random() * 127;
    if (detector.update(level)) talking = !talking;
    assert.equal(detector.talking, talking);
    assert.ok(detector.strength >= level && detector.strength <= 0);
  }
});

test('strength falls slowly, so a talker keeps the rank between words', () => {
  const detector = new TalkDetector();
  feed(detector, -20, 5);
  feed(detector, -80, 10);
  assert.ok(Math.abs(detector.strength + 25) < 1e-9);
  assert.equal(detector.level, -80);
});
