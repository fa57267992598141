import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTotals } from '../../../../media/control/worker-totals.ts';
import type { WorkerSnapshot } from '../../../../media/engine.ts';

const histogram = (a: number, b: number) => ({ bounds: [1], counts: [a, b], sum: a + b });

function snapshot(n: number): WorkerSnapshot {
  return {
    worker: 1,
    ticks: 10 * n,
    ticksSkipped: n,
    lateness: histogram(n, 0),
    duration: histogram(n, 2 * n),
    conferences: n,
    legs: n,
    rtpIn: n,
    rtpOut: n,
    rtpLost: n,
    rtpReordered: n,
    rtpResyncs: n,
    rtpRecovered: n,
    digitsDropped: n,
    rtpRebinds: n,
    framesConcealed: n,
    stretches: n,
    quality: {
      jitter: histogram(n, n),
      roundTrip: histogram(n, n),
      playoutDelay: histogram(n, n),
      mos: histogram(n, n),
    },
    rtpDiscarded: n === 1 ? { foreign: 1 } : { foreign: n, late: n },
  };
}

test('counts of a mixer go on from those of the one before it; what tells of now does not', () => {
  const both = withTotals(snapshot(1), snapshot(2));
  assert.deepEqual([both.ticks, both.ticksSkipped, both.rtpOut, both.stretches], [30, 3, 3, 3]);
  assert.deepEqual([both.conferences, both.legs], [2, 2]);
  assert.deepEqual(both.duration, { bounds: [1], counts: [3, 6], sum: 9 });
  assert.deepEqual(both.quality.mos.counts, [3, 3]);
  assert.deepEqual(both.rtpDiscarded, { foreign: 3, late: 2 });
  assert.deepEqual(withTotals(undefined, snapshot(2)), snapshot(2));
});

test('no count of a snapshot goes back when another mixer begins', () => {
  const [before, now] = [snapshot(5), withTotals(snapshot(5), snapshot(0))];
  for (const [name, value] of Object.entries(before))
    if (typeof value === 'number' && !['conferences', 'legs', 'worker'].includes(name))
      assert.equal(now[name as keyof WorkerSnapshot], value, `${name} stays`);
});
