import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME, RATE, TestConference } from '../../../support/conference.ts';
import { levelAt, tone, tonesIn } from '../../../support/tones.ts';

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

test('five loud talkers and music at full scale never wrap and never crackle', () => {
  const mpc = new TestConference();
  mpc.join('quiet');
  for (const [index, hz] of [300, 500, 700, 900, 1100].entries()) mpc.hum(`loud${index}`, hz, 32000);
  mpc.play('music', ['quiet'], [mpc.sound(tone(RATE, 400 * FRAME, { hz: 1300, db: 0 }))]);
  mpc.runTicks(100);
  mpc.take('quiet');
  mpc.runTicks(200);
  const heard = mpc.take('quiet');
  const all = [300, 500, 700, 900, 1100, 1300];
  for (const hz of all) assert.ok(levelAt(heard, RATE, hz) > -20, `${hz} Hz is heard`);
  for (const hz of [150, 1500, 1700, 2100, 2700, 3300])
    assert.ok(levelAt(heard, RATE, hz) < -40, `nothing at ${hz} Hz: ${levelAt(heard, RATE, hz)}`);
});

test('a tone at twice full scale keeps its shape: no harmonic above -40 dB of it', () => {
  const mpc = new TestConference();
  mpc.join('quiet');
  mpc.hum('one', 1000, 32767);
  mpc.hum('two', 1000, 32767);
  mpc.runTicks(25);
  mpc.take('quiet');
  mpc.runTicks(100);
  const heard = mpc.take('quiet');
  const level = levelAt(heard, RATE, 1000);
  assert.ok(level > -2, `still loud: ${level}`);
  for (const hz of [2000, 3000]) assert.ok(levelAt(heard, RATE, hz) < level - 40, `${hz} Hz`);
});

test('her own shout does not turn down what a talker hears', () => {
  const mpc = new TestConference();
  mpc.hum('loud', 500, 32767);
  mpc.hum('louder', 700, 32767);
  mpc.hum('ana', 900, 32767);
  mpc.conference.update(mpc.id('louder'), { muted: true });
  mpc.runTicks(50);
  const level = levelAt(mpc.take('ana'), RATE, 500);
  assert.ok(level > -0.1, `${level} dB: the sum without her fits, so it is not limited`);
});

test('speaking is reported when it starts and when it has been over for a while', () => {
  const mpc = new TestConference();
  mpc.join('ana', (frame, index) => {
    for (let i = 0; i < frame.length; i++) frame[i] = 8000 * Math.sin(i);
    return index >= 10 && index < 60;
  });
  mpc.runTicks(120);
  assert.deepEqual(
    mpc.talks.map(({ active }) => active),
    [true, false],
  );
  assert.ok(mpc.talks[0]!.tick <= 13 && mpc.talks[1]!.tick >= 70);
});

test('with room for two talkers the two strongest are heard', () => {
  const mpc = new TestConference({ maxTalkers: 2, noiseGate: false });
  mpc.join('quiet');
  mpc.hum('soft', 440, 500);
  mpc.hum('loud', 550, 9000);
  mpc.hum('louder', 650, 12000);
  mpc.runTicks(10);
  mpc.take('quiet');
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('quiet', TONES), [550, 650]);
});

test('behind a noise gate a steady hum is not heard and speech is', () => {
  const mpc = new TestConference({ maxTalkers: 0, noiseGate: true });
  mpc.join('quiet');
  mpc.hum('fan', 440, 60);
  mpc.hum('voice', 550, 9000);
  mpc.runTicks(20);
  mpc.take('quiet');
  mpc.runTicks(50);
  assert.deepEqual(
    tonesIn(mpc.take('quiet'), RATE, TONES, -70).map(({ hz }) => hz),
    [550],
  );
});

test('a tone through a conference with a silent member is not altered in one frame of ten minutes', () => {
  const mpc = new TestConference();
  mpc.join('silent');
  mpc.hum('tone', 1000, 9000);
  let wrong = 0;
  for (let minute = 0; minute < 10; minute++) {
    mpc.runTicks(3000);
    const heard = mpc.take('silent');
    // 1 kHz repeats every 8 samples, so every period must equal the first.
    for (let i = 8; i < heard.length; i++) if (heard[i] !== heard[i - 8]) wrong += 1;
  }
  assert.equal(wrong, 0);
});
