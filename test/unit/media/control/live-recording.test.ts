import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveRecordings } from '../../../../media/control/live-recordings.ts';
import type { EngineRecording, RecordingEnd } from '../../../../media/engine.ts';
import { FrameRing } from '../../../../media/recording/frame-ring.ts';
import type { RecordCommand } from '../../../../media/worker/protocol.ts';
import { HandClock } from '../../../support/hand-clock.ts';

const SIZE = 160;

/** A recording whose mixer is the test. */
class Rig {
  readonly clock = new HandClock();
  readonly posted: RecordCommand[] = [];
  readonly written: number[] = [];
  readonly ends: RecordingEnd[] = [];
  readonly desk = new LiveRecordings(this.clock, (command) => this.posted.push(command));
  readonly recording: EngineRecording;
  /** Set to hold up the next write. */
  gate: Promise<void> | undefined;

  constructor(leg?: number) {
    this.recording = this.desk.start(
      {
        id: 'r',
        conference: 'c',
        leg,
        write: async (samples) => {
          await this.gate;
          for (let at = 0; at < samples.length; at += SIZE) this.written.push(samples[at]!);
        },
        onEnd: (end) => this.ends.push(end),
      },
      8000,
    );
  }

  /** What the mixer writes into. */
  get ring(): FrameRing {
    const opened = this.posted.findLast((command) => command.type === 'record');
    assert.ok(opened?.type === 'record', 'it was opened in a mixer');
    return new FrameRing(opened.ring, SIZE);
  }

  /** One frame for each value, filled with it. */
  hear(values: readonly number[], missing = 0): void {
    const { ring } = this;
    for (const value of values) ring.write(new Int16Array(SIZE).fill(value), missing);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await new Promise((done) => setImmediate(done));
  }
}

test('what the mixer hears is written in order, with silence for what is missing', async () => {
  const rig = new Rig();
  rig.hear([1, 2]);
  rig.hear([3], 2);
  await rig.pass(200);
  assert.deepEqual(rig.written, [1, 2, 0, 0, 3]);
  assert.equal(rig.recording.missingFrames, 2);
});

test('it ends once all the mixer had was written, and says so once', async () => {
  const rig = new Rig();
  rig.hear([1]);
  rig.recording.stop();
  rig.recording.stop();
  assert.deepEqual(
    rig.posted.map(({ type }) => type),
    ['record', 'stop-record'],
  );
  rig.hear([2]);
  assert.deepEqual(rig.ends, []);
  rig.desk.ending('r', 1);
  await rig.desk.ended();
  assert.deepEqual(rig.written, [1, 2, 0]);
  assert.deepEqual(rig.ends, ['stopped']);
});

test('a slow disk holds up the writing and loses no order', async () => {
  const rig = new Rig();
  let open = (): void => {};
  rig.gate = new Promise((done) => {
    open = done;
  });
  rig.hear([1]);
  await rig.pass(200);
  rig.hear([2, 3]);
  await rig.pass(200);
  rig.recording.stop();
  rig.desk.ending('r', 0);
  assert.deepEqual(rig.written, []);
  open();
  await rig.desk.ended();
  assert.deepEqual(rig.written, [1, 2, 3]);
});

test('a recording of a member ends with her leg, one of everything with its conference', async () => {
  const [one, all] = [new Rig(7), new Rig()];
  for (const rig of [one, all]) {
    rig.desk.legLeft(8);
    rig.desk.legLeft(7);
    rig.desk.conferenceEnded('other');
    rig.desk.conferenceEnded('c');
    rig.desk.ending('r', 0);
    await rig.desk.ended();
  }
  assert.deepEqual(one.ends, ['member_left']);
  assert.deepEqual(all.ends, ['conference_ended']);
});

test('it goes on in another mixer when its own died, with silence for the time between', async () => {
  const rig = new Rig();
  rig.hear([1, 2]);
  rig.desk.mixerDied(() => 'moved');
  await rig.pass(0);
  assert.equal(rig.posted.filter(({ type }) => type === 'record').length, 2);
  await rig.pass(200);
  rig.hear([3, 4]);
  await rig.pass(200);
  assert.deepEqual(rig.written, [1, 2, ...new Array(18).fill(0), 3, 4]);
});

test('one that was ending when its mixer died ends all the same', async () => {
  const rig = new Rig();
  rig.hear([1]);
  rig.recording.stop();
  rig.desk.mixerDied(() => 'moved');
  await rig.desk.ended();
  assert.deepEqual(rig.written, [1]);
  assert.deepEqual(rig.ends, ['stopped']);
});

test('one whose conference had just ended when the mixer died ends with what there is', async () => {
  const rig = new Rig();
  rig.hear([1]);
  rig.desk.conferenceEnded('c');
  rig.desk.mixerDied(() => 'untouched');
  await rig.pass(0);
  assert.deepEqual(rig.ends, []);
  rig.desk.mixerDied(() => 'gone');
  await rig.desk.ended();
  assert.deepEqual(rig.written, [1]);
  assert.deepEqual(rig.ends, ['conference_ended']);
});

test('pausing is passed on, and a mixer that takes over knows of it', async () => {
  const rig = new Rig();
  rig.recording.pause();
  rig.recording.pause();
  rig.desk.mixerDied(() => 'moved');
  await rig.pass(0);
  rig.recording.resume();
  assert.deepEqual(
    rig.posted.map((command) => ('paused' in command ? [command.type, command.paused] : [command.type])),
    [
      ['record', false],
      ['pause-record', true],
      ['record', true],
      ['pause-record', false],
    ],
  );
});
