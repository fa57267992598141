import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { plivoClient } from '../support/plivo-sdk.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { WsClient } from '../support/ws-client.ts';

let folder: string;
let server: TestServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partyline-history-'));
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Shown {
  readonly [field: string]: unknown;
}

async function get(path: string): Promise<Shown> {
  const { status, body } = await server.api('GET', path);
  assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
  const { api_id: _, ...rest } = body as Shown;
  return rest;
}

function enter(mpc: string, role: 'agent' | 'customer' = 'customer'): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc, role });
}

const objects = (list: Shown) => list.objects as readonly Shown[];

test('what was is readable after a restart and a kill -9, and what was cut off has ended', async () => {
  const env = { DATA_DIR: join(folder, 'data') };
  server = await startServer(env);
  const ana = await enter('name_first', 'agent');
  const ben = await enter('name_first');
  const { mpc_uuid: first } = await get('/MultiPartyCall/name_first/');
  await server.api('DELETE', '/MultiPartyCall/name_first/Participant/2/');
  await ben.closed;
  await server.api('DELETE', '/MultiPartyCall/name_first/');
  await ana.closed;
  const shown = await get(`/MultiPartyCall/uuid_${first}/`);
  assert.deepEqual(
    [shown.status, shown.friendly_name, shown.termination_cause, shown.termination_cause_code],
    ['Ended', 'first', 'Hangup API Triggered', 3000],
  );
  const people = await get(`/MultiPartyCall/uuid_${first}/Participant/`);
  assert.deepEqual(
    objects(people).map(({ member_id, role, exit_cause }) => [member_id, role, exit_cause]),
    [
      ['1', 'agent', 'Multiparty Call Ended'],
      ['2', 'customer', 'Kicked Out of Multiparty Call'],
    ],
  );

  // A call that is up when SIGTERM comes is hung up on, and its end is written down.
  await enter('name_second');
  const { mpc_uuid: second } = await get('/MultiPartyCall/name_second/');
  assert.equal(await server.stop(), 0);
  server = await startServer(env);
  assert.deepEqual(await get(`/MultiPartyCall/uuid_${first}/`), shown);
  assert.deepEqual(await get(`/MultiPartyCall/uuid_${first}/Participant/`), people);
  assert.deepEqual(await get(`/MultiPartyCall/uuid_${first}/Participant/2/`), objects(people)[1]);
  assert.equal((await get(`/MultiPartyCall/uuid_${second}/`)).status, 'Ended');

  const third = await enter('name_third', 'agent');
  const { mpc_uuid: cut } = await get('/MultiPartyCall/name_third/');
  process.kill(server.pid, 'SIGKILL');
  await third.closed;
  await server.stop();
  server = await startServer(env);
  const { status, end_time, duration, termination_cause } = await get(`/MultiPartyCall/uuid_${cut}/`);
  assert.deepEqual([status, termination_cause], ['Ended', 'No Active Participants']);
  assert.ok(typeof end_time === 'string' && typeof duration === 'number', 'its end is known');
  const [left] = objects(await get(`/MultiPartyCall/uuid_${cut}/Participant/`));
  assert.deepEqual(
    [left?.member_id, left?.role, left?.exit_cause, left?.exit_time, left?.mute],
    ['1', 'agent', 'Multiparty Call Ended', end_time, null],
  );

  const list = async (query: string) =>
    objects(await get(`/MultiPartyCall/?${query}`)).map(({ friendly_name }) => friendly_name);
  await enter('name_fourth');
  await until('the fourth is there', async () => (await list('status=active')).length === 1);
  assert.deepEqual(await list(''), ['fourth', 'third', 'second', 'first']);
  assert.deepEqual(await list('status=ended'), ['third', 'second', 'first']);
  assert.deepEqual(await list('limit=2&offset=1'), ['third', 'second']);
  assert.deepEqual(await list('termination_cause_code=3000'), ['first']);
  assert.deepEqual(await list('status=ended&friendly_name=second'), ['second']);
  const { meta } = await get('/MultiPartyCall/?status=ended&limit=1');
  assert.equal((meta as Shown).total_count, 3);

  // The call of the third went with the process that was killed, the others are known as they ended.
  const plivo = plivoClient(server);
  const calls = await plivo.calls.list({ callDirection: 'inbound' });
  assert.deepEqual(
    calls.map(({ hangupCauseName, hangupCauseCode }) => [hangupCauseName, hangupCauseCode]),
    [
      ['Unknown', 0],
      ['Kicked Out Of Multiparty Call', 4030],
      ['Multiparty Call Ended', 4020],
    ],
  );
  const [newest] = calls;
  assert.equal((await plivo.calls.get(String(newest?.callUuid))).endTime, newest?.endTime);
  assert.equal((await plivo.calls.list({ hangupCauseCode: 4030, limit: 1, offset: 1 })).length, 0);
  const [live] = await plivo.calls.listLiveCalls();
  assert.equal((await plivo.calls.getLiveCall(String(live?.callUuid))).callStatus, 'in-progress');
  await assert.rejects(plivo.calls.get(String(live?.callUuid)), /status=live/);
  assert.deepEqual(await plivo.calls.listQueuedCalls(), []);
});
