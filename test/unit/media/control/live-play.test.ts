import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ClipLease } from '../../../../media/clip/index.ts';
import { StoredClip } from '../../../../media/clip/stored-clip.ts';
import { LivePlay } from '../../../../media/control/live-play.ts';
import type { PlayEvent, PlayOptions } from '../../../../media/engine.ts';
import { PLAIN_PLAY } from '../../../../media/play/plain-play.ts';
import type { Command } from '../../../../media/worker/protocol.ts';

const OPTIONS: PlayOptions = { ...PLAIN_PLAY, fadeInMs: 300, laterJoiners: true, mode: 'replace' };

let posted: Command[];
let events: PlayEvent[];
let clip: StoredClip;
let play: LivePlay;
let now: number;

beforeEach(() => {
  posted = [];
  events = [];
  now = 5000;
  clip = new StoredClip('https://x.example/a.wav', 8000);
  const lease: ClipLease = { clip, cache: 'miss', release: () => {} };
  play = new LivePlay({
    request: { id: 'p', conference: 'c', legs: [1, 2], urls: [], requestedAt: 4000, options: OPTIONS },
    leases: [lease],
    sounds: [7],
    thread: { post: (command) => posted.push(command), feed: undefined as never },
    now: () => now,
    onEvent: (event) => events.push(event),
  });
});

const progress = (positionMs: number, paused = false, legs = [1, 2]) =>
  play.progress(
    {
      play: 'p',
      positionMs,
      item: 0,
      round: 1,
      soundedMs: positionMs,
      paused,
      legs: legs.map((leg) => ({ leg, playedMs: positionMs, underruns: 0 })),
    },
    now,
  );

test('its mixer is told what was asked for: only who goes on in another replaces nothing any more', () => {
  play.begin();
  assert.deepEqual(posted, [{ type: 'play', play: 'p', conference: 'c', legs: [1, 2], sounds: [7], options: OPTIONS }]);
});

test('changes to a play that sounds go to the mixer at once', () => {
  play.started([1, 2], 5000);
  play.setGain(-20, 100);
  play.seek(3000);
  play.pause();
  play.pause();
  play.resume();
  assert.deepEqual(posted, [
    { type: 'play-gain', play: 'p', gain: 0.1, rampMs: 100 },
    { type: 'seek-play', play: 'p', positionMs: 3000 },
    { type: 'pause-play', play: 'p', paused: true },
    { type: 'pause-play', play: 'p', paused: false },
  ]);
});

test('changes to a play that waits are in force with its first frame', () => {
  play.seek(3000);
  play.setGain(-20, 100);
  assert.deepEqual(posted, [{ type: 'pause-play', play: 'p', paused: true }], 'it is held at its first frame');
  assert.deepEqual([play.status, play.positionMs], ['fetching', 3000]);
  posted.length = 0;
  play.started([1], 5100);
  assert.deepEqual(posted, [
    { type: 'play-gain', play: 'p', gain: 0.1, rampMs: OPTIONS.fadeInMs },
    { type: 'seek-play', play: 'p', positionMs: 3000 },
    { type: 'pause-play', play: 'p', paused: false },
  ]);
  posted.length = 0;
  now += 300;
  play.started([2], 5200);
  assert.deepEqual(
    posted,
    [{ type: 'play-gain', play: 'p', gain: 0.1, rampMs: 0 }],
    'the place of the start only once',
  );
});

test('who had to wait for her turn gets the gain of now, and the rest of its ramp', () => {
  play.started([1], 5000);
  play.setGain(-20, 1000);
  now += 400;
  posted.length = 0;
  play.started([2], now);
  assert.deepEqual(posted, [{ type: 'play-gain', play: 'p', gain: 0.1, rampMs: 600 }]);
  posted.length = 0;
  play.started([3], now);
  assert.deepEqual(posted, [], 'who joins later hears what the others hear');
});

