import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { TARGETS } from '../fuzz/targets.ts';

const SECONDS = process.env.FUZZ_SECONDS ?? '30';

test('spoiled bytes break nothing that reads the bytes of strangers', (t) => {
  const args = ['--import', 'tsx', 'test/fuzz/fuzz.ts', '--seconds', SECONDS];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 150_000 });
  t.diagnostic(stdout.replaceAll(/^ .*\n/gm, ''));
  assert.equal(status, 0, stderr);
  for (const { name } of TARGETS) {
    const [, inputs, understood] = new RegExp(`^${name} +(\\d+) inputs, (\\d+) understood`, 'm').exec(stdout) ?? [];
    assert.ok(Number(inputs) > 100 && Number(understood) > 0, `${name}: ${inputs} inputs, ${understood} understood`);
  }
});
