import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sound } from '../../../../media/play/sound.ts';
import { FRAME, RATE, TestConference } from '../../../support/conference.ts';
import { tone, tonesIn } from '../../../support/tones.ts';

const CLIP = 1000;
const SPEECH = 440;
const BOTH = [CLIP, SPEECH];

function clip(mpc: TestConference, frames: number, hz = CLIP): Sound {
  return mpc.sound(tone(RATE, frames * FRAME, hz));
}

function party(): TestConference {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.join('ben');
  mpc.hum('eve', SPEECH);
  return mpc;
}

test('a play is heard by its targets over the live speech, and by nobody else', () => {
  const mpc = party();
  mpc.play('p', ['ana'], [clip(mpc, 50)]);
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', BOTH), [CLIP, SPEECH]);
  assert.deepEqual(mpc.tonesHeardBy('ben', BOTH), [SPEECH]);
  assert.deepEqual(mpc.tonesHeardBy('eve', BOTH), []);
});

test('a talking target hears the play without her own voice', () => {
  const mpc = party();
  mpc.play('p', ['eve'], [clip(mpc, 50)]);
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('eve', BOTH), [CLIP]);
});

test('a play at unity gain arrives sample for sample at a member who hears nothing else', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const samples = Int16Array.from({ length: 25 * FRAME + 37 }, (_, i) => ((i * 7919) % 65536) - 32768);
  mpc.play('p', ['ana'], [mpc.sound(samples)]);
  mpc.runTicks(30);
  const heard = mpc.take('ana');
  assert.deepEqual(heard.subarray(0, samples.length), samples);
  assert.ok(heard.subarray(samples.length).every((sample) => sample === 0));
});

test('a play to all starts on the same tick for everyone, and each end is reported once', () => {
  const mpc = party();
  mpc.play('p', ['ana', 'ben', 'eve'], [clip(mpc, 10)]);
  mpc.runTicks(20);
  assert.deepEqual(mpc.plays.started, [{ play: 'p', legs: [1, 2, 3], tick: 0 }]);
  assert.deepEqual(
    mpc.plays.ended.map(({ leg, reason, played }) => [leg, reason, played]),
    [1, 2, 3].map((leg) => [leg, 'completed', 10 * FRAME]),
  );
  assert.deepEqual(mpc.plays.settled, ['p']);
});

test('a second play waits in the queue and follows without a gap', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.play('one', ['ana'], [clip(mpc, 10)]);
  mpc.play('two', ['ana'], [clip(mpc, 10, 2000)]);
  mpc.runTicks(10);
  assert.deepEqual(mpc.tonesHeardBy('ana', [1000, 2000]), [1000]);
  mpc.runTicks(10);
  assert.deepEqual(mpc.tonesHeardBy('ana', [1000, 2000]), [2000]);
  assert.deepEqual(
    mpc.plays.started.map(({ play, tick }) => [play, tick]),
    [
      ['one', 0],
      ['two', 10],
    ],
  );
});

test('a play to all starts at once for the idle and later for the busy', () => {
  const mpc = party();
  mpc.play('hers', ['ana'], [clip(mpc, 10)]);
  mpc.runTicks(1);
  mpc.play('all', ['ana', 'ben'], [clip(mpc, 10, 2000)]);
  mpc.runTicks(30);
  assert.deepEqual(
    mpc.plays.started.map(({ play, legs, tick }) => [play, legs, tick]),
    [
      ['hers', [1], 0],
      ['all', [2], 1],
      ['all', [1], 10],
    ],
  );
  assert.deepEqual(mpc.plays.settled, ['hers', 'all']);
});

test('several urls follow each other within one frame, and a loop repeats the list', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const first = Int16Array.from({ length: 100 }, () => 111);
  const second = Int16Array.from({ length: 50 }, () => 222);
  mpc.play('p', ['ana'], [mpc.sound(first), mpc.sound(second)], { loop: 2 });
  mpc.runTicks(4);
  assert.deepEqual(mpc.take('ana').subarray(0, 301), Int16Array.from([...first, ...second, ...first, ...second, 0]));
  assert.equal(mpc.plays.ended[0]?.played, 300);
});

test('an endless loop plays until it is stopped, and ends in a short fade', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.play('p', ['ana'], [mpc.sound(new Int16Array(8).fill(1000))], { loop: 0 });
  mpc.runTicks(500);
  assert.equal(mpc.plays.ended.length, 0);
  mpc.take('ana');
  mpc.conference.stopPlay('p', undefined);
  mpc.runTicks(2);
  const tail = mpc.take('ana');
  assert.ok(tail[0]! > 900 && tail[80]! < 600 && tail[159] === 0 && tail[160] === 0, 'it falls in a straight line');
  assert.equal(mpc.plays.ended[0]?.reason, 'stopped');
});

