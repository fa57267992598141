import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

/** Checks that every test a page names, as `unit/file`: “title”, exists, and returns how many there are. */
export function checkNamedTests(page: string): number {
  const named = [...page.matchAll(/`((?:unit|integration)\/[\w/-]+)`: “([^”]+)”/g)];
  for (const [, file, title = ''] of named) {
    const path = `test/${file}.test.ts`;
    assert.ok(existsSync(path), `${path} exists`);
    const source = readFileSync(path, 'utf8');
    const written = [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``];
    assert.ok(
      written.some((text) => source.includes(text)),
      `${path} has a test “${title}”`,
    );
  }
  return named.length;
}
