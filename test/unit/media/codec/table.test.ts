import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecFor } from '../../../../media/codec/table.ts';

test('a codec is found by its SDP name in any letter case and its clock rate', () => {
  assert.equal(codecFor('PCMU', 8000)?.staticPayloadType, 0);
  assert.equal(codecFor('pcma', 8000)?.staticPayloadType, 8);
  assert.equal(codecFor('l16', 16_000)?.sampleRate, 16_000);
});

test('Opus runs at the rate of the conference, 48 kHz when none is named', () => {
  for (const sampleRate of [8000, 16_000, 48_000] as const) {
    const codec = codecFor('OPUS', 48_000, sampleRate);
    assert.deepEqual(
      [codec?.name, codec?.clockRate, codec?.channels, codec?.sampleRate],
      ['opus', 48_000, 2, sampleRate],
    );
  }
  assert.equal(codecFor('opus', 48_000)?.sampleRate, 48_000);
});

test('an unknown name, or a known one at another rate, is not ours', () => {
  assert.equal(codecFor('GSM', 8000), undefined);
  assert.equal(codecFor('PCMU', 16_000), undefined);
  assert.equal(codecFor('opus', 8000), undefined);
  assert.equal(codecFor('', 0), undefined);
  assert.equal(codecFor('__proto__', 8000), undefined);
});
