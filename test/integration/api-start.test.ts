import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { ENTRY, startServer, until } from '../support/server.ts';
import { rmsDb } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partyline-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs the server until it ends by itself. */
async function run(env: Record<string, string>): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [ENTRY], {
    env: { PATH: process.env.PATH, HTTP_PORT: '0', SIP_PORT: '0', DATA_DIR: folder, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

test('wrong settings end the start with 2 and one message that names them all', async () => {
  const { code, stdout, stderr } = await run({ HTTP_PORT: 'eighty', MEDIA_WORKERS: '0', FETCH_ALLOW: 'everything' });
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^partyline cannot start: 3 settings are wrong/);
  for (const name of ['HTTP_PORT', 'MEDIA_WORKERS', 'FETCH_ALLOW']) assert.ok(stderr.includes(`\n  ${name}=`), stderr);
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test('a busy HTTP or SIP port is named by its setting', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const address = other.address();
  assert.ok(address !== null && typeof address === 'object');
  for (const name of ['HTTP_PORT', 'SIP_PORT']) {
    const { code, stderr } = await run({ [name]: String(address.port) });
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`partyline cannot start: ${name}=${address.port}: another program uses that port`));
  }
});

test('an address that is not ours is named by its setting', async () => {
  for (const name of ['HTTP_HOST', 'SIP_HOST']) {
    const { code, stderr } = await run({ [name]: '192.0.2.1' });
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`${name}=192.0.2.1: this machine has no such address`));
  }
});

test('a data folder and an ffmpeg that cannot be used are named by their settings', async (t) => {
  const { code, stderr } = await run({ DATA_DIR: resolve('package.json') });
  assert.equal(code, 2);
  assert.match(stderr, /^partyline cannot start: DATA_DIR=\S+package.json: .+\n$/);

  const server = await startServer({ FFMPEG_PATH: '/nowhere/ffmpeg' });
  t.after(() => server.stop());
  const second = await run({ DATA_DIR: server.dataDir });
  assert.equal(second.code, 2);
  assert.match(
    second.stderr,
    /^partyline cannot start: DATA_DIR=\S+: another server uses that folder\. Stop it, or .+\n$/,
  );
  assert.match(server.log(), /"path":"\/nowhere\/ffmpeg","why":"[^"]+","msg":"FFMPEG_PATH is not used"/);
});

test('the command that the first start prints plays a chime to whoever joined', async (t) => {
  const server = await startServer({ AUTH_ID: '', AUTH_TOKEN: '' });
  t.after(() => server.stop());
  const text = server.log();
  const [, authId = '', authToken = ''] = /Account +(\S+), token (\S+) \(made just now/.exec(text) ?? [];
  assert.match(authId, /^MA[A-Z0-9]{18}$/);
  assert.equal((await stat(join(server.dataDir, 'credentials.json'))).mode & 0o777, 0o600);
  assert.match(text, new RegExp(`sip:demo@127\\.0\\.0\\.1:${server.sipPort}`));
  assert.match(text, /ffmpeg +\S+ at \//);

  const ana = await WsClient.join({ wsUrl: server.wsUrl, authId, authToken, mpc: 'name_demo' });
  const command = /^ +(curl .+)$/m.exec(text)?.[1] ?? '';
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent`]);
  assert.deepEqual(JSON.parse(stdout).mpcMemberId, ['1']);
  await until('the chime is heard', async () => rmsDb(await ana.hearFor(200)) > -40);
  await ana.leave();
});

test('SIGTERM lets the running calls finish, takes no new ones, and ends with 0 after the last', async () => {
  const server = await startServer({ DRAIN_SECONDS: '60' });
  const { wsUrl, authId, authToken } = server;
  const ana = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_drain' });
  process.kill(server.pid, 'SIGTERM');
  await until('it is not ready any more', async () => (await fetch(`${server.httpUrl}/readyz`)).status === 503);
  const { reason } = (await (await fetch(`${server.httpUrl}/readyz`)).json()) as { reason: string };
  assert.equal(reason, 'draining');
  await assert.rejects(WsClient.join({ wsUrl, authId, authToken, mpc: 'name_drain' }), /503/);
  assert.equal((await ana.hearFor(200)).length >= 1600, true, 'the call goes on');
  assert.match(await server.metrics(), /^partyline_draining 1$/m);
  await ana.leave();
  await until('the server has ended', () => server.log().includes('"msg":"ended"'));
  assert.equal(await server.stop(), 0);
});

test('a second SIGTERM hangs up on everybody and ends at once', async () => {
  const server = await startServer({ DRAIN_SECONDS: '60' });
  const { wsUrl, authId, authToken } = server;
  const ana = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_drain' });
  process.kill(server.pid, 'SIGTERM');
  await until('it drains', () => server.log().includes('shutting down'));
  const began = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - began < 4000);
  assert.equal((await ana.closed).code, 1001);
});

test('the server runs from nothing but what the image holds', async () => {
  const lines = (await readFile('Dockerfile', 'utf8')).split('\n');
  const copies = lines
    .slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
    .filter((line) => /^COPY /.test(line));
  assert.ok(copies.length >= 4);
  for (const line of copies) {
    const [source = '', target = ''] = line.split(' ').slice(-2);
    const path = source.replace('/app/', '');
    const copy = join(folder, target === './' ? path : target);
    if (path === 'node_modules') await symlink(resolve(path), copy);
    else await cp(path === 'dist' ? dirname(dirname(ENTRY)) : path, copy, { recursive: true });
  }
  const server = await startServer({}, { entry: join(folder, 'dist/server/main.js') });
  assert.match(await (await fetch(server.httpUrl)).text(), /<title>partyline<\/title>/);
  assert.equal(await server.stop(), 0);
});

test('the server runs from its sources, mixers and all, as npm run dev has it', async (t) => {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
  assert.match(scripts.dev ?? '', /^tsx watch .*server\/main\.ts$/);
  const server = await startServer({}, { entry: 'server/main.ts', nodeFlags: ['--import', 'tsx'] });
  t.after(() => server.stop());
  const { wsUrl, authId, authToken } = server;
  const ana = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_source' });
  const eve = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_source' });
  eve.speak(440);
  await until('ana hears eve', async () => rmsDb(await ana.hearFor(100)) > -40);
});
