import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SharedSamples } from '../../../../media/clip/clip.ts';
import { CrashRecord } from '../../../../media/clip/crash-record.ts';
import { PcmSink } from '../../../../media/clip/pcm-sink.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { tone } from '../../../support/tones.ts';

function sinkOf(maxSeconds = 100) {
  const clock = new HandClock();
  const chunks: SharedSamples[] = [];
  const seen = { chunks, clock, bytes: 0, overflows: 0 };
  const sink = new PcmSink(
    { sampleRate: 8000, maxSeconds, clock },
    {
      onChunk: (samples) => chunks.push(samples),
      onGrowth: (bytes) => {
        seen.bytes = bytes;
      },
      onOverflow: () => seen.overflows++,
    },
  );
  return { sink, ...seen, seen };
}

test('samples come out of shared memory as they went in, whatever the pieces', () => {
  const { sink, chunks, clock, seen } = sinkOf();
  const sound = tone(8000, 100_001, 440);
  let at = 0;
  for (const size of [1, 159, 8000, 31, 70_000, 21_810]) {
    sink.write(sound.subarray(at, at + size));
    at += size;
    clock.advance(50);
  }
  sink.flush();
  assert.deepEqual(
    chunks.flatMap((chunk) => [...chunk]),
    [...sound],
  );
  for (const chunk of chunks) assert.ok(chunk.buffer instanceof SharedArrayBuffer);
  assert.ok(seen.bytes >= sound.byteLength && seen.bytes < sound.byteLength + 4 * 8000 * 2);
});

test('the first chunk leaves at once but not before it is a frame, later ones are gathered for a moment', () => {
  const { sink, chunks, clock } = sinkOf();
  sink.write(new Int16Array(100));
  assert.deepEqual([chunks.length, sink.audible], [0, false]);
  sink.write(new Int16Array(60));
  assert.deepEqual([chunks.length, sink.audible], [1, true]);
  for (let i = 0; i < 20; i++) sink.write(new Int16Array(160));
  assert.equal(chunks.length, 1);
  clock.advance(10);
  assert.deepEqual(
    chunks.map(({ length }) => length),
    [160, 3200],
  );
});

test('what was handed out is never written again', () => {
  const { sink, chunks, clock } = sinkOf();
  sink.write(tone(8000, 400, 440));
  const copy = [...chunks[0]!];
  for (let i = 0; i < 100; i++) sink.write(new Int16Array(500).fill(7));
  clock.advance(10);
  assert.deepEqual([...chunks[0]!], copy);
});

test('more sound than allowed is told once, and dropped', () => {
  const { sink, chunks, seen } = sinkOf(1);
  sink.write(new Int16Array(8000));
  assert.equal(seen.overflows, 0);
  sink.write(new Int16Array(1));
  sink.write(new Int16Array(1));
  sink.flush();
  assert.equal(seen.overflows, 1);
  assert.equal(
    chunks.reduce((sum, { length }) => sum + length, 0),
    8000,
  );
});

test('a closed sink leaves no timer and takes nothing', () => {
  const { sink, chunks, clock } = sinkOf();
  sink.write(new Int16Array(160));
  sink.write(new Int16Array(160));
  sink.close();
  sink.write(new Int16Array(160));
  assert.deepEqual([clock.pending, chunks.length], [0, 1]);
});

test('a source that crashes its decoder five times in ten minutes is refused for ten', () => {
  const clock = new HandClock();
  const record = new CrashRecord({ crashes: 5, windowMs: 600_000 }, clock);
  for (let crash = 0; crash < 5; crash++) {
    assert.equal(record.refuses('u'), false);
    record.add('u');
    clock.advance(60_000);
  }
  assert.equal(record.refuses('u'), true);
  assert.equal(record.refuses('v'), false);
  clock.advance(539_999);
  assert.equal(record.refuses('u'), true);
  clock.advance(1);
  assert.equal(record.refuses('u'), false);
});

test('crashes far apart do not add up', () => {
  const clock = new HandClock();
  const record = new CrashRecord({ crashes: 5, windowMs: 600_000 }, clock);
  for (let crash = 0; crash < 20; crash++) {
    record.add('u');
    assert.equal(record.refuses('u'), false);
    clock.advance(151_000);
  }
});
