import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CallbackReceiver, type ReceivedCallback } from '../support/callback-receiver.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { WsClient } from '../support/ws-client.ts';

const { validateV3Signature } = createRequire(import.meta.url)('plivo') as {
  validateV3Signature(
    method: string,
    url: string,
    nonce: string,
    authToken: string,
    signature: string,
    fields?: Readonly<Record<string, string>>,
  ): boolean;
};

let folder: string;
let receiver: CallbackReceiver;
let server: TestServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partyline-callbacks-'));
  receiver = await CallbackReceiver.start();
});
after(async () => {
  await server?.stop();
  await receiver.close();
  await rm(folder, { recursive: true, force: true });
});

const ALL_GROUPS = [
  'mpc-state-changes',
  'participant-state-changes',
  'participant-speak-events',
  'participant-digit-input-events',
  'mpc-play-events',
].join();

function start(): Promise<TestServer> {
  return startServer({
    DATA_DIR: join(folder, 'data'),
    FETCH_ALLOW: receiver.allow,
    STATUS_CALLBACK_URL: receiver.url('/status?app=1#rc=5&rt=2000'),
    STATUS_CALLBACK_EVENTS: ALL_GROUPS,
  });
}

function enter(name: string, role: 'agent' | 'customer' = 'customer'): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${name}`, role });
}

const told = (name: string): readonly ReceivedCallback[] =>
  receiver.received.filter(({ fields }) => fields.MPCName === name);
const events = (name: string) => told(name).map(({ fields }) => fields.EventName);
const untilTold = (name: string, event: string) =>
  until(`${event} of ${name}, not only ${events(name)}`, () => events(name).includes(event), 10_000);

function assertSigned({ headers, method, path, fields }: ReceivedCallback): void {
  const nonce = String(headers['x-plivo-signature-v3-nonce']);
  const url = receiver.url(path);
  for (const name of ['x-plivo-signature-v3', 'x-plivo-signature-ma-v3'])
    assert.ok(
      validateV3Signature(method, url, nonce, server.authToken, String(headers[name]), { ...fields }),
      `${name} of ${fields.EventName} is valid`,
    );
}

test('everything that happens in an MPC is told in order, numbered and signed', async () => {
  server = await start();
  const ana = await enter('standup', 'agent');
  const ben = await enter('standup');
  const path = '/MultiPartyCall/name_standup/Participant/2/';
  for (const body of [{ mute: true }, { mute: false }, { hold: true }, { hold: false }])
    assert.equal((await server.api('POST', path, body)).status, 202);
  const voice = ana.speak(440);
  await untilTold('standup', 'ParticipantSpeakStart');
  voice.stop();
  await untilTold('standup', 'ParticipantSpeakStop');
  await ben.leave();
  await untilTold('standup', 'ParticipantExit');
  await server.api('DELETE', '/MultiPartyCall/name_standup/');
  await untilTold('standup', 'MPCEnd');
  assert.deepEqual(events('standup'), [
    'MPCInitialized',
    'MPCStart',
    'ParticipantJoin',
    'ParticipantJoin',
    'ParticipantMute',
    'ParticipantUnmute',
    'ParticipantHold',
    'ParticipantUnhold',
    'ParticipantSpeakStart',
    'ParticipantSpeakStop',
    'ParticipantExit',
    'ParticipantExit',
    'MPCEnd',
  ]);
  for (const [index, callback] of told('standup').entries()) {
    assert.equal(callback.fields.SequenceNumber, String(index + 1));
    assert.equal(callback.path, '/status?app=1');
    assertSigned(callback);
  }
});

test('what a receiver that is down did not get is delivered after a SIGTERM and after a kill -9, in order', async () => {
  let down = true;
  receiver.answer = (_received, response) => {
    if (down) response.statusCode = 503;
    response.end();
  };
  const delivered = (name: string) => {
    // Each is repeated until it is taken: the order is that of the last attempts.
    const last = new Map(told(name).map(({ fields, at }) => [Number(fields.SequenceNumber), { at, fields }]));
    return [...last.entries()].sort(([, a], [, b]) => a.at - b.at).map(([number]) => number);
  };

  const first = await enter('first');
  await untilTold('first', 'MPCInitialized');
  assert.equal(await server.stop(), 0);
  await first.closed;
  server = await start();
  const second = await enter('second');
  await untilTold('second', 'MPCInitialized');
  const metrics = await server.metrics();
  const restored = Number(/^partyline_callback_restored_total (\d+)$/m.exec(metrics)?.[1]);
  assert.equal(restored, 5, 'initialized, start, join, exit, end');
  process.kill(server.pid, 'SIGKILL');
  await second.closed;
  await server.stop();
  assert.deepEqual([...new Set([...events('first'), ...events('second')])], ['MPCInitialized']);

  down = false;
  const since = receiver.received.length;
  server = await start();
  await untilTold('first', 'MPCEnd');
  await untilTold('second', 'MPCEnd');
  assert.deepEqual(delivered('first'), [1, 2, 3, 4, 5]);
  assert.deepEqual(delivered('second').slice(0, 3), [1, 2, 3]);
  assert.deepEqual(
    events('second').slice(-3),
    ['ParticipantJoin', 'ParticipantExit', 'MPCEnd'],
    'the end that nobody could tell of is told by the next process',
  );
  for (const callback of receiver.received.slice(since)) assertSigned(callback);
  await until('nothing is left', async () => /^partyline_callback_queue_depth 0$/m.test(await server.metrics()));
});