test('an endless loop over sounds without a sample ends instead of hanging the thread', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.play('p', ['ana'], [mpc.sound(new Int16Array(0))], { loop: 0 });
  mpc.runTicks(3);
  assert.equal(mpc.plays.ended.length, 1);
});

test('stopping a play for one target leaves the others listening', () => {
  const mpc = party();
  mpc.play('p', ['ana', 'ben'], [clip(mpc, 100)]);
  mpc.runTicks(10);
  mpc.conference.stopPlay('p', [mpc.id('ana')]);
  mpc.runTicks(1);
  mpc.take('ana');
  mpc.take('ben');
  mpc.runTicks(40);
  assert.deepEqual(mpc.tonesHeardBy('ana', BOTH), [SPEECH]);
  assert.deepEqual(mpc.tonesHeardBy('ben', BOTH), [CLIP, SPEECH]);
  mpc.runTicks(60);
  assert.deepEqual(
    mpc.plays.ended.map(({ leg, reason }) => [leg, reason]),
    [
      [1, 'stopped'],
      [2, 'completed'],
    ],
  );
});

test('stopping a play that still waits makes no sound and lets the next one through', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.play('one', ['ana'], [clip(mpc, 5)]);
  mpc.play('two', ['ana'], [clip(mpc, 5, 2000)]);
  mpc.play('three', ['ana'], [clip(mpc, 5, 3000)]);
  mpc.runTicks(1);
  mpc.conference.stopPlay('two', undefined);
  mpc.runTicks(20);
  assert.deepEqual(
    mpc.plays.started.map(({ play }) => play),
    ['one', 'three'],
  );
});

test('a play starts on its first frames while the rest is still on its way', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const sound = new Sound(9);
  mpc.play('p', ['ana'], [sound]);
  mpc.runTicks(5);
  assert.equal(mpc.plays.started.length, 0);
  sound.append(tone(RATE, 3 * FRAME, CLIP));
  mpc.conference.stage.soundGrew();
  mpc.runTicks(1);
  assert.equal(mpc.plays.started[0]?.tick, 5);
});

test('a source that falls behind is counted as starved, and the play goes on where it stopped', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const all = tone(RATE, 8 * FRAME, CLIP);
  const sound = new Sound(9);
  sound.append(all.slice(0, 4 * FRAME));
  mpc.play('p', ['ana'], [sound]);
  mpc.runTicks(6);
  sound.append(all.slice(4 * FRAME));
  sound.complete = true;
  mpc.runTicks(6);
  const heard = mpc.take('ana');
  assert.deepEqual(heard.subarray(0, 4 * FRAME), all.subarray(0, 4 * FRAME));
  assert.deepEqual(heard.subarray(6 * FRAME, 10 * FRAME), all.subarray(4 * FRAME));
  assert.equal(mpc.plays.ended[0]?.underruns, 1);
});

test('a sound that fails ends its play at once with the reason, and the next play starts', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const broken = new Sound(9);
  mpc.play('broken', ['ana'], [broken]);
  mpc.play('next', ['ana'], [clip(mpc, 5)]);
  mpc.runTicks(3);
  broken.complete = true;
  broken.failed = true;
  mpc.conference.stage.soundFailed(broken, 'http_status');
  mpc.runTicks(10);
  assert.deepEqual(
    mpc.plays.ended.map(({ play, reason, tick }) => [play, reason, tick]),
    [
      ['broken', 'http_status', 3],
      ['next', 'completed', 7],
    ],
  );
});

test('a play whose second sound failed plays the first and then fails', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const broken = new Sound(9);
  mpc.play('p', ['ana'], [clip(mpc, 5), broken]);
  mpc.runTicks(1);
  broken.complete = true;
  broken.failed = true;
  mpc.conference.stage.soundFailed(broken, 'timeout');
  mpc.runTicks(10);
  assert.deepEqual(
    mpc.plays.ended.map(({ reason, played }) => [reason, played]),
    [['timeout', 5 * FRAME]],
  );
});

test('a member who leaves ends her share of a play and nobody else’s', () => {
  const mpc = party();
  mpc.play('p', ['ana', 'ben'], [clip(mpc, 10)]);
  mpc.play('later', ['ana'], [clip(mpc, 10)]);
  mpc.runTicks(4);
  mpc.conference.remove(mpc.id('ana'), 'member_left');
  mpc.runTicks(10);
  assert.deepEqual(
    mpc.plays.ended.map(({ play, leg, reason, played }) => [play, leg, reason, played]),
    [
      ['p', 1, 'member_left', 4 * FRAME],
      ['later', 1, 'member_left', 0],
      ['p', 2, 'completed', 10 * FRAME],
    ],
  );
});

