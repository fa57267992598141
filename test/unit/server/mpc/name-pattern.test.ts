import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitsPattern } from '../../../../server/mpc/name-pattern.ts';

for (const [name, pattern, fits] of [
  ['board', 'board', true],
  ['board', 'Board', false],
  ['board-7', 'board', false],
  ['board-7', 'board-*', true],
  ['board-', 'board-*', true],
  ['board-7', 'board-?', true],
  ['board-', 'board-?', false],
  ['the-board-7', '*board*', true],
  ['abcabd', '*abd', true],
  ['abcab', '*abd', false],
  ['a.b', 'a?b', true],
  ['a+b', 'a.b', false],
  ['', '*', true],
  ['x', '', false],
  ['xyz', 'x**z', true],
  ['müller', 'm?ller', true],
] as const)
  test(`"${name}" ${fits ? 'fits' : 'does not fit'} ${pattern}`, () => {
    assert.equal(fitsPattern(name, pattern), fits);
  });

test('a name made to be slow is not', () => {
  const began = process.cpuUsage();
  assert.equal(fitsPattern('a'.repeat(128), `${'*a'.repeat(60)}*b`), false);
  const { user } = process.cpuUsage(began);
  assert.ok(user < 50_000, `${user} µs`);
});
