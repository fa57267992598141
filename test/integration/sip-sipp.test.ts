import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { runSipp, type SippOptions } from '../support/sipp.ts';

let server: TestServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function metric(line: string): Promise<number> {
  const text = await server.metrics();
  const found = text.split('\n').find((other) => other.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

/** Runs sipp and then waits until no call is left. */
async function calls(options: Omit<SippOptions, 'port'>): Promise<void> {
  const { code, output } = await runSipp({ port: server.sipPort, ...options });
  assert.equal(code, 0, output);
  await until('the last call is over', async () => (await metric('partyline_sip_dialogs')) === 0);
  assert.equal(await metric('partyline_members{leg="sip"}'), 0);
}

for (const [what, options] of [
  ['twenty calls over UDP', { calls: 20, rate: 10 }],
  ['twenty calls with every fifth message lost', { calls: 20, rate: 10, lost: 20 }],
  ['ten calls over one TCP connection', { calls: 10, rate: 10, transport: 'tcp' }],
] as const) {
  test(`${what} all succeed`, async (t) => {
    if (!requireProgram(t, 'sipp')) return;
    await calls({ service: 'crowd', callMs: 500, ...options });
  });
}

test('sipsak finds the server alive', (t) => {
  if (!requireProgram(t, 'sipsak')) return;
  const { status, stdout } = spawnSync('sipsak', ['-s', `sip:anyone@127.0.0.1:${server.sipPort}`, '-v'], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^SIP\/2\.0 200 OK/m);
});