test('an exclusive play shuts its target off from the conference while it sounds', () => {
  const mpc = party();
  mpc.hum('ben2', 550);
  mpc.play('p', ['eve'], [clip(mpc, 40)], { mix: false });
  mpc.runTicks(1);
  mpc.take('eve');
  mpc.take('ana');
  mpc.runTicks(39);
  assert.deepEqual(mpc.tonesHeardBy('eve', [CLIP, 550]), [CLIP], 'she hears the play alone');
  assert.deepEqual(mpc.tonesHeardBy('ana', [SPEECH, 550]), [550], 'and is not heard');
  mpc.runTicks(40);
  assert.deepEqual(mpc.tonesHeardBy('ana', [SPEECH, 550]), [SPEECH, 550]);
});

test('a held member hears what is played to her', () => {
  const mpc = party();
  mpc.conference.update(mpc.id('ana'), { held: true });
  mpc.play('p', ['ana'], [clip(mpc, 50)]);
  mpc.runTicks(50);
  assert.deepEqual(mpc.tonesHeardBy('ana', BOTH), [CLIP]);
});

test('speech dips under a ducking play and comes back without a jump', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.join('eve', (frame) => {
    frame.fill(10000);
    return true;
  });
  mpc.play('p', ['ana'], [mpc.sound(new Int16Array(20 * FRAME).fill(1))], {
    duck: { gainDb: -20, attackMs: 100, releaseMs: 100 },
  });
  mpc.runTicks(40);
  const heard = mpc.take('ana');
  assert.equal(heard[10 * FRAME], 1001, 'a tenth of the speech under the play');
  assert.equal(heard[39 * FRAME], 10000);
  for (let i = 1; i < heard.length; i++) {
    const jump = Math.abs(heard[i]! - heard[i - 1]!);
    assert.ok(jump < 2200, `a jump of ${jump} at sample ${i}`);
  }
});

test('a member who joins during a play for later joiners hears it from where it is', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const samples = Int16Array.from({ length: 20 * FRAME }, (_, i) => i);
  mpc.play('p', ['ana'], [mpc.sound(samples)], { laterJoiners: true });
  mpc.runTicks(5);
  mpc.join('ben');
  mpc.runTicks(20);
  assert.equal(mpc.take('ben')[0], 5 * FRAME);
  assert.deepEqual(
    mpc.plays.ended.map(({ leg, played }) => [leg, played]),
    [
      [1, 20 * FRAME],
      [2, 15 * FRAME],
    ],
  );
});

test('a replacing play ends what sounds and what waits, and starts', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.play('one', ['ana'], [clip(mpc, 50)]);
  mpc.play('two', ['ana'], [clip(mpc, 50)]);
  mpc.runTicks(5);
  mpc.play('three', ['ana'], [clip(mpc, 50, 2000)], { mode: 'replace' });
  mpc.runTicks(2);
  mpc.take('ana');
  mpc.runTicks(30);
  assert.deepEqual(mpc.tonesHeardBy('ana', [1000, 2000]), [2000]);
  assert.deepEqual(
    mpc.plays.ended.map(({ play, reason }) => [play, reason]),
    [
      ['two', 'stopped'],
      ['one', 'stopped'],
    ],
  );
});

test('pause holds a play in place, seek moves it, and gain ramps', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const samples = Int16Array.from({ length: 100 * FRAME }, (_, i) => 100 * (1 + Math.floor(i / FRAME)));
  mpc.play('p', ['ana'], [mpc.sound(samples)]);
  mpc.runTicks(2);
  mpc.conference.stage.pause('p', true);
  mpc.runTicks(4);
  mpc.conference.stage.pause('p', false);
  mpc.runTicks(2);
  mpc.conference.stage.seek('p', 50 * FRAME);
  mpc.runTicks(3);
  mpc.conference.stage.pause('p', true);
  mpc.runTicks(2);
  const heard = mpc.take('ana');
  const middleOf = (frame: number): number => heard[frame * FRAME + FRAME / 2]!;
  assert.deepEqual([0, 1, 3, 4].map(middleOf), [100, 200, 0, 0]);
  assert.deepEqual([middleOf(7), middleOf(10)], [500, 5200], 'on from where it was, then from where it was sent');
  for (let i = 1; i < heard.length; i++)
    assert.ok(Math.abs(heard[i]! - heard[i - 1]!) <= 101, `a jump from ${heard[i - 1]} to ${heard[i]} at ${i}`);
});

