import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ClipLease } from '../../../../media/clip/index.ts';
import { StoredClip } from '../../../../media/clip/stored-clip.ts';
import { ClipFeed } from '../../../../media/control/clip-feed.ts';
import type { Command } from '../../../../media/worker/protocol.ts';
import { until } from '../../../support/server.ts';
import { levelAt, tone } from '../../../support/tones.ts';

let posted: Command[];
let feed: ClipFeed;
let clip: StoredClip;
let lease: ClipLease;

beforeEach(() => {
  posted = [];
  // As a message it is a copy: what comes later is not in it.
  feed = new ClipFeed((command) => posted.push(structuredClone(command)));
  clip = new StoredClip('https://x.example/a.wav', 8000);
  lease = { clip, cache: 'miss', release: () => {} };
});

/** Adds sound to the clip as the store does. */
function arrive(samples: Int16Array): void {
  const shared = new Int16Array(new SharedArrayBuffer(samples.byteLength));
  shared.set(samples);
  clip.append(shared);
}

/** All samples posted for a sound. */
function fed(sound: number): Int16Array {
  const chunks = posted.flatMap((command) =>
    command.type === 'sound' && command.sound === sound ? command.chunks : [],
  );
  return Int16Array.from(chunks.flatMap((chunk) => [...chunk]));
}

const isComplete = (sound: number) =>
  posted.some((command) => command.type === 'sound' && command.sound === sound && command.complete);

test('a clip is told of once however many use it, as it comes, and forgotten with the last', () => {
  arrive(Int16Array.of(1, 2));
  const first = feed.add(lease);
  assert.equal(feed.add(lease), first);
  arrive(Int16Array.of(3));
  clip.end(false);
  assert.deepEqual([...fed(first)], [1, 2, 3]);
  assert.equal(isComplete(first), true);
  feed.remove(first);
  assert.equal(posted.at(-1)?.type, 'sound');
  feed.remove(first);
  assert.deepEqual(posted.at(-1), { type: 'drop-sound', sound: first });
  assert.notEqual(feed.add(lease), first, 'the next is a sound of its own');
});

test('a normalised clip is a sound of its own: silent until all of it is measured, then at the loudness asked for', async () => {
  const plain = feed.add(lease);
  const normal = feed.add(lease, -23);
  assert.notEqual(normal, plain);
  assert.equal(feed.add(lease, -23), normal);
  const quieter = feed.add(lease, -29);
  arrive(tone(8000, 40_000, { hz: 1000, db: -35 }));
  assert.equal(fed(normal).length, 0);
  clip.end(false);
  await until('both are fed', () => isComplete(normal) && isComplete(quieter));
  // A tone of 1 kHz reads 3 LU under its level against a full-scale sine.
  for (const [sound, db] of [
    [plain, -35],
    [normal, -20],
    [quieter, -26],
  ] as const) {
    const samples = fed(sound);
    assert.equal(samples.length, 40_000);
    assert.ok(Math.abs(levelAt(samples, 8000, 1000) - db) < 0.3, `${levelAt(samples, 8000, 1000)} instead of ${db}`);
  }
});

test('a clip that was measured before is fed at once', async () => {
  arrive(tone(8000, 8000, { hz: 1000, db: -30 }));
  clip.end(false);
  await clip.measure();
  const sound = feed.add(lease, -23);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(fed(sound).length > 0);
});

test('silence stays as it is', async () => {
  arrive(new Int16Array(8000));
  clip.end(false);
  const sound = feed.add(lease, -23);
  await until('it is fed', () => isComplete(sound));
  assert.equal(fed(sound).length, 8000);
});

test('a clip that fails in the midst fails its normalised sound too, which was never complete', async () => {
  const sound = feed.add(lease, -23);
  arrive(tone(8000, 8000, 1000));
  clip.fail('timeout', 'no more data');
  await until('it has failed', () => posted.some(({ type }) => type === 'sound-failed'));
  assert.equal(isComplete(sound), false);
  assert.deepEqual(posted.at(-1), { type: 'sound-failed', sound, reason: 'timeout' });
});

test('a clip that has failed before is told of as failed', () => {
  clip.fail('timeout', 'no answer');
  for (const lufs of [undefined, -23]) {
    const sound = feed.add(lease, lufs);
    assert.deepEqual(posted.at(-1), { type: 'sound-failed', sound, reason: 'timeout' });
  }
});

test('a sound that nobody needs any more gets nothing more', async () => {
  const sound = feed.add(lease, -23);
  arrive(tone(8000, 80_000, { hz: 1000, db: -35 }));
  clip.end(false);
  feed.remove(sound);
  await clip.measure();
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(fed(sound).length, 0);
  assert.deepEqual(posted.at(-1), { type: 'drop-sound', sound });
});
