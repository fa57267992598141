import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameDecoder } from '../../../../media/codec/codec.ts';
import { FrameKind, Playout } from '../../../../media/rtp/playout.ts';

/** L16 at 8 kHz with the low byte first: what goes in comes out. */
const plain: FrameDecoder = {
  sampleRate: 8000,
  decode(payload, offset, length, pcm) {
    for (let i = 0; i < length / 2; i++) pcm[i] = payload[offset + 2 * i]! | (payload[offset + 2 * i + 1]! << 8);
    return length / 2;
  },
};

test('an undisturbed stream is played whole, in order and unaltered', () => {
  const playout = new Playout({ clockRate: 8000, decoder: plain });
  const frame = new Int16Array(160);
  const payload = new Uint8Array(320);
  let heard = 0;
  for (let k = 0; k < 500; k++) {
    for (let i = 0; i < 320; i++) payload[i] = (k * 31 + i * 7) & 0xff;
    playout.insert((65_400 + k) & 0xffff, (0xffff_0000 + k * 160) >>> 0, k === 0, payload, 0, 320, k * 20 + 3);
    const kind = playout.pull(frame, k * 20 + 10);
    if (kind !== FrameKind.audio) continue;
    for (let i = 0; i < 160; i++) {
      const low = (heard * 31 + 2 * i * 7) & 0xff;
      const high = (heard * 31 + (2 * i + 1) * 7) & 0xff;
      assert.equal(frame[i], ((low | (high << 8)) << 16) >> 16);
    }
    heard++;
  }
  assert.ok(heard >= 499, `${heard} heard`);
});