test('a later joiner of a play that still waits is taken in when it starts, and her next play waits for it', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  const sound = new Sound(9);
  mpc.play('music', ['ana'], [sound], { laterJoiners: true });
  mpc.runTicks(2);
  mpc.join('ben');
  sound.append(new Int16Array(10 * FRAME).fill(500));
  sound.complete = true;
  mpc.conference.stage.soundGrew();
  mpc.runTicks(2);
  mpc.join('eve');
  mpc.play('next', ['eve'], [mpc.sound(new Int16Array(FRAME).fill(7))]);
  mpc.runTicks(20);
  assert.deepEqual(
    mpc.plays.ended.map(({ play, leg, played }) => [play, leg, played]),
    [
      ['music', 1, 10 * FRAME],
      ['music', 2, 10 * FRAME],
      ['music', 3, 8 * FRAME],
      ['next', 3, FRAME],
    ],
  );
});

test('a bed dips under an announcement to the one who hears it, and comes back without a jump', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.join('ben');
  mpc.play('bed', ['ana', 'ben'], [mpc.sound(new Int16Array(60 * FRAME).fill(8000))], { layer: 'bed' });
  mpc.runTicks(10);
  mpc.play('word', ['ana'], [mpc.sound(new Int16Array(20 * FRAME).fill(1))], { layer: 'announcement' });
  mpc.runTicks(40);
  const heard = mpc.take('ana');
  assert.equal(heard[25 * FRAME], 2001, 'a quarter of the bed under the announcement');
  assert.equal(heard[45 * FRAME], 8000);
  assert.ok(
    mpc.take('ben').every((sample) => sample === 8000),
    'the other hears the bed as it is',
  );
  for (let i = 1; i < heard.length; i++) assert.ok(Math.abs(heard[i]! - heard[i - 1]!) < 100, `a jump at ${i}`);
});

test('a bed that pauses waits in place under an announcement, for its listener alone', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.join('ben');
  const bed = Int16Array.from({ length: 40 * FRAME }, (_, i) => 1 + Math.floor(i / FRAME));
  mpc.play('bed', ['ana', 'ben'], [mpc.sound(bed)], { layer: 'bed', covered: 'pause' });
  mpc.runTicks(10);
  mpc.play('one', ['ana'], [mpc.sound(new Int16Array(5 * FRAME).fill(1000))]);
  mpc.play('two', ['ana'], [mpc.sound(new Int16Array(5 * FRAME).fill(2000))]);
  mpc.runTicks(50);
  const lasts = (name: string): number[] => {
    const heard = mpc.take(name);
    return Array.from({ length: heard.length / FRAME }, (_, i) => heard[i * FRAME + FRAME - 1]!);
  };
  const ana = lasts('ana');
  assert.deepEqual(ana.slice(8, 23), [9, 10, 1000, 1000, 1000, 1000, 1000, 2000, 2000, 2000, 2000, 2000, 12, 13, 14]);
  assert.deepEqual(
    lasts('ben').slice(8, 23),
    Array.from({ length: 15 }, (_, i) => 9 + i),
  );
  assert.deepEqual(
    mpc.plays.ended.filter(({ play }) => play === 'bed').map(({ leg, reason, played }) => [leg, reason, played]),
    [
      [2, 'completed', 40 * FRAME],
      [1, 'completed', 40 * FRAME],
    ],
  );
});

test('layers have queues of their own: a whisper does not wait for an announcement', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.play('word', ['ana'], [clip(mpc, 50)]);
  mpc.play('whisper', ['ana'], [clip(mpc, 20, 2000)], { layer: 'whisper' });
  mpc.runTicks(20);
  assert.deepEqual(mpc.tonesHeardBy('ana', [1000, 2000]), [1000, 2000]);
});

test('a play that was heard elsewhere goes on in its place, and before what waits with a higher priority', () => {
  const mpc = new TestConference();
  mpc.join('ana');
  mpc.join('ben');
  const [ana, ben] = ['ana', 'ben'].map((name) => mpc.conference.member(mpc.id(name))!);
  const place = { item: 1, round: 1, sample: 7 * FRAME, played: 17 * FRAME };
  const sounds = [clip(mpc, 10, 500), clip(mpc, 10, 1500)];
  mpc.play('again', [], sounds);
  const run = mpc.play('resumed', [], sounds);
  mpc.conference.stage.play(run, [ana!, ben!], new Map([[ana!, place]]));
  mpc.play('urgent', ['ana'], [clip(mpc, 5, 3000)], { priority: 9 });
  mpc.runTicks(3);
  assert.deepEqual(
    tonesIn(mpc.take('ana').subarray(FRAME), RATE, [500, 1500, 3000]).map(({ hz }) => hz),
    [1500],
  );
  assert.deepEqual(mpc.tonesHeardBy('ben', [500, 1500, 3000]), [500], 'who had not heard it hears it from the start');
  mpc.runTicks(5);
  assert.deepEqual(mpc.tonesHeardBy('ana', [500, 1500, 3000]), [3000]);
  const [ended] = mpc.plays.ended.filter(({ play }) => play === 'resumed');
  assert.deepEqual([ended?.reason, ended?.played], ['completed', 3 * FRAME], 'it counts what it sounded itself');
});
