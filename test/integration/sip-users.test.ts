import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { plivoClient } from '../support/plivo-sdk.ts';
import { freePorts } from '../support/ports.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { SipClient } from '../support/sip-client.ts';
import { authorizationFor } from '../support/sip-digest.ts';
import { CallScript, sdpText } from '../support/sip-script.ts';
import { runSipp } from '../support/sipp.ts';
import { levelAt } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

const RATE = 8000;
const PHONE_HZ = 440;
const OTHER_HZ = 900;
const LOUD_DB = -15;
const PASSWORD = 'correct-horse';

let dataDir: string;
let env: Record<string, string>;
let server: TestServer;
/** As the API answered it. */
let username: string;
let endpointId: string;

/** Nobody is trusted, and what the server keeps is ours to keep. */
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'partyline-users-'));
  // It has to be found again at the same port.
  const port = String(await freePorts(1));
  env = {
    SIP_TRUSTED: '192.0.2.1',
    SIP_DIGEST: 'MD5',
    AUTH_FAILURES_PER_MINUTE: '100',
    SIP_PORT: port,
    DATA_DIR: dataDir,
  };
  server = await startServer(env);
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await rm(dataDir, { recursive: true, force: true });
});

async function metric(line: string): Promise<number> {
  const found = (await server.metrics()).split('\n').find((other) => other.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? Number.NaN);
}

interface Shown {
  readonly sip_registered: string;
  readonly sip_contact: string | null;
  readonly sip_user_agent: string | null;
}

async function endpoint(): Promise<Shown> {
  return (await server.api('GET', `/Endpoint/${endpointId}/`)).body as Shown;
}

async function addresses(mpc: string): Promise<readonly string[]> {
  const { status, body } = await server.api('GET', `/MultiPartyCall/name_${mpc}/Participant/`);
  const { objects } = body as { objects: { member_address: string; exit_time: string | null }[] };
  return status === 200 ? objects.filter((m) => m.exit_time === null).map((m) => m.member_address) : [];
}

test("Plivo's SDK makes, lists, shows, changes and deletes endpoints", async () => {
  const { endpoints } = plivoClient(server);
  const made = await endpoints.create('ana', PASSWORD, 'front-desk');
  assert.deepEqual([made.message, made.alias, made.username], ['created', 'front-desk', 'ana']);
  username = String(made.username);
  endpointId = String(made.endpointId);
  const second = await endpoints.create('ana', 'another one', 'hall', '12345');
  assert.match(String(second.username), /^ana\d{12}$/);

  const listed = await endpoints.list({ limit: 5 });
  assert.deepEqual(
    listed.map((one) => one.endpointId),
    [second.endpointId, endpointId],
  );
  const shown = await endpoints.get(String(second.endpointId));
  assert.match(String(shown.application), /\/Application\/12345\/$/);
  assert.deepEqual([shown.sipRegistered, shown.sipUri], ['false', `sip:${second.username}@127.0.0.1`]);
  const changed = await endpoints.update(String(second.endpointId), { alias: 'attic', password: 'something else' });
  assert.equal(changed.message, 'changed');
  assert.equal((await endpoints.get(String(second.endpointId))).alias, 'attic');
  await endpoints.delete(String(second.endpointId));
  await assert.rejects(endpoints.get(String(second.endpointId)), (error: { status?: number }) => error.status === 404);
  await assert.rejects(endpoints.create('ana', 'four', 'x'), (error: { status?: number }) => error.status === 400);
});

test('a phone registers, calls an MPC and is heard there, and all of it again after a restart', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const account = { user: username, password: PASSWORD, server: `127.0.0.1:${server.sipPort}` };
  const phone = await Baresip.start({ name: 'ana', hz: PHONE_HZ, account });
  t.after(() => phone.stop());
  await until('the phone is registered', async () => (await endpoint()).sip_registered === 'true', 10_000);
  const before = await endpoint();
  assert.match(before.sip_user_agent ?? '', /baresip/);
  assert.equal(await metric('partyline_sip_contacts'), 1);

  const call = async (mpc: string): Promise<void> => {
    const { wsUrl, authId, authToken } = server;
    const other = await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, role: 'customer' });
    other.speak(OTHER_HZ);
    await phone.dial(`sip:${mpc}@127.0.0.1:${server.sipPort}`, 10_000);
    assert.ok((await addresses(mpc)).includes(`sip:${username}@127.0.0.1`), 'her address is that of her password');
    await until('the other hears the phone', async () => {
      return levelAt(await other.hearFor(200), RATE, PHONE_HZ) > LOUD_DB;
    });
    await until('the phone hears the other', async () => {
      const { samples } = await phone.heard();
      return levelAt(samples.subarray(-RATE / 5), RATE, OTHER_HZ) > LOUD_DB - 10;
    });
    await phone.hangUp();
    await until('she is gone', async () => (await addresses(mpc)).length === 1);
    await other.leave();
  };
  await call('first');

  assert.equal(await server.stop(), 0);
  server = await startServer(env);
  const { sip_registered, sip_contact, sip_user_agent } = await endpoint();
  assert.equal(sip_registered, 'true', 'although it has not come again');
  assert.deepEqual([sip_contact, sip_user_agent], [before.sip_contact, before.sip_user_agent]);
  assert.equal(await metric('partyline_sip_registrations_total{result="registered"}'), 0);
  await call('second');
});

