import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { METRICS } from '../../../server/metrics/table.ts';
import { checkNamedTests } from '../../support/named-tests.ts';

const PAGE = readFileSync('docs/reliability.md', 'utf8');
const ROWS = PAGE.split('\n').filter((line) => /^\| [FT]\d+ \|/.test(line));

const ids = (letter: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${letter}${from + i}`);

test('every fault and every threat has one row', () => {
  const found = ROWS.map((row) => row.split(' ')[1]);
  assert.deepEqual(found, [...ids('F', 1, 22), ...ids('F', 25, 30), ...ids('T', 1, 47)]);
});

test('every test that docs/reliability.md names exists', () => {
  const named = checkNamedTests(PAGE);
  assert.ok(named > 80, `${named} tests are named`);
});

test('every counter that docs/reliability.md names exists', () => {
  for (const [name] of PAGE.matchAll(/partyline_\w+/g)) assert.ok(name in METRICS, `${name} is a metric`);
});

test('a row without a test says so', () => {
  for (const row of ROWS) assert.ok(row.includes('“') || row.includes('**'), row);
});
