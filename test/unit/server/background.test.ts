import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inBackground } from '../../../server/background.ts';

test('work that nobody waits for is logged when it fails, and nothing else happens', async () => {
  const logged: unknown[] = [];
  const log = { error: (fields: object, message: string) => logged.push(fields, message) };
  const fault = new Error('a mistake');
  inBackground(Promise.resolve('done'), 'what goes well', log);
  inBackground(Promise.reject(fault), 'what does not', log);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(logged, [{ err: fault }, 'what does not failed']);
});

/** What may be left alone: it never rejects. */
const HARMLESS: readonly RegExp[] = [
  // Rows: the store itself tells of what it could not write.
  /void [\w.#]*(rows|table|#alive)\.(put|delete|remove)\(/,
  /void this\.#deps\.store\.write\(/,
  // They catch all that they do.
  /void this\.#guarded\(/,
  // At the end of the process its failure is the process's.
  /void this\.#run\(\);/,
];

test('no promise of the server is left alone that could reject: that would end the process', () => {
  const folder = join(import.meta.dirname, '../../../server');
  const left: string[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      const isLeft = /(^|[^:>|&] |=> )void ([\w.#]+(\(|$)|\()/.test(line) && !/^\s*(\/?\*|\/\/)/.test(line);
      if (isLeft && !HARMLESS.some((pattern) => pattern.test(line))) left.push(`${name}: ${line.trim()}`);
    }
  }
  assert.deepEqual(left, []);
});