test('a play that waits and was paused by its owner starts paused', () => {
  play.pause();
  play.setGain(-20, 0);
  play.resume();
  play.pause();
  posted.length = 0;
  play.started([1], 5100);
  assert.equal(play.status, 'paused');
  assert.deepEqual(
    posted.map(({ type }) => type),
    ['play-gain'],
  );
  play.resume();
  assert.deepEqual(posted.at(-1), { type: 'pause-play', play: 'p', paused: false });
});

test('a pause is seen at once, and its position stands still', () => {
  play.started([1, 2], now);
  now += 200;
  progress(180);
  now += 50;
  assert.equal(play.positionMs, 220);
  play.pause();
  for (const [at, paused] of [
    [200, false],
    [240, true],
    [240, true],
  ] as const) {
    progress(at, paused);
    now += 200;
    assert.deepEqual([play.status, play.positionMs], ['paused', 220]);
  }
  assert.equal(play.targets[0]?.playedMs, 240, 'what was sent is as the mixer says');
});

test('its position is that of who has been listening longest, and never beyond the clip', () => {
  clip.append(new Int16Array(new SharedArrayBuffer(16_000)));
  clip.end(false);
  play.started([2], now);
  progress(500, false, [2]);
  play.started([1], now);
  progress(100, false, [1]);
  assert.equal(play.positionMs, 100, 'leg 1 comes first in the play');
  play.ended(1, 'member_left', 100, 0);
  progress(900, false, [2]);
  now += 200;
  assert.equal(play.positionMs, 1000);
});

test('who joins later becomes a target with a start but no latency', () => {
  play.started([1, 2], 4040);
  play.started([3], 4500);
  assert.deepEqual(
    events.map((event) => event.type === 'started' && [event.leg, event.latencyMs]),
    [
      [1, 40],
      [2, 40],
      [3, undefined],
    ],
  );
  assert.deepEqual(
    play.targets.map(({ leg, startLatencyMs }) => [leg, startLatencyMs]),
    [
      [1, 40],
      [2, 40],
      [3, undefined],
    ],
  );
});

test('a play that is over takes no more changes', () => {
  play.started([1, 2], 5000);
  for (const leg of [1, 2]) play.ended(leg, 'completed', 1000, 0);
  posted.length = 0;
  play.pause();
  play.seek(0);
  play.setGain(0, 0);
  play.stop();
  assert.deepEqual([posted, play.status], [[], 'completed']);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['started', 'started', 'ended', 'ended', 'finished'],
  );
});

test('when its mixer dies it goes on in the next: each listener in her place, who waited waits, what was asked is kept', () => {
  play.begin();
  play.started([1], 5000);
  progress(180, false, [1]);
  play.setGain(-20, 0);
  play.suspend(now + 61);
  now += 500;
  posted.length = 0;
  play.pause();
  play.stop([2]);
  assert.deepEqual([posted, play.status, play.targets[0]?.playedMs], [[], 'paused', 240], 'there is nobody to tell');
  const next: Command[] = [];
  play.goOn({ post: (command) => next.push(command), feed: undefined as never }, [9]);
  assert.deepEqual(next, [
    {
      type: 'play',
      play: 'p',
      conference: 'c',
      legs: [1, 2],
      sounds: [9],
      options: { ...OPTIONS, gainDb: -20, mode: 'queue' },
      resumed: [{ item: 0, round: 1, positionMs: 240, soundedMs: 240, legs: [1] }],
    },
    { type: 'pause-play', play: 'p', paused: true },
    { type: 'stop-play', play: 'p', legs: [2] },
  ]);
  events.length = 0;
  play.started([1], 5400);
  assert.deepEqual([events, play.positionMs], [[], 240], 'it had started long before');
  play.ended(1, 'completed', 760, 1);
  assert.deepEqual(play.targets[0], {
    leg: 1,
    status: 'completed',
    playedMs: 1000,
    startLatencyMs: 1000,
    underruns: 1,
    end: 'completed',
  });
});
