import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoudnessMeter } from '../../../../media/audio/loudness.ts';
import { measureClip, nextTurn } from '../../../../media/clip/clip-loudness.ts';
import { StoredClip } from '../../../../media/clip/stored-clip.ts';
import { seededRandom } from '../../../support/random.ts';
import { tone } from '../../../support/tones.ts';

function shared(samples: Int16Array): Int16Array<SharedArrayBuffer> {
  const copy = new Int16Array(new SharedArrayBuffer(samples.byteLength));
  copy.set(samples);
  return copy;
}

test('a clip that comes in pieces of any size measures as if it were one', async () => {
  const random = seededRandom(5);
  const samples = Int16Array.from(tone(8000, 100_000, { hz: 700, db: -25 }), (value) =>
    Math.round(value + 2000 * (random() - 0.5)),
  );
  const meter = new LoudnessMeter(8000);
  meter.add(samples);
  const clip = new StoredClip('https://x.example/a.wav', 8000);
  const measuring = clip.measure();
  assert.equal(clip.measure(), measuring, 'once for all who ask');
  for (let at = 0; at < samples.length; ) {
    const length = 1 + Math.floor(random() * 30_000);
    clip.append(shared(samples.subarray(at, at + length)));
    at += length;
    if (random() < 0.5) await nextTurn();
  }
  assert.equal(clip.loudness, undefined, 'not before its end');
  clip.end(false);
  assert.deepEqual(await measuring, meter.result());
  assert.deepEqual(clip.loudness, await measuring);
});

test('the thread is given a turn again and again', async () => {
  const clip = new StoredClip('https://x.example/a.wav', 8000);
  clip.append(shared(new Int16Array(8000 * 60)));
  clip.end(false);
  let turns = 0;
  await measureClip(clip, async () => {
    turns += 1;
  });
  assert.ok(turns >= 29, `${turns} turns for a minute of sound`);
});

test('a clip that fails has no loudness', async () => {
  const clip = new StoredClip('https://x.example/a.wav', 8000);
  const measuring = clip.measure();
  clip.append(shared(new Int16Array(800)));
  await nextTurn();
  clip.fail('timeout', 'no more data');
  assert.equal(await measuring, undefined);
});

test('a clip that takes over the samples of another takes over what they measured', async () => {
  const before = new StoredClip('https://x.example/a.wav', 8000);
  before.append(shared(tone(8000, 8000, 1000)));
  before.end(false);
  const loudness = await before.measure();
  const after = new StoredClip('https://x.example/a.wav', 8000);
  after.adopt(before);
  after.end(false);
  assert.equal(after.loudness, loudness);
  assert.equal(await after.measure(), loudness);
  assert.equal(after.sampleCount, 8000);
});
