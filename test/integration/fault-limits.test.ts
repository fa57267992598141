import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { hzIn } from '../support/tones.ts';
import { JoinRefused, WsClient } from '../support/ws-client.ts';

async function metric(server: TestServer, name: string): Promise<number> {
  const lines = (await server.metrics()).split('\n').filter((line) => line.startsWith(name));
  assert.ok(lines.length > 0, `${name} is there`);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('a mixer without time takes nobody more, loses nobody, and takes callers again when there is room', async (t) => {
  // A limit that any machine passes with a few encoders for Opus: they cost far more than one percent of a core.
  const server = await startServer({ MAX_MIXER_LOAD: '1' });
  t.after(async () => assert.equal(await server.stop(), 0));
  const dial = () => Softphone.call({ sipPort: server.sipPort, mpc: 'full', codec: 'opus' });
  const phones = await Promise.all(Array.from({ length: 6 }, dial));
  for (const phone of phones) t.after(() => phone.hangUp());
  phones[0]?.speak(440);
  await until('the load is seen', async () => (await metric(server, 'partyline_mixer_load')) > 0.012, 15_000);
  await assert.rejects(dial, /503/);
  const { wsUrl, authId, authToken } = server;
  await assert.rejects(WsClient.join({ wsUrl, authId, authToken, mpc: 'name_full' }), (error: unknown) => {
    assert.ok(error instanceof JoinRefused, String(error));
    assert.equal(error.status, 503);
    assert.ok(Number(error.headers['retry-after']) > 0, 'it says when to come again');
    return true;
  });
  assert.ok((await metric(server, 'partyline_legs_refused_total{reason="load"}')) >= 2, 'refusals are counted');
  for (const phone of phones) assert.equal(phone.ended, false);
  const heard = await phones[1]!.hearFor(400);
  assert.deepEqual(hzIn(heard.slice(-9600), 48_000, [440, 1000], -30), [440], 'who is there is heard');
  await Promise.all(phones.map((phone) => phone.hangUp()));
  const late = await until('there is room again', () => dial().catch(() => false as const), 15_000);
  await late.hearFor(100);
  await late.hangUp();
});

test('without a free port a call is refused before it is taken, and a port rests before it is lent again', async (t) => {
  const first = 32_000 + 2 * Math.floor(Math.random() * 200);
  const server = await startServer({ RTP_PORT_MIN: String(first), RTP_PORT_MAX: String(first + 3) });
  t.after(async () => assert.equal(await server.stop(), 0));
  const dial = () => Softphone.call({ sipPort: server.sipPort, mpc: 'ports' });
  assert.equal(await metric(server, 'partyline_rtp_ports_free'), 2);
  const [ana, ben] = await Promise.all([dial(), dial()]);
  t.after(() => ben.hangUp());
  assert.equal(await metric(server, 'partyline_rtp_ports_free'), 0);
  await assert.rejects(dial, /503/);
  assert.equal(await metric(server, 'partyline_legs_refused_total{reason="ports"}'), 1);
  const { remotePort } = ana;
  await ana.hangUp();
  const gaveBackAt = performance.now();
  await assert.rejects(dial, /503/, 'it rests');
  const next = await until('the port has rested', () => dial().catch(() => false as const), 10_000);
  t.after(() => next.hangUp());
  assert.equal(next.remotePort, remotePort);
  assert.ok(performance.now() - gaveBackAt > 4900, 'for five seconds');
  assert.equal(ben.ended, false);
});

test('without descriptors calls are refused and the server stays: it takes them again when there are some', async (t) => {
  const server = await startServer();
  t.after(async () => assert.equal(await server.stop(), 0));
  const limit = (files: number) => execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${files}:`]);
  // Room for a handful of calls, with two sockets each.
  limit(readdirSync(`/proc/${server.pid}/fd`).length + 8);
  const phones: Softphone[] = [];
  let refusal = '';
  while (refusal === '' && phones.length < 40)
    await Softphone.call({ sipPort: server.sipPort, mpc: 'files' }).then(
      (phone) => phones.push(phone),
      (error: Error) => {
        refusal = error.message;
      },
    );
  assert.match(refusal, /503/);
  assert.ok(phones.length >= 2, `${phones.length} were taken before`);
  for (const phone of phones) assert.equal(phone.ended, false);
  await Promise.all(phones.map((phone) => phone.hangUp()));
  const late = await until('there are descriptors again', () =>
    Softphone.call({ sipPort: server.sipPort, mpc: 'files' }).catch(() => false as const),
  );
  await late.hangUp();
});

interface Thread {
  readonly tid: number;
  readonly nice: number;
  readonly switches: number;
}

function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8');
    // After the name, which is in parentheses: field 3 is the first, nice is field 19 (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
    const switches = Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
    return { tid: Number(tid), nice: Number(fields[16]), switches };
  });
}

test('the main thread gives way to the mixers, which keep their weight', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const server = await startServer({ MEDIA_WORKERS: '2' });
  t.after(async () => assert.equal(await server.stop(), 0));
  const before = new Map(threadsOf(server.pid).map(({ tid, switches }) => [tid, switches]));
  // Mixers wake every 20 ms; of the others only those do that collect garbage, which are the engine's own.
  const mixers = await until('two threads have ticked fifty times', () => {
    const ticking = threadsOf(server.pid).filter(
      ({ tid, switches }) => tid !== server.pid && switches - (before.get(tid) ?? switches) > 50,
    );
    return ticking.length >= 2 && ticking;
  });
  for (const { nice } of mixers) assert.equal(nice, 0);
  assert.equal(threadsOf(server.pid).find(({ tid }) => tid === server.pid)?.nice, 5);
});
