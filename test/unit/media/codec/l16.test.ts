import assert from 'node:assert/strict';
import { test } from 'node:test';
import { l16, l16LittleEndian } from '../../../../media/codec/l16.ts';
import { seededRandom } from '../../../support/random.ts';

const SAMPLES = new Int16Array([0, 1, -1, 258, 32_767, -32_768]);

test('L16 puts the high byte first on RTP', () => {
  const out = new Uint8Array(13);
  assert.equal(l16(8000).createEncoder().encode(SAMPLES, out, 1), 12);
  assert.deepEqual([...out], [0, 0, 0, 0, 1, 255, 255, 1, 2, 127, 255, 128, 0]);
});

test('L16 puts the low byte first on a WebSocket', () => {
  const out = new Uint8Array(12);
  assert.equal(l16LittleEndian(8000).createEncoder().encode(SAMPLES, out, 0), 12);
  assert.deepEqual([...out], [0, 0, 1, 0, 255, 255, 2, 1, 255, 127, 0, 128]);
});

test('any samples survive both byte orders at any offset', () => {
  const random = seededRandom(16);
  for (const codec of [l16(16_000), l16LittleEndian(16_000)]) {
    const encoder = codec.createEncoder();
    const decoder = codec.createDecoder();
    for (let round = 0; round < 50; round++) {
      const sent = Int16Array.from({ length: 320 }, () => Math.floor(random() * 65_536) - 32_768);
      const offset = Math.floor(random() * 20);
      const wire = new Uint8Array(codec.maxPayloadBytes + offset);
      const bytes = encoder.encode(sent, wire, offset);
      const heard = new Int16Array(320);
      assert.equal(decoder.decode(wire, offset, bytes, heard), 320);
      assert.deepEqual(heard, sent);
    }
  }
});

test('half a sample, a short frame and a wrong length are cut, not read past', () => {
  for (const codec of [l16(8000), l16LittleEndian(8000)]) {
    const decoder = codec.createDecoder();
    const wire = new Uint8Array(7);
    assert.equal(decoder.decode(wire, 0, 7, new Int16Array(160)), 3);
    assert.equal(decoder.decode(wire, 0, 6, new Int16Array(2)), 2);
    assert.equal(decoder.decode(wire, 4, 100, new Int16Array(160)), 1);
    assert.equal(decoder.decode(wire, 8, 2, new Int16Array(160)), 0);
  }
});
