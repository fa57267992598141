import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Disk, openDisk } from '../../../../server/store/disk.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'partyline-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function opened(path: string): Promise<Disk> {
  const result = await openDisk(path, 'now');
  assert.ok(result.ok, JSON.stringify(result));
  return result.disk;
}

const ALL = { from: '', before: '\u{10ffff}', reverse: false };

test('rows are there after closing and opening again, in a folder for its owner alone', async () => {
  const path = join(folder, 'deep', 'store');
  const disk = await opened(path);
  await disk.write([
    { key: 'b', text: '2' },
    { key: 'a', text: 'ä\u{1f600}' },
    { key: 'c', text: '3' },
  ]);
  await disk.write([{ key: 'c', text: undefined }]);
  await disk.close();
  assert.equal(statSync(path).mode & 0o777, 0o700);

  const again = await opened(path);
  const rows: (readonly [string, string])[] = [];
  for await (const row of again.rows(ALL)) rows.push(row);
  assert.deepEqual(rows, [
    ['a', 'ä\u{1f600}'],
    ['b', '2'],
  ]);
  assert.deepEqual([await again.get('a'), await again.get('c')], ['ä\u{1f600}', undefined]);
  await again.close();
});

test('what was written before a kill -9 is there', async () => {
  const path = join(folder, 'store');
  const script = `
    import { openDisk } from ${JSON.stringify(join(process.cwd(), 'server/store/disk.ts'))};
    const { disk } = await openDisk(${JSON.stringify(path)}, 'now');
    await disk.write([{ key: 'a', text: '1' }]);
    process.kill(process.pid, 'SIGKILL');
  `;
  writeFileSync(join(folder, 'writer.mts'), script);
  const { signal, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(folder, 'writer.mts')], {
    encoding: 'utf8',
  });
  assert.equal(signal, 'SIGKILL', stderr);
  const disk = await opened(path);
  assert.equal(await disk.get('a'), '1');
  await disk.close();
});

test('a folder that is in use is locked', async () => {
  const path = join(folder, 'store');
  const disk = await opened(path);
  const second = await openDisk(path, 'now');
  assert.ok(!second.ok, 'it must not open twice');
  assert.equal(second.trouble, 'locked');
  await disk.close();
  await (await opened(path)).close();
});

test('a path that is no folder is denied', async () => {
  writeFileSync(join(folder, 'file'), '');
  for (const path of [join(folder, 'file'), join(folder, 'file', 'store')]) {
    const result = await openDisk(path, 'now');
    assert.ok(!result.ok, `${path} must not open`);
    assert.equal(result.trouble, 'denied', result.detail);
  }
});

test('a store that cannot be read is repaired, or set aside, and never stops the start', async () => {
  const path = join(folder, 'store');
  const disk = await opened(path);
  await disk.write([{ key: 'a', text: '1' }]);
  await disk.close();
  for (const name of readdirSync(path).filter((name) => /^(CURRENT|MANIFEST)/.test(name)))
    writeFileSync(join(path, name), 'nonsense');
  const mended = await openDisk(path, 'now');
  assert.ok(mended.ok, JSON.stringify(mended));
  await mended.disk.write([{ key: 'b', text: '2' }]);
  assert.equal(await mended.disk.get('b'), '2');
  await mended.disk.close();
});
