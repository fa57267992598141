import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALAW_SILENCE, alaw, MULAW_SILENCE, mulaw } from '../../../../media/codec/g711.ts';
import { snrDb, tone } from '../../../support/tones.ts';

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);
const EVERY_SAMPLE = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768);

function encode(codec: typeof mulaw, pcm: Int16Array): Uint8Array {
  const out = new Uint8Array(pcm.length);
  assert.equal(codec.createEncoder().encode(pcm, out, 0), pcm.length);
  return out;
}

function decode(codec: typeof mulaw, payload: Uint8Array): Int16Array {
  const pcm = new Int16Array(payload.length);
  assert.equal(codec.createDecoder().decode(payload, 0, payload.length, pcm), payload.length);
  return pcm;
}

function golden(name: string): Int16Array {
  const file = readFileSync(new URL(`../../../fixtures/codec/${name}`, import.meta.url));
  return Int16Array.from({ length: file.length / 2 }, (_, i) => file.readInt16LE(i * 2));
}

/** G.711 table 2a, positive half, in 16-bit units: where each of the 128 mu-law intervals begins. */
function mulawDecisionValues(): number[] {
  const values = [0];
  for (let x = 1, step = 2, left = 15; values.length < 128; ) {
    values.push(x * 4);
    x += step;
    if (--left === 0) {
      left = 16;
      step *= 2;
    }
  }
  return values;
}

/** G.711 table 1a, positive half, in 16-bit units: 32 steps of 2, then 16 of each doubled step, 4096 being full scale. */
function alawDecisionValues(): number[] {
  const values: number[] = [];
  for (let x = 0, step = 2, left = 32; values.length < 128; ) {
    values.push(x * 8);
    x += step;
    if (--left === 0) {
      left = 16;
      step *= 2;
    }
  }
  return values;
}

/** The interval (0 to 127) and sign of a sample; intervals of both signs are half-open towards plus infinity. */
function intervalOf(sample: number, decisionValues: readonly number[]): { interval: number; negative: boolean } {
  const interval = decisionValues.findLastIndex((value) => (sample >= 0 ? value <= sample : value < -sample));
  return { interval, negative: sample < 0 };
}

test('every one of the 65,536 samples gets the mu-law byte that the standard gives its interval', () => {
  const values = mulawDecisionValues();
  assert.deepEqual([values[16], values[17], values[127]], [31 * 4, 35 * 4, 7903 * 4]);
  const bytes = encode(mulaw, EVERY_SAMPLE);
  for (const [i, sample] of EVERY_SAMPLE.entries()) {
    const { interval, negative } = intervalOf(sample, values);
    assert.equal(bytes[i], (negative ? 0x7f : 0xff) - interval, `sample ${sample}`);
  }
});

test('every one of the 65,536 samples gets the A-law byte that the standard gives its interval', () => {
  const values = alawDecisionValues();
  assert.deepEqual([values[32], values[33], values[127]], [64 * 8, 68 * 8, 3968 * 8]);
  const bytes = encode(alaw, EVERY_SAMPLE);
  for (const [i, sample] of EVERY_SAMPLE.entries()) {
    const { interval, negative } = intervalOf(sample, values);
    assert.equal(bytes[i], ((negative ? 0x00 : 0x80) + interval) ^ 0x55, `sample ${sample}`);
  }
});

test('every mu-law and A-law byte decodes to the golden sample', () => {
  assert.deepEqual(decode(mulaw, EVERY_BYTE), golden('mulaw-decoded.s16'));
  assert.deepEqual(decode(alaw, EVERY_BYTE), golden('alaw-decoded.s16'));
});

test('a byte that was decoded encodes to itself again, but for the negative zero of mu-law', () => {
  const expected = EVERY_BYTE.slice();
  expected[0x7f] = MULAW_SILENCE;
  assert.deepEqual(encode(mulaw, decode(mulaw, EVERY_BYTE)), expected);
  assert.deepEqual(encode(alaw, decode(alaw, EVERY_BYTE)), EVERY_BYTE);
});

test('silence encodes to the silence bytes', () => {
  assert.deepEqual(encode(mulaw, new Int16Array(160)), new Uint8Array(160).fill(MULAW_SILENCE));
  assert.deepEqual(encode(alaw, new Int16Array(160)), new Uint8Array(160).fill(ALAW_SILENCE));
});

test('a tone keeps the 33 dB of signal to distortion that G.712 asks for', () => {
  for (const codec of [mulaw, alaw]) {
    for (const db of [-3, -10, -20, -30]) {
      const sent = tone(8000, 8000, { hz: 1004, db });
      const snr = snrDb(sent, decode(codec, encode(codec, sent)));
      assert.ok(snr > 33, `${codec.name} at ${db} dBFS: ${snr.toFixed(1)} dB`);
    }
  }
});

test('an encoder writes at the offset, and a decoder stays inside the payload and the frame', () => {
  const out = new Uint8Array(6);
  mulaw.createEncoder().encode(new Int16Array([0, 32_767, -32_768]), out, 2);
  assert.deepEqual([...out], [0, 0, 0xff, 0x80, 0x00, 0]);
  const decoder = mulaw.createDecoder();
  const pcm = new Int16Array(2);
  assert.equal(decoder.decode(out, 2, 3, pcm), 2);
  assert.deepEqual([...pcm], [0, 32_124]);
  assert.equal(decoder.decode(out, 5, 100, pcm), 1);
  assert.equal(decoder.decode(out, 9, 1, pcm), 0);
  assert.equal(decoder.decode(out, 0, -1, pcm), 0);
});
