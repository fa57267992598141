import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { g722 } from '../../../../media/codec/g722.ts';
import { codecFor } from '../../../../media/codec/table.ts';
import { seededRandom } from '../../../support/random.ts';
import { levelAt, sinad, tone } from '../../../support/tones.ts';

const FRAME = 320;

function bytesOf(name: string): Buffer {
  return readFileSync(new URL(`../../../fixtures/codec/${name}`, import.meta.url));
}

function samplesOf(name: string): Int16Array {
  const file = bytesOf(name);
  return Int16Array.from({ length: file.length / 2 }, (_, i) => file.readInt16LE(i * 2));
}

function encode(pcm: Int16Array): Uint8Array {
  const encoder = g722.createEncoder();
  const out = new Uint8Array(pcm.length / 2);
  for (let at = 0; at < pcm.length; at += FRAME) encoder.encode(pcm.subarray(at, at + FRAME), out, at / 2);
  return out;
}

/** Decodes a stream in packets of `packetBytes`. */
function decode(stream: Uint8Array, packetBytes: number): Int16Array {
  const decoder = g722.createDecoder();
  const heard = new Int16Array(stream.length * 2);
  for (let at = 0; at < stream.length; at += packetBytes) {
    const length = Math.min(packetBytes, stream.length - at);
    assert.equal(decoder.decode(stream, at, length, heard.subarray(at * 2)), length * 2);
  }
  return heard;
}

test('the encoder gives the golden bytes for sweeps, clipped noise and faint noise', () => {
  assert.deepEqual(encode(samplesOf('g722-input.s16')), new Uint8Array(bytesOf('g722-encoded.g722')));
});

test('the decoder gives the golden samples, whatever the packet time', () => {
  for (const packetBytes of [80, 160, 240, 480, 7]) {
    assert.deepEqual(decode(bytesOf('g722-encoded.g722'), packetBytes), samplesOf('g722-encoded-decoded.s16'));
  }
});

test('random bytes, with codes that no encoder sends, decode to the golden samples', () => {
  assert.deepEqual(decode(bytesOf('g722-random.g722'), 160), samplesOf('g722-random-decoded.s16'));
});

test('tones of both bands come through clean and at their level', () => {
  for (const [hz, least] of [
    [300, 40],
    [1000, 40],
    [3000, 35],
    [5000, 20],
    [6500, 18],
  ] as const) {
    const heard = decode(encode(tone(16_000, 16_000, { hz, db: -10 })), 160).subarray(1600);
    const clean = sinad(heard, 16_000, hz);
    assert.ok(clean > least, `${hz} Hz: ${clean.toFixed(1)} dB`);
    const level = levelAt(heard, 16_000, hz);
    assert.ok(Math.abs(level + 10) < 0.5, `${hz} Hz: ${level.toFixed(2)} dBFS`);
  }
});

test('silence comes back as no more than the idle noise of the codec, 78 dB below full scale', () => {
  const heard = decode(encode(new Int16Array(FRAME * 50)), 160);
  const loudest = Math.max(...heard.map(Math.abs));
  assert.ok(loudest <= 4, String(loudest));
});

test('a decoder that lost a second of packets finds its way back', () => {
  const stream = encode(tone(16_000, 48_000, { hz: 700, db: -10 }));
  const decoder = g722.createDecoder();
  const heard = new Int16Array(48_000);
  for (let at = 0; at < stream.length; at += 160) {
    if (at < 8000 || at >= 16_000) decoder.decode(stream, at, 160, heard.subarray(at * 2));
  }
  assert.ok(sinad(heard.subarray(40_000), 16_000, 700) > 35);
});

test('any bytes at any length decode to no more than the frame holds', () => {
  const random = seededRandom(722);
  const decoder = g722.createDecoder();
  const pcm = new Int16Array(FRAME);
  for (let round = 0; round < 200; round++) {
    const payload = Uint8Array.from({ length: Math.floor(random() * 600) }, () => random() * 256);
    const offset = Math.floor(random() * 20);
    const length = Math.floor(random() * 700) - 20;
    const expected = Math.max(0, Math.min(length, payload.length - offset, FRAME / 2)) * 2;
    assert.equal(decoder.decode(payload, offset, length, pcm), expected);
  }
});

test('G.722 is offered at a clock of 8000 Hz though it carries 16 kHz', () => {
  assert.equal(codecFor('g722', 8000), g722);
  assert.deepEqual([g722.clockRate, g722.sampleRate, g722.staticPayloadType], [8000, 16_000, 9]);
});
