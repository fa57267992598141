import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestConference } from '../../../support/conference.ts';

const TONES = [440, 550, 650];

function trio(): TestConference {
  const mpc = new TestConference();
  mpc.hum('ana', 440);
  mpc.hum('ben', 550);
  mpc.hum('eve', 650);
  return mpc;
}

test('a member hears everyone but herself', () => {
  const mpc = trio();
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', TONES), [550, 650]);
  assert.deepEqual(mpc.tonesHeardBy('ben', TONES), [440, 650]);
  assert.deepEqual(mpc.tonesHeardBy('eve', TONES), [440, 550]);
});

test('every member gets exactly one frame a tick, talking or not', () => {
  const mpc = trio();
  mpc.join('mute');
  mpc.runTicks(20);
  for (const name of ['ana', 'ben', 'eve', 'mute']) assert.equal(mpc.leg(name).framesSent, 20);
});

test('two talkers hear each other sample for sample, and a lone talker hears digital silence', () => {
  const mpc = new TestConference();
  const word = (first: number) => (frame: Int16Array, index: number) => {
    for (let i = 0; i < frame.length; i++) frame[i] = first + index * 7 + i;
    return true;
  };
  mpc.join('ana', word(1000));
  mpc.runTicks(2);
  assert.ok(mpc.take('ana').every((sample) => sample === 0));
  mpc.join('ben', word(-3000));
  mpc.runTicks(1);
  assert.equal(mpc.take('ana')[5], -3000 + 5);
  assert.equal(mpc.take('ben')[5], 1000 + 2 * 7 + 5);
});

test('a muted member is not heard and goes on hearing', () => {
  const mpc = trio();
  mpc.conference.update(mpc.id('ben'), { muted: true });
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', TONES), [650]);
  assert.deepEqual(mpc.tonesHeardBy('ben', TONES), [440, 650]);
});

test('a held member neither hears nor is heard, until she is taken back', () => {
  const mpc = trio();
  mpc.conference.update(mpc.id('ben'), { held: true });
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', TONES), [650]);
  assert.deepEqual(mpc.tonesHeardBy('ben', TONES), []);
  mpc.conference.update(mpc.id('ben'), { held: false });
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ben', TONES), [440, 650]);
});

test('a whispering supervisor is heard only by those who hear whispers', () => {
  const mpc = trio();
  mpc.conference.update(mpc.id('eve'), { voice: 'whisper', hearsWhispers: true });
  mpc.conference.update(mpc.id('ben'), { hearsWhispers: true });
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', TONES), [550], 'the customer does not hear the whisper');
  assert.deepEqual(mpc.tonesHeardBy('ben', TONES), [440, 650], 'the agent does');
  assert.deepEqual(mpc.tonesHeardBy('eve', TONES), [440, 550], 'the supervisor hears both, and not herself');
});

test('a whisper is heard also while nobody else talks', () => {
  const mpc = new TestConference();
  mpc.hum('eve', 650);
  mpc.join('ben');
  mpc.join('ana');
  mpc.conference.update(mpc.id('eve'), { voice: 'whisper', hearsWhispers: true });
  mpc.conference.update(mpc.id('ben'), { hearsWhispers: true });
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ben', TONES), [650]);
  assert.deepEqual(mpc.tonesHeardBy('ana', TONES), []);
});

test('a member who leaves is heard no more, and her leg is closed', () => {
  const mpc = trio();
  const leg = mpc.leg('eve');
  mpc.runTicks(10);
  mpc.conference.remove(mpc.id('eve'), 'member_left');
  assert.ok(leg.closed);
  mpc.take('ana');
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', TONES), [550]);
});

test('a sum beyond 16 bits is saturated, never wrapped', () => {
  const mpc = new TestConference();
  const shout = (value: number) => (frame: Int16Array) => {
    frame.fill(value);
    return true;
  };
  mpc.join('ana', shout(30000));
  mpc.join('ben', shout(30000));
  mpc.join('eve', shout(-30000));
  mpc.join('quiet');
  mpc.runTicks(1);
  assert.equal(mpc.take('quiet')[0], 30000);
  assert.ok(mpc.take('eve')[0]! > 25000, 'two shouts at once stay at the top of the range');
  assert.equal(mpc.take('ana')[0], 0, 'a loud sum is not saturated before her own voice is taken out');
});
