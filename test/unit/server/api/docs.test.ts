import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';
import { tableRows } from '../../../support/markdown.ts';

const PAGE = readFileSync('docs/api.md', 'utf8');

test('docs/api.md names every method of every path, and none that does not exist', () => {
  const documented = tableRows(PAGE, ['method', 'path', 'does', 'success']).map(
    ([method, path]) => `${method} ${path}`,
  );
  const existing = new AppUnderTest().resources.flatMap(({ path, methods }) =>
    Object.keys(methods).map((method) => `${method} \`${path}\``),
  );
  assert.deepEqual(documented.sort(), existing.sort());
});

test('docs/api.md names every field that a play takes', () => {
  const code = readFileSync('server/api/play-body.ts', 'utf8');
  const read = [...code.matchAll(/(?:Field|readUrls)\(\w+, '(\w+)'|body\.(\w+)|\{ (\w+) \} = body/g)];
  const fields = new Set(read.map(([, a, b, c]) => a ?? b ?? c));
  const documented = tableRows(PAGE, ['field', 'of', 'values', 'default', 'means']).map(([name]) => name?.slice(1, -1));
  // The older name of `legs`, and what stands inside `duck`.
  for (const inner of ['leg', 'gain_db', 'attack_ms', 'release_ms']) {
    assert.ok(fields.delete(inner), inner);
  }
  assert.deepEqual([...fields].sort(), documented.sort());
});
