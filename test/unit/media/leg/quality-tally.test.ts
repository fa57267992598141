import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LegStats } from '../../../../media/engine.ts';
import { QualityTally } from '../../../../media/leg/quality-tally.ts';

const STATS: LegStats = {
  codec: 'PCMU',
  packetsReceived: 50,
  packetsSent: 50,
  packetsLost: 0,
  framesConcealed: 0,
  concealedShare: 0,
  jitterMs: 12,
  playoutDelayMs: 45,
  roundTripMs: undefined,
  mos: 4.3,
};

const observations = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

test('each receiving call counts once a second, in seconds and MOS, in the bucket it belongs to', () => {
  const tally = new QualityTally();
  tally.observe(STATS, true);
  tally.observe({ ...STATS, mos: 2, roundTripMs: 80 }, true);
  const { jitter, roundTrip, playoutDelay, mos } = tally.snapshot();
  assert.ok(Math.abs(jitter.sum - 0.024) < 1e-9);
  assert.ok(Math.abs(playoutDelay.sum - 0.09) < 1e-9);
  assert.deepEqual([observations(roundTrip.counts), roundTrip.sum], [1, 0.08]);
  assert.equal(mos.counts[mos.bounds.indexOf(2)], 1);
  assert.equal(mos.counts[mos.bounds.indexOf(4.3)], 1);
});

test('a call that receives nothing says nothing about quality', () => {
  const tally = new QualityTally();
  tally.observe(STATS, false);
  tally.observe({ ...STATS, mos: undefined }, true);
  const { jitter, mos } = tally.snapshot();
  assert.equal(observations(jitter.counts), 1);
  assert.equal(observations(mos.counts), 0);
});
