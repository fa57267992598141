import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkNamedTests } from '../../support/named-tests.ts';

const PAGE = readFileSync('docs/compatibility.md', 'utf8');
const ROWS = PAGE.split('\n').filter((line) => /^\| /.test(line) && !/^\| (Plivo|\*) /.test(line));

test('every test that docs/compatibility.md names exists', () => {
  const named = checkNamedTests(PAGE);
  assert.ok(named > 40, `${named} tests are named`);
});

test('every row says how it stands, and names a test', () => {
  assert.ok(ROWS.length > 60, `${ROWS.length} rows`);
  for (const row of ROWS) {
    assert.match(row, /\| (works|works differently|refused)\b/, row);
    assert.ok(row.includes('“'), row);
  }
});
