import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RoomPlan, roomsOf } from '../../bench/load/crowd.ts';
import { mouthToEar } from '../../bench/load/onsets.ts';
import { readGarbage } from '../../bench/measure/garbage.ts';
import { between, highest, parseScrape, quantile } from '../../bench/measure/prometheus.ts';
import { fitLine, median, middleRun, percentile } from '../../bench/measure/statistics.ts';
import { digits, printTable } from '../../bench/report/table.ts';

describe('statistics', () => {
  test('a percentile lies between its neighbours', () => {
    assert.equal(percentile([4, 1, 3, 2], 0.5), 2.5);
    assert.equal(percentile([10, 20], 0.25), 12.5);
    assert.equal(percentile([7], 0.99), 7);
    assert.ok(Number.isNaN(median([])));
  });

  test('the middle run is one of the runs', () => {
    assert.deepEqual(
      middleRun([{ cpu: 3 }, { cpu: 1 }, { cpu: 2 }], ({ cpu }) => cpu),
      { cpu: 2 },
    );
  });

  test('a line through points on a line is that line', () => {
    const { slope, intercept, r2 } = fitLine([
      [0, 5],
      [10, 25],
      [20, 45],
    ]);
    assert.deepEqual([slope, intercept, r2], [2, 5, 1]);
    assert.ok(
      fitLine([
        [0, 0],
        [1, 1],
        [2, 0],
      ]).r2 < 0.01,
    );
  });
});

describe('metrics', () => {
  const scrape = (counts: readonly number[]): string =>
    [
      '# TYPE late histogram',
      ...['0.001', '0.01', '+Inf'].map((le, i) => `late_bucket{worker="0",le="${le}"} ${counts[i]}`),
      ...['0.001', '0.01', '+Inf'].map((le, i) => `late_bucket{worker="1",le="${le}"} ${counts[i]}`),
      'late_sum{worker="0"} 1.5',
      'skipped{worker="0"} 3',
      'skipped{worker="1"} 4',
    ].join('\n');

  test('label sets are added up, or chosen', () => {
    const metrics = parseScrape(scrape([10, 20, 20]));
    assert.equal(metrics.total('skipped'), 7);
    assert.equal(metrics.total('skipped', { worker: '1' }), 4);
    assert.deepEqual(metrics.histogram('late').counts, [20, 40, 40]);
  });

  test('a quantile is that of what came between two scrapes', () => {
    const change = between(
      parseScrape(scrape([10, 20, 20])).histogram('late'),
      parseScrape(scrape([10, 30, 30])).histogram('late'),
    );
    assert.deepEqual(change.counts, [0, 20, 20]);
    assert.ok(Math.abs(quantile(change, 0.5) - 0.0055) < 1e-9);
    assert.equal(highest(change), 0.01);
  });
});

test('collections of garbage are told apart by isolate and kind', () => {
  const log = [
    '[17:0x5581]      305 ms: Scavenge 5.1 (6.5) -> 4.3 (7.5) MB, 0.50 / 0.00 ms  (average mu = 1.000) task; ',
    '{"level":30,"msg":"taking calls"}',
    '[17:0x5581]      900 ms: Mark-Compact 9.1 (16.5) -> 4.3 (17.5) MB, 4.25 / 0.00 ms  (+ 1.0 ms in 5 steps)',
    '[17:0x7f01]      905 ms: Scavenge 2.1 (6.5) -> 1.3 (7.5) MB, 0.25 / 0.00 ms  (average mu = 1.000) task; ',
  ].join('\n');
  assert.deepEqual(readGarbage(log), [
    { isolate: '0x5581', young: 1, full: 1, totalMs: 4.75, longestMs: 4.25 },
    { isolate: '0x7f01', young: 1, full: 0, totalMs: 0.25, longestMs: 0.25 },
  ]);
});

test('mouth to ear pairs each onset with the next one at each of its listeners', () => {
  const listeners = new Map([[0, [1, 2]]]);
  const delays = mouthToEar(
    [
      [1, 'r', 90],
      [0, 's', 100],
      [1, 'r', 120],
      [2, 'r', 125],
      [0, 's', 1100],
      [2, 'r', 1130],
      // Nobody listens to 9, and 1 heard nothing in time.
      [9, 's', 1100],
      [1, 'r', 1900],
    ],
    listeners,
    500,
  );
  assert.deepEqual(delays, [20, 25, 30]);
});

test('rooms hold everybody, the last one what is left', () => {
  assert.deepEqual(
    roomsOf(9, 4, 2).map(({ members, talkers }: RoomPlan) => [members, talkers]),
    [
      [4, 2],
      [4, 2],
      [1, 1],
    ],
  );
});

describe('tables', () => {
  test('columns are as wide as what they hold', () => {
    const text = printTable({ title: 'Legs', columns: ['server', 'legs'], rows: [['partyline', 1000]] });
    assert.equal(
      text,
      ['Legs', '', '| server    | legs |', '| --------- | ---: |', '| partyline | 1000 |', ''].join('\n'),
    );
  });

  test('numbers keep three digits that matter', () => {
    assert.deepEqual(
      [0.012345, 1.2345, 123.4, 0, Number.NaN].map((value) => digits(value)),
      ['0.0123', '1.23', '123', '0', '-'],
    );
  });
});
