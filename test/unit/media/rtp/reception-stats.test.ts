import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceptionStats } from '../../../../media/rtp/reception-stats.ts';
import type { ReportBlock } from '../../../../media/rtp/rtcp.ts';
import { seededRandom } from '../../../support/random.ts';

function emptyBlock(): ReportBlock {
  return {
    ssrc: 0,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequence: 0,
    jitter: 0,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  };
}

test('loss is what the sequence numbers promise less what came, across the wrap', () => {
  const stats = new ReceptionStats({ clockRate: 8000 });
  const block = emptyBlock();
  for (let k = 0; k < 200; k++) {
    if (k % 10 !== 3) stats.note((65_500 + k) & 0xffff, k * 160, k * 20, true);
  }
  stats.report(block, 4000);
  assert.equal(block.fractionLost, Math.floor((20 * 256) / 200));
  assert.equal(block.cumulativeLost, 20);
  assert.equal(block.highestSequence, 65_500 + 199);
  assert.equal(stats.expected, 200);
  for (let k = 200; k < 300; k++) stats.note((65_500 + k) & 0xffff, k * 160, k * 20, true);
  stats.report(block, 6000);
  assert.equal(block.fractionLost, 0, 'of this interval alone');
  assert.equal(block.cumulativeLost, 20);
});

test('repeated packets make the loss negative, never the fraction', () => {
  const stats = new ReceptionStats({ clockRate: 8000 });
  const block = emptyBlock();
  for (let k = 0; k < 50; k++) for (let copy = 0; copy < 2; copy++) stats.note(k, k * 160, k * 20, true);
  stats.report(block, 1000);
  assert.equal(block.cumulativeLost, -50);
  assert.equal(block.fractionLost, 0);
});

test('jitter is the running mean of RFC 3550 A.8', () => {
  const stats = new ReceptionStats({ clockRate: 8000 });
  let expected = 0;
  let before = 0;
  const random = seededRandom(3);
  for (let k = 0; k < 500; k++) {
    const lateMs = Math.floor(random() * 16) / 8;
    stats.note(k, (0xffff_ff00 + k * 160) >>> 0, k * 20 + lateMs, true);
    if (k > 0) expected += (Math.abs(lateMs - before) * 8 - expected) / 16;
    before = lateMs;
  }
  assert.ok(Math.abs(stats.jitterMs - expected / 8) < 1e-6, `${stats.jitterMs} and ${expected / 8}`);
  const block = emptyBlock();
  stats.report(block, 10_000);
  assert.equal(block.jitter, Math.floor(expected));
});

test('an even stream that is drained once a tick has no jitter, wherever its phase is', () => {
  for (const phaseMs of [0, 5, 10, 19.5]) {
    const random = seededRandom(4);
    const plain = new ReceptionStats({ clockRate: 8000 });
    const aware = new ReceptionStats({ clockRate: 8000, arrivalGrainMs: 20 });
    for (let k = 0; k < 1000; k++) {
      const arrivalMs = k * 20 + phaseMs + random() * 2;
      const drainedMs = Math.ceil(arrivalMs / 20) * 20 + random();
      plain.note(k & 0xffff, k * 160, drainedMs, true);
      aware.note(k & 0xffff, k * 160, drainedMs, true);
    }
    assert.equal(aware.jitterMs, 0);
    if (phaseMs === 19.5) assert.ok(plain.jitterMs > 3, 'without the grain it would be counted');
  }
});

test('jitter larger than the grain is still seen', () => {
  const random = seededRandom(5);
  const exact = new ReceptionStats({ clockRate: 8000 });
  const drained = new ReceptionStats({ clockRate: 8000, arrivalGrainMs: 20 });
  for (let k = 0; k < 3000; k++) {
    const arrivalMs = k * 20 + random() * 120;
    exact.note(k & 0xffff, k * 160, arrivalMs, true);
    drained.note(k & 0xffff, k * 160, Math.ceil(arrivalMs / 20) * 20, true);
  }
  assert.ok(
    Math.abs(drained.jitterMs - exact.jitterMs) < 0.25 * exact.jitterMs,
    `${drained.jitterMs} ${exact.jitterMs}`,
  );
});

test('pauses, jumps of the timestamp and events are no jitter', () => {
  const stats = new ReceptionStats({ clockRate: 8000 });
  for (let k = 0; k < 100; k++) {
    const jump = k < 50 ? 0 : 1_000_000;
    stats.note(k, k * 160 + jump, k * 20, true);
    stats.note(k, 7, k * 20, false);
  }
  assert.equal(stats.jitterMs, 0);
});

test('one stray number changes nothing, a second one after it begins anew', () => {
  const stats = new ReceptionStats({ clockRate: 8000 });
  for (let k = 0; k < 10; k++) stats.note(k, k * 160, k * 20, true);
  stats.note(40_000, 0, 200, true);
  stats.note(10, 1600, 200, true);
  assert.equal(stats.expected, 11);
  stats.note(40_000, 0, 220, true);
  stats.note(40_001, 160, 240, true);
  assert.equal(stats.expected, 1);
  assert.equal(stats.lost, 0);
});

test('the last sender report is answered with the time since', () => {
  const stats = new ReceptionStats({ clockRate: 8000 });
  const block = emptyBlock();
  stats.report(block, 100);
  assert.equal(block.lastSenderReport, 0);
  assert.equal(block.delaySinceLastSenderReport, 0);
  stats.noteSenderReport(0xb44d_b705, 0x2000_0000, 1000);
  stats.report(block, 3500);
  assert.equal(block.lastSenderReport, 0xb705_2000);
  assert.equal(block.delaySinceLastSenderReport, 2.5 * 65_536);
});
