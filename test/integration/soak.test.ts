import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('the soak lives through a quarter of a minute and loses nothing', { skip: process.platform !== 'linux' }, (t) => {
  const args = ['--import', 'tsx', 'test/soak/soak.ts', '--minutes', '0.25'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
  t.diagnostic(stdout);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  for (const what of ['plays lost', 'callbacks missing', 'callbacks doubled'])
    assert.match(stdout, new RegExp(`^\\| ${what} \\| 0 \\|`, 'm'), `the table has ${what}`);
  assert.ok(Number(/^\| plays accepted \| (\d+)/m.exec(stdout)?.[1]) > 3, 'there were plays');
});
