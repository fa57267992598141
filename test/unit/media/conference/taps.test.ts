import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Taps } from '../../../../media/conference/taps.ts';
import { FrameRing } from '../../../../media/recording/frame-ring.ts';
import { FRAME, RATE, TestConference } from '../../../support/conference.ts';
import { levelAt, tone, tonesIn } from '../../../support/tones.ts';

const TONES = [440, 550, 650, 770, 880];

/** A conference that is recorded: `heard` gives all that came since the last look, silence in place of what is missing. */
function recorded(who?: string): { mpc: TestConference; taps: Taps; heard: () => number[]; tap: () => void } {
  const mpc = new TestConference();
  const taps = new Taps(FRAME, (leg) => mpc.conference.member(leg));
  const memory = FrameRing.allocate(FRAME, 200);
  const ring = new FrameRing(memory, FRAME);
  return {
    mpc,
    taps,
    tap: () => {
      taps.add('one', who === undefined ? undefined : mpc.id(who), memory, false);
      mpc.conference.taps = taps;
    },
    heard: () => {
      const samples: number[] = [];
      const frame = new Int16Array(FRAME);
      for (let missing = ring.read(frame, 0); missing >= 0; missing = ring.read(frame, 0))
        samples.push(...new Int16Array(missing * FRAME), ...frame);
      return samples;
    },
  };
}

function pitches(samples: readonly number[]): number[] {
  return tonesIn(samples, RATE, TONES).map(({ hz }) => hz);
}

test('a recording of everything has every live voice, that of a coach and of those who listen included', () => {
  const { mpc, tap, heard } = recorded();
  mpc.hum('ana', 440);
  mpc.hum('coach', 550);
  mpc.hum('mute', 650);
  mpc.hum('held', 770);
  mpc.conference.update(mpc.id('coach'), { voice: 'whisper' });
  mpc.conference.update(mpc.id('mute'), { muted: true });
  mpc.conference.update(mpc.id('held'), { held: true });
  tap();
  mpc.runTicks(50);
  const samples = heard();
  assert.equal(samples.length, 50 * FRAME);
  assert.deepEqual(pitches(samples), [440, 550]);
});

test('what members hear is the same sample for sample whether somebody records or not', () => {
  const runs = [false, true].map((records) => {
    const { mpc, tap } = recorded();
    mpc.hum('ana', 440, 20_000);
    mpc.hum('ben', 550, 20_000);
    mpc.join('ear');
    if (records) tap();
    mpc.play('p', ['ear'], [mpc.sound(tone(RATE, RATE, 880))], { duck: { gainDb: -12, attackMs: 40, releaseMs: 40 } });
    mpc.runTicks(40);
    return ['ana', 'ben', 'ear'].map((name) => mpc.take(name));
  });
  assert.deepEqual(runs[0], runs[1]);
});

test('a recording of one member has her voice alone, and silence while nobody may hear her', () => {
  const { mpc, tap, heard } = recorded('ana');
  mpc.hum('ana', 440);
  mpc.hum('ben', 550);
  tap();
  mpc.runTicks(25);
  assert.deepEqual(pitches(heard()), [440]);
  mpc.conference.update(mpc.id('ana'), { muted: true });
  mpc.runTicks(25);
  const muted = heard();
  assert.equal(muted.length, 25 * FRAME);
  assert.ok(
    muted.every((sample) => sample === 0),
    'a muted member is not recorded',
  );
});

test('a play is recorded once however many hear it, and not when only members on hold do', () => {
  const { mpc, tap, heard } = recorded();
  mpc.join('ana');
  mpc.join('ben');
  mpc.join('held');
  mpc.conference.update(mpc.id('held'), { held: true });
  tap();
  const clip = tone(RATE, RATE, { hz: 880, db: -12 });
  mpc.play('all', ['ana', 'ben'], [mpc.sound(clip)]);
  mpc.play('hold music', ['held'], [mpc.sound(tone(RATE, RATE, 650))]);
  mpc.runTicks(25);
  const samples = heard();
  assert.deepEqual(pitches(samples), [880]);
  assert.ok(Math.abs(levelAt(samples, RATE, 880) + 12) < 0.5, 'at its own level, not doubled');
});

test('a play that some hear later is recorded from its first start only', () => {
  const { mpc, tap, heard } = recorded();
  mpc.join('ana');
  mpc.join('ben');
  mpc.play('first', ['ben'], [mpc.sound(tone(RATE, RATE / 5, 440))]);
  mpc.runTicks(2);
  tap();
  mpc.play('both', ['ana', 'ben'], [mpc.sound(tone(RATE, RATE, { hz: 880, db: -12 }))]);
  mpc.runTicks(45);
  assert.equal(mpc.plays.started.filter(({ play }) => play === 'both').length, 2, 'it started twice');
  const samples = heard().slice(20 * FRAME, 40 * FRAME);
  assert.ok(Math.abs(levelAt(samples, RATE, 880) + 12) < 0.5, 'one of the two is recorded');
});

test('a sum that is too loud is turned down like any other', () => {
  const { mpc, tap, heard } = recorded();
  for (const name of ['ana', 'ben', 'eve']) mpc.hum(name, 440, 25_000);
  tap();
  mpc.runTicks(25);
  const samples = heard();
  assert.ok(
    samples.every((sample) => Math.abs(sample) <= 32_768),
    'nothing wraps round',
  );
  const late = samples.slice(15 * FRAME);
  for (const harmonic of [1320, 2200])
    assert.ok(levelAt(late, RATE, harmonic) < -40, `no distortion at ${harmonic} Hz`);
});

test('skipped ticks and a full ring are missing frames; a pause is not', () => {
  const mpc = new TestConference();
  mpc.hum('ana', 440);
  const memory = FrameRing.allocate(FRAME, 4);
  const ring = new FrameRing(memory, FRAME);
  const taps = new Taps(FRAME, () => undefined);
  taps.add('one', undefined, memory, false);
  const tap = taps.find('one')!;
  const frame = new Int16Array(FRAME);
  const missing = (): number[] => {
    const counts: number[] = [];
    for (let count = ring.read(frame, 0); count >= 0; count = ring.read(frame, 0)) counts.push(count);
    return counts;
  };
  taps.take(undefined, [], 10);
  taps.take(undefined, [], 13);
  assert.deepEqual(missing(), [0, 2]);
  const fits = ring.length;
  for (let tick = 14; tick < 34; tick++) taps.take(undefined, [], tick);
  const kept = missing().length;
  assert.ok(kept >= 4 && fits === 0, `${kept} frames fit`);
  assert.equal(tap.missing, 20 - kept);
  taps.take(undefined, [], 34);
  assert.deepEqual(missing(), [20 - kept]);
  tap.pause(true);
  for (let tick = 35; tick < 60; tick++) taps.take(undefined, [], tick);
  tap.pause(false);
  taps.take(undefined, [], 60);
  assert.deepEqual(missing(), [0]);
});
