import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addSequence,
  addTimestamp,
  extendSequence,
  extendTimestamp,
  sequenceDistance,
  timestampDistance,
} from '../../../../media/rtp/sequence.ts';

test('distances are signed and short across the wrap', () => {
  assert.equal(sequenceDistance(65_535, 0), 1);
  assert.equal(sequenceDistance(0, 65_535), -1);
  assert.equal(sequenceDistance(10, 32_777), 32_767);
  assert.equal(sequenceDistance(10, 32_778), -32_768);
  assert.equal(timestampDistance(0xffff_ff60, 0), 160);
  assert.equal(timestampDistance(0, 0xffff_ff60), -160);
});

test('sums wrap', () => {
  assert.equal(addSequence(65_530, 10), 4);
  assert.equal(addSequence(3, -5), 65_534);
  assert.equal(addTimestamp(0xffff_ff60, 320), 160);
});

test('extended numbers count on through many wraps, forward and back', () => {
  let sequence = 65_000;
  let timestamp = 0xffff_0000;
  for (let step = 1; step <= 300_000; step++) {
    sequence = extendSequence(sequence, (65_000 + step) & 0xffff);
    timestamp = extendTimestamp(timestamp, (0xffff_0000 + step * 48_000) >>> 0);
  }
  assert.equal(sequence, 65_000 + 300_000);
  assert.equal(timestamp, 0xffff_0000 + 300_000 * 48_000);
  assert.equal(extendSequence(sequence, (sequence - 7) & 0xffff), sequence - 7);
  assert.equal(extendTimestamp(timestamp, (timestamp - 7) % 2 ** 32), timestamp - 7);
  assert.equal(extendSequence(3, 65_533), -3, 'older than the first');
});
