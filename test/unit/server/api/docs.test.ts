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
