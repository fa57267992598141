import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CredentialsError, loadAccount } from '../../../server/credentials.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'partyline-credentials-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the first start makes an account in the form that all SDKs take', () => {
  const { account, origin } = loadAccount(join(folder, 'deep', 'data'), undefined);
  assert.equal(origin, 'made');
  assert.match(account.authId, /^MA[A-Z0-9]{18}$/);
  assert.match(account.authToken, /^[A-Za-z0-9_-]{40}$/);
});

test('later starts find the same account, in a file that only its owner can read', () => {
  const made = loadAccount(folder, undefined);
  const found = loadAccount(folder, undefined);
  assert.equal(found.origin, 'file');
  assert.deepEqual(found.account, made.account);
  assert.equal(statSync(join(folder, 'credentials.json')).mode & 0o777, 0o600);
});

test('two servers make two accounts', () => {
  const one = loadAccount(join(folder, 'one'), undefined).account;
  const two = loadAccount(join(folder, 'two'), undefined).account;
  assert.notEqual(one.authId, two.authId);
  assert.notEqual(one.authToken, two.authToken);
});

test('a file that others may read is closed to them', () => {
  loadAccount(folder, undefined);
  const path = join(folder, 'credentials.json');
  writeFileSync(path, JSON.stringify({ auth_id: 'MA1', auth_token: 'secret' }), { mode: 0o644 });
  loadAccount(folder, undefined);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('the environment wins, and nothing is written', () => {
  const given = { authId: 'MA1', authToken: 'given' };
  assert.deepEqual(loadAccount(join(folder, 'none'), given), {
    account: given,
    origin: 'environment',
    path: undefined,
  });
  assert.throws(() => statSync(join(folder, 'none')));
});

for (const text of ['', 'not json', '{}', '[]', 'null', '{"auth_id":"MA1"}', '{"auth_id":1,"auth_token":2}'])
  test(`a damaged file (${text || 'empty'}) is named and not overwritten`, () => {
    writeFileSync(join(folder, 'credentials.json'), text);
    assert.throws(() => loadAccount(folder, undefined), CredentialsError);
  });

test('a data folder that cannot be is named by its setting', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  mkdirSync(join(folder, 'credentials.json'));
  for (const [dataDir, code] of [
    [join(file, 'data'), 'ENOTDIR'],
    [folder, 'EISDIR'],
  ] as const)
    assert.throws(
      () => loadAccount(dataDir, undefined),
      (error) =>
        error instanceof CredentialsError &&
        error.message.startsWith(`DATA_DIR=${dataDir}: `) &&
        error.message.includes(code),
    );
});
