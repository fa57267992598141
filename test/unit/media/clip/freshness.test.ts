import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshnessOf } from '../../../../media/clip/freshness.ts';

const UNSAID = 60_000;
const kept = (freshMs: number) => ({ keep: true, freshMs });

test('the source decides how long its answer is fresh', () => {
  assert.deepEqual(freshnessOf({ 'cache-control': 'max-age=30' }, UNSAID), kept(30_000));
  assert.deepEqual(freshnessOf({ 'cache-control': 'public, MAX-AGE="30"' }, UNSAID), kept(30_000));
  assert.deepEqual(freshnessOf({ 'cache-control': ['public', 'max-age=30'] }, UNSAID), kept(30_000));
  assert.deepEqual(freshnessOf({ 'cache-control': 'max-age=30', age: '10' }, UNSAID), kept(20_000));
  assert.deepEqual(freshnessOf({ 'cache-control': 'max-age=30', age: '100' }, UNSAID), kept(0));
  assert.deepEqual(freshnessOf({ 'cache-control': 'max-age=0' }, UNSAID), kept(0));
  assert.deepEqual(freshnessOf({ 'cache-control': 'no-cache' }, UNSAID), kept(0));
  assert.deepEqual(freshnessOf({ 'cache-control': 'no-cache="Set-Cookie", max-age=9' }, UNSAID), kept(0));
});

test('nothing that must not be stored is kept', () => {
  for (const header of ['no-store', 'No-Store, max-age=600', 'max-age=600,no-store']) {
    assert.deepEqual(freshnessOf({ 'cache-control': header }, UNSAID), { keep: false, freshMs: 0 });
  }
});

test('a source that says nothing, or nothing sensible, gets the default', () => {
  for (const header of [undefined, '', 'public', 'max-age', 'max-age=x', 'max-age=-1', 'max-age=1e9', ',,=,']) {
    assert.deepEqual(freshnessOf({ 'cache-control': header }, UNSAID), kept(UNSAID), String(header));
  }
});

test('no source is believed for more than a day', () => {
  assert.deepEqual(freshnessOf({ 'cache-control': 'max-age=9999999999' }, UNSAID), kept(24 * 3600_000));
});

test('Expires counts from Date, not from our own clock', () => {
  const date = 'Tue, 04 Feb 1997 10:00:00 GMT';
  assert.deepEqual(freshnessOf({ date, expires: 'Tue, 04 Feb 1997 10:00:45 GMT' }, UNSAID), kept(45_000));
  assert.deepEqual(freshnessOf({ date, expires: 'Tue, 04 Feb 1997 09:00:00 GMT' }, UNSAID), kept(0));
  assert.deepEqual(freshnessOf({ date, expires: '0' }, UNSAID), kept(0));
  assert.deepEqual(
    freshnessOf({ date, expires: 'Tue, 04 Feb 1997 10:00:45 GMT', 'cache-control': 'max-age=5' }, UNSAID),
    kept(5_000),
  );
});
