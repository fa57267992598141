import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasOpusFec, opusFrameMs } from '../../../../media/codec/opus-packet.ts';
import { holds } from '../../../fuzz/run.ts';
import { MEDIA_TARGETS } from '../../../fuzz/targets/media.ts';

/** First bytes of the packet, by RFC 6716: configuration, stereo, layout. */
function toc(config: number, layout = 0, stereo = 0): number {
  return (config << 3) | (stereo << 2) | layout;
}

function fec(...bytes: number[]): boolean {
  return hasOpusFec(Uint8Array.from(bytes), 0, bytes.length);
}

const VOICED = 0b1000_0000;
const WITH_FEC = 0b0100_0000;

test('the frame duration is that of table 2', () => {
  const durations = Array.from({ length: 32 }, (_, config) => opusFrameMs(toc(config)));
  const silk = [10, 20, 40, 60];
  const celt = [2.5, 5, 10, 20];
  assert.deepEqual(durations, [...silk, ...silk, ...silk, 10, 20, 10, 20, ...celt, ...celt, ...celt, ...celt]);
});

test('the flag is found behind one voice flag for each 20 ms', () => {
  assert.equal(fec(toc(1), VOICED | WITH_FEC, 0), true);
  assert.equal(fec(toc(1), VOICED, 0), false);
  assert.equal(fec(toc(2), 0b1110_0000, 0), true);
  assert.equal(fec(toc(2), 0b1100_0000, 0), false);
  assert.equal(fec(toc(3), 0b1111_0000, 0), true);
  assert.equal(fec(toc(15), WITH_FEC, 0), true);
});

test('either channel of a stereo packet may carry it', () => {
  assert.equal(fec(toc(1, 0, 1), 0b0001_0000), true);
  assert.equal(fec(toc(1, 0, 1), 0b0100_0000), true);
  assert.equal(fec(toc(1, 0, 1), 0b0010_0000), false);
});

test('a packet of CELT alone never carries it', () => {
  for (let config = 16; config < 32; config++) assert.equal(fec(toc(config), 0xff, 0xff), false);
});

test('the first frame is found in every layout', () => {
  assert.equal(fec(toc(1, 1), WITH_FEC, 0, 0, 0), true);
  assert.equal(fec(toc(1, 2), 1, WITH_FEC, 0), true);
  assert.equal(fec(toc(1, 2), 252, 0, WITH_FEC, 0), true);
  assert.equal(fec(toc(1, 2), 0, WITH_FEC, 0), false);
  assert.equal(fec(toc(1, 3), 2, WITH_FEC, 0), true);
  assert.equal(fec(toc(1, 3), 0x80 | 3, 1, 253, 1, WITH_FEC, 0), true);
  assert.equal(fec(toc(1, 3), 0x80 | 3, 0, 1, WITH_FEC, 0), false);
  assert.equal(fec(toc(1, 3), 0x40 | 2, 1, WITH_FEC, 0, 0), true);
  assert.equal(fec(toc(1, 3), 0, WITH_FEC), false);
});

test('packets that are cut short carry nothing and nothing is read behind them', () => {
  assert.equal(fec(toc(1)), false);
  assert.equal(fec(), false);
  assert.equal(fec(toc(1, 2), 252), false);
  assert.equal(fec(toc(1, 3), 0x40 | 2, 255, 255), false);
  assert.equal(hasOpusFec(Uint8Array.of(toc(1), WITH_FEC), 0, 3), false);
  assert.equal(hasOpusFec(Uint8Array.of(9, toc(1), WITH_FEC), 1, 2), true);
});

test('no bytes whatever make it throw or read behind them', () => holds(MEDIA_TARGETS.opus, 20_000));
