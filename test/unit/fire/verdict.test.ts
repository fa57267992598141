import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../../server/metrics/table.ts';
import { ATTACKS } from '../../fire/attacks.ts';
import { judgeTorture, type TortureCase, tortureCases } from '../../fire/torture.ts';
import { isDisturbed, judge, type Row, tableOf } from '../../fire/verdict.ts';
import { scrape } from '../../support/scrape.ts';

const CLEAN: Row = {
  attack: 'sdp',
  legs: 200,
  seconds: 8,
  tries: 1,
  sent: 100,
  answered: 1,
  refused: 2,
  dropped: undefined,
  skipped: 0,
  concealed: 0,
  judgesConcealed: true,
  packets: 80_000,
  late: 0,
  missing: 0,
  latenessMs: 1,
  stalledMs: 0,
  foreignCores: 0.1,
  alive: true,
  rssMb: 200,
  grownMb: 5,
  note: '',
  faults: [],
};

test('a quiet machine excuses nothing', () => {
  assert.deepEqual(judge(CLEAN), []);
  assert.equal(isDisturbed(CLEAN), false);
  for (const [change, fault] of [
    [{ skipped: 1 }, /^1 ticks skipped$/],
    [{ concealed: 1 }, /^1 frames concealed$/],
    [{ late: 1601 }, /^1601 packets late, 1600 allowed$/],
    [{ missing: 1 }, /^1 packets missing$/],
    [{ sent: 0 }, /nothing was sent/],
    [{ alive: false }, /does not answer/],
    [{ grownMb: 300 }, /300 MB more memory/],
    [{ faults: ['a gap'] }, /a gap/],
  ] as const) {
    const [first] = judge({ ...CLEAN, ...change });
    assert.match(first ?? '', fault);
  }
  assert.deepEqual(judge({ ...CLEAN, concealed: 9, judgesConcealed: false }), [], 'its own calls may be concealed');
});

test('a machine that stood still excuses so many ticks and their packets, and no more', () => {
  const stalled = { ...CLEAN, stalledMs: 45 };
  assert.equal(isDisturbed(stalled), true);
  assert.deepEqual(judge({ ...stalled, skipped: 3, missing: 1200, concealed: 1200 }), []);
  assert.equal(judge({ ...stalled, skipped: 4, missing: 1201, concealed: 1201 }).length, 3);
  assert.deepEqual(judge({ ...stalled, faults: ['a gap'] }), ['a gap'], 'a gap is never excused');
});

test('a machine that others use excuses one frame in fifty, and no tick', () => {
  const shared = { ...CLEAN, foreignCores: 0.8 };
  assert.deepEqual(judge({ ...shared, concealed: 1600 }), []);
  assert.equal(judge({ ...shared, concealed: 1601, skipped: 1, missing: 1 }).length, 3);
});

test('the table has a row for each attack and says what does not hold', () => {
  const table = tableOf([CLEAN, { ...CLEAN, attack: 'http', tries: 2, missing: 1 }]);
  assert.match(table, /^\| sdp \| 200 \| 8 \| 100 \| 1 \| 2 \| – \| 0 \| 0 \| 0, 0 of 80,000 \|.*\| yes \|$/m);
  assert.match(table, /^\| http \(try 2\) \|.*\| \*\*NO\*\* \|$/m);
});

test('every series that an attack counts by is a metric', () => {
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length, 'names are different');
  for (const { name, counts } of ATTACKS)
    for (const series of Object.values(counts).flat()) {
      const metric = series.replace(/\{.*/, '').replace(/_count$/, '');
      assert.ok(metric in METRICS, `${name}: ${series}`);
    }
});

test('metrics are summed over their labels, and kept one by one', () => {
  const found = scrape('# HELP a b\na{x="1"} 2\na{x="2"} 3\nb 4\n');
  assert.deepEqual([found.get('a'), found.get('a{x="2"}'), found.get('b')], [5, 3, 4]);
});

test('an answer is judged by what its case expects', () => {
  const each = (expect: TortureCase['expect']): TortureCase => ({ what: 'x', expect, text: '' });
  assert.equal(judgeTorture(each([400]), 400), undefined);
  assert.equal(judgeTorture(each([400, 481]), 200), 'x: 200, not 400 or 481');
  assert.equal(judgeTorture(each([200]), undefined), 'x: got no answer, not 200');
  assert.equal(judgeTorture(each('silence'), undefined), undefined);
  assert.equal(judgeTorture(each('silence'), 400), 'x: 400, not silence');
  assert.equal(judgeTorture(each('refusal'), 500), 'x: 500, not refusal');
  assert.equal(judgeTorture(each('final'), 200), undefined);
  const place = { transport: 'UDP', local: '127.0.0.2:5', server: '127.0.0.1:6', serial: 1 } as const;
  const cases = tortureCases(place);
  assert.equal(new Set(cases.map(({ what }) => what)).size, cases.length, 'each case has a name of its own');
});
