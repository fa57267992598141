import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callbackTarget, DEFAULT_TUNING, parseTuning } from '../../../../server/callbacks/target.ts';

test('without a fragment an attempt has 5 seconds, three retries, and patience with passing trouble', () => {
  const { url, method, tuning } = callbackTarget(new URL('https://x.example/cb?a=1'), 'POST');
  assert.deepEqual([url.href, method], ['https://x.example/cb?a=1', 'POST']);
  assert.deepEqual(tuning, DEFAULT_TUNING);
  assert.deepEqual([tuning.totalMs, tuning.retries, [...tuning.retryOn].sort()], [5000, 3, ['5xx', 'ct', 'rt']]);
});

test("Plivo's parameters in the fragment are taken, and the fragment is not sent", () => {
  const given = new URL('https://x.example/cb#ct=2000&rt=3000&tt=4000&rc=2&rp=4xx,ct&er=a');
  const { url, tuning } = callbackTarget(given, 'GET');
  assert.equal(url.href, 'https://x.example/cb');
  assert.deepEqual(
    { ...tuning, retryOn: [...tuning.retryOn].sort() },
    {
      connectMs: 2000,
      readMs: 3000,
      totalMs: 4000,
      retries: 2,
      retryOn: ['4xx', 'ct'],
    },
  );
});

test('a long wait for the answer makes the attempt as long', () => {
  const { connectMs, totalMs } = parseTuning('rt=40000');
  assert.equal(totalMs, connectMs + 40_000);
});

for (const [fragment, expected] of [
  ['ct=1', { connectMs: 100 }],
  ['ct=99999', { connectMs: 10_000 }],
  ['tt=9999999', { totalMs: 55_000 }],
  ['rc=0', { retries: 0 }],
  ['rc=9', { retries: 5 }],
  ['rc=-1', { retries: 3 }],
  ['rc=two', { retries: 3 }],
  ['rt=1e9', { readMs: 5000 }],
  ['rp=nonsense', { retryOn: DEFAULT_TUNING.retryOn }],
  ['rp=', { retryOn: DEFAULT_TUNING.retryOn }],
  ['rp=ALL', { retryOn: new Set(['4xx', '5xx', 'ct', 'rt']) }],
  ['%', {}],
] as const)
  test(`#${fragment} is brought into range or left out`, () => {
    assert.deepEqual(parseTuning(`#${fragment}`), { ...DEFAULT_TUNING, ...expected });
  });
