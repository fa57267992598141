/**
 * Runs the test files of one suite with Node's own test runner.
 *
 *   tsx test/run.ts unit|integration [PATH_PART...]
 *
 * Unit tests are quick and run side by side; integration tests own real ports and programs and run one after another.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const [suite = 'unit', ...parts] = process.argv.slice(2);

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
    .sort();
}

const files = testFiles(join('test', suite));
if (files.length === 0) {
  console.error(`no ${suite} test matches ${parts.join(' ') || 'anything'}`);
  process.exit(1);
}
const concurrency = suite === 'unit' ? 2 : 1;
const result = spawnSync(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    '--test-timeout=180000',
    ...files,
  ],
  { stdio: 'inherit' },
);
process.exit(result.status ?? 1);