test('all phones of a user ring: one takes the call and is heard, the other rings no more', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const account = { user: username, password: PASSWORD, server: `127.0.0.1:${server.sipPort}` };
  const before = await metric('partyline_sip_contacts');
  const [desk, mobile] = await Promise.all([
    Baresip.start({ name: 'desk', hz: OTHER_HZ, account }),
    Baresip.start({ name: 'mobile', hz: PHONE_HZ, account: { ...account, server: `${account.server};transport=tcp` } }),
  ]);
  t.after(() => Promise.all([desk.stop(), mobile.stop()]));
  await until(
    'both phones are registered',
    async () => (await metric('partyline_sip_contacts')) === before + 2,
    10_000,
  );
  const { wsUrl, authId, authToken } = server;
  const other = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_all-phones', role: 'customer' });
  t.after(() => other.leave());
  other.speak(OTHER_HZ);
  const body = { role: 'agent', from: '4930111', to: username, dial_music: 'none', enter_sound: 'none' };
  const added = await server.api('POST', '/MultiPartyCall/name_all-phones/Participant/', body);
  assert.equal(added.status, 201, JSON.stringify(added.body));

  await Promise.all([desk.event('CALL_INCOMING', 10_000), mobile.event('CALL_INCOMING', 10_000)]);
  await mobile.command('accept');
  await Promise.all([mobile.event('CALL_ESTABLISHED', 10_000), desk.event('CALL_CLOSED', 10_000)]);
  await until('the phone that took the call is heard', async () => {
    return levelAt(await other.hearFor(200), RATE, PHONE_HZ) > LOUD_DB;
  });
  await until('it hears the other', async () => {
    const { samples } = await mobile.heard();
    return levelAt(samples.subarray(-RATE / 5), RATE, OTHER_HZ) > LOUD_DB - 10;
  });
  assert.equal((await addresses('all-phones')).length, 2, 'one of her is there');
  await mobile.hangUp();
  await until('nobody stays alone', async () => (await addresses('all-phones')).length === 0);
  assert.equal(await metric('partyline_dials_total{result="answered"}'), 1, 'it was one call');
});

test('a crowd with the password gets in, and none without it', async (t) => {
  if (!requireProgram(t, 'sipp')) return;
  const crowd = { port: server.sipPort, service: 'crowd', calls: 5, rate: 10, callMs: 200 };
  const good = await runSipp({ ...crowd, login: { user: username, password: PASSWORD } });
  assert.equal(good.code, 0, good.output);
  const accepted = await metric('partyline_sip_authentications_total{result="accepted"}');
  const bad = await runSipp({ ...crowd, login: { user: username, password: 'wrong' } });
  assert.equal(bad.code, 1, bad.output);
  assert.equal(await metric('partyline_sip_authentications_total{result="accepted"}'), accepted);
  assert.ok((await metric('partyline_sip_authentications_total{result="wrong"}')) >= 5, 'each was counted');
  assert.equal((await addresses('crowd')).length, 0);
});

test('a phone by TCP is signed off when its connection ends, and its pings are answered', async (t) => {
  const client = await SipClient.tcp(server.sipPort);
  t.after(() => client.close());
  const uri = 'sip:127.0.0.1';
  const script = new CallScript({ uri, transport: 'TCP', local: client.local });
  const headers = { To: `<sip:${username}@127.0.0.1>`, Contact: '<sip:desk@10.0.0.5;transport=tcp>', Expires: '60' };
  client.send(script.request('REGISTER', { headers }));
  const challenge = await client.final();
  const answer = { user: username, password: PASSWORD, method: 'REGISTER', uri };
  client.send(
    script.request('REGISTER', { headers: { ...headers, Authorization: authorizationFor(challenge, answer) } }),
  );
  assert.equal((await client.final()).status, 200);
  assert.equal((await endpoint()).sip_contact, 'sip:desk@10.0.0.5;transport=tcp');
  client.send('\r\n\r\n');
  await client.until(() => client.rest === '\r\n', 'the pong');
  client.close();
  await until('it is signed off', async () => (await endpoint()).sip_contact !== 'sip:desk@10.0.0.5;transport=tcp');
});

test('a stranger gets no further than the question', async (t) => {
  const client = await SipClient.udp(server.sipPort);
  t.after(() => client.close());
  for (const method of ['INVITE', 'REGISTER', 'MESSAGE', 'SUBSCRIBE', 'REFER', 'PUBLISH']) {
    const script = new CallScript({ uri: `sip:crowd@127.0.0.1:${server.sipPort}`, local: client.local });
    client.send(script.request(method, method === 'INVITE' ? { body: sdpText() } : {}));
    assert.equal((await client.final()).status, 401, method);
  }
  assert.equal((await addresses('crowd')).length, 0);
});
