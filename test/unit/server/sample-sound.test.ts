import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSource, sourcePolicy } from '../../../media/clip/index.ts';
import { chimeWav, serveSampleSound } from '../../../server/sample-sound.ts';

test('the chime is a wav of a few seconds that is clearly audible and never clips', () => {
  const file = chimeWav();
  const view = new DataView(file.buffer);
  assert.equal(Buffer.from(file.subarray(0, 4)).toString(), 'RIFF');
  assert.equal(view.getUint32(24, true), 8000);
  assert.equal(view.getUint32(40, true), file.length - 44);
  const samples = new Int16Array(file.buffer, 44);
  const seconds = samples.length / 8000;
  assert.ok(seconds > 2 && seconds < 4);
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  assert.ok(peak > 5000 && peak <= 12_000, `peak ${peak}`);
  assert.ok(Math.abs(samples.at(-1) ?? 0) < 500, 'it has rung out at its end');
});

test('the chime has one address that plays may fetch from, and nothing else is there', async (t) => {
  const sample = await serveSampleSound();
  t.after(() => sample.close());
  const got = await fetch(sample.url);
  assert.deepEqual(new Uint8Array(await got.arrayBuffer()), chimeWav());
  assert.equal((await fetch(new URL('/other', sample.url))).status, 404);
  assert.equal((await fetch(sample.url, { method: 'POST' })).status, 404);
  const policy = sourcePolicy({ allow: sample.allow });
  assert.equal(checkSource(sample.url, policy).ok, true);
  const { port } = new URL(sample.url);
  assert.equal(checkSource(`http://127.0.0.1:${Number(port) + 1}/chime.wav`, policy).ok, false);
  assert.equal(checkSource(`http://127.0.0.2:${port}/chime.wav`, policy).ok, false);
});
