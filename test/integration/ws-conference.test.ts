import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn, levelAt, rmsDb } from '../support/tones.ts';
import { JoinRefused, streamUrl, WsClient, type WsClientOptions } from '../support/ws-client.ts';

const TONES = [440, 550, 660, 880];

let server: TestServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

function join(mpc: string, options: Partial<WsClientOptions> = {}): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, ...options });
}

test('members in every format and framing hear each other and not themselves', async () => {
  const ana = await join('formats');
  const ben = await join('formats', { contentType: 'audio/x-l16;rate=16000', framing: 'binary' });
  const eve = await join('formats', { contentType: 'audio/x-l16;rate=24000' });
  const dan = await join('formats', { framing: 'binary' });
  const clients = [ana, ben, eve, dan];
  const voices = clients.map((client, i) => client.speak(TONES[i] ?? 0));
  // The first moments hold the members' different starts.
  await Promise.all(clients.map((client) => client.hearFor(400)));
  const heard = await Promise.all(clients.map((client) => client.hearFor(1000)));
  for (const voice of voices) voice.stop();
  for (const [i, client] of clients.entries()) {
    const sound = heard[i] ?? new Int16Array(0);
    assert.deepEqual(
      hzIn(sound, client.sampleRate, TONES),
      TONES.filter((hz) => hz !== TONES[i]),
      `member ${client.memberId}`,
    );
    for (const hz of TONES.filter((other) => other !== TONES[i]))
      assert.ok(Math.abs(levelAt(sound, client.sampleRate, hz) + 12) < 1.5, `${hz} Hz keeps its level`);
  }
  await Promise.all(clients.map((client) => client.leave()));
});

test('frames come 50 times a second, numbered without a gap, whoever speaks', async () => {
  const ana = await join('steady');
  const ben = await join('steady');
  const voice = ben.speak(550);
  ana.forget();
  await ana.hearFor(3000);
  voice.stop();
  const chunks = ana.frames.map(({ chunk }) => chunk ?? 0);
  const first = chunks[0] ?? 0;
  assert.deepEqual(
    chunks,
    chunks.map((_, i) => first + i),
  );
  const span = (ana.frames.at(-1)?.at ?? 0) - (ana.frames[0]?.at ?? 0);
  assert.ok(Math.abs(span / (ana.frames.length - 1) - 20) < 0.5, `${span} ms for ${ana.frames.length} frames`);
  await Promise.all([ana.leave(), ben.leave()]);
});

test('members are seen by the API, and kicked with stop and 1000', async () => {
  const ana = await join('api', { role: 'agent' });
  const ben = await join('api');
  const listed = await server.api('GET', '/MultiPartyCall/name_api/Participant/');
  const { objects } = listed.body as { objects: { member_id: string; role: string; call_uuid: string }[] };
  assert.deepEqual(
    objects.map(({ member_id, role, call_uuid }) => [member_id, role, call_uuid]),
    [
      ['1', 'agent', ana.callUuid],
      ['2', 'customer', ben.callUuid],
    ],
  );
  const kicked = await server.api('DELETE', `/MultiPartyCall/name_api/Participant/${ben.memberId}/`);
  assert.equal(kicked.status, 204);
  assert.deepEqual(await ben.closed, { code: 1000, reason: 'kicked' });
  assert.equal(ben.messages.at(-1)?.message.event, 'stop');
  const ended = await server.api('DELETE', '/MultiPartyCall/name_api/');
  assert.equal(ended.status, 204);
  assert.deepEqual(await ana.closed, { code: 1000, reason: 'mpc_ended' });
});

test('a muted member is not heard, and heard again when unmuted', async () => {
  const ana = await join('mute');
  const ben = await join('mute');
  const voice = ben.speak(550);
  const mute = (value: boolean) =>
    server.api('POST', `/MultiPartyCall/name_mute/Participant/${ben.memberId}/`, { mute: value });
  const hears = async (): Promise<boolean> => hzIn(await ana.hearFor(200), 8000, [550]).length > 0;
  await until('ben is heard', hears);
  assert.equal((await mute(true)).status, 202);
  await until('ben is silent', async () => !(await hears()));
  assert.equal((await mute(false)).status, 202);
  await until('ben is heard again', hears);
  voice.stop();
  await Promise.all([ana.leave(), ben.leave()]);
});

test('a token of the API joins without a password, once, from a page of our own origin', async () => {
  const issued = await server.api('POST', '/MultiPartyCall/name_token/Stream/', {});
  assert.equal(issued.status, 201);
  const { token, url, expires_in } = issued.body as { token: string; url: string; expires_in: number };
  assert.equal(expires_in, 60);
  const options = { wsUrl: server.wsUrl, authId: server.authId, mpc: 'name_token', streamToken: token };
  assert.equal(url, streamUrl(options).split('?')[0]);
  const ana = await WsClient.join({ ...options, headers: { origin: server.httpUrl } });
  assert.equal(ana.socket.protocol, 'partyline');
  for (const again of [options, { ...options, mpc: 'name_elsewhere' }])
    await assert.rejects(WsClient.join(again), (error) => error instanceof JoinRefused && error.status === 401);
  assert.equal(server.log().includes(token), false, 'the token is not in the log');
  await ana.leave();
});

test('a checkpoint is answered once the audio before it was heard', async () => {
  const ana = await join('checkpoint', { contentType: 'audio/x-l16;rate=8000' });
  const ben = await join('checkpoint', { contentType: 'audio/x-l16;rate=8000' });
  ben.forget();
  const sound = new Int16Array(8000).map((_, i) => Math.round(8000 * Math.sin((2 * Math.PI * 550 * i) / 8000)));
  const sentAt = performance.now();
  ana.burst(sound);
  const playedAt = await ana.checkpoint('end of it');
  const tookMs = playedAt - sentAt;
  assert.ok(tookMs > 900 && tookMs < 1500, `a second of audio was played in ${tookMs} ms`);
  await ben.hearFor(200);
  const loud = ben.frames.filter(({ samples }) => rmsDb(samples) > -40);
  assert.ok(Math.abs(loud.length - 50) <= 2, `ben heard ${loud.length} frames of it`);
  await Promise.all([ana.leave(), ben.leave()]);
});

test('clearAudio silences what was not yet played, and its checkpoints stay unanswered', async () => {
  const ana = await join('clear', { framing: 'binary' });
  const ben = await join('clear');
  ana.burst(new Int16Array(8000 * 5).fill(8000));
  ana.send({ event: 'checkpoint', name: 'never' });
  await until('ben hears it', async () => rmsDb(await ben.hearFor(40)) > -30);
  await ana.clearAudio();
  await ben.hearFor(100);
  assert.ok(rmsDb(await ben.hearFor(500)) < -60, 'nothing more comes');
  await ana.checkpoint('now');
  assert.equal(ana.messages.filter(({ message }) => message.event === 'playedStream').length, 1);
  await Promise.all([ana.leave(), ben.leave()]);
});

test('digits of a member reach the others as dtmf', async () => {
  const ana = await join('digits');
  const ben = await join('digits');
  ana.sendDigits('42#');
  await ben.until(() => ben.messages.filter(({ message }) => message.event === 'dtmf').length === 3);
  const digits = ben.messages
    .filter(({ message }) => message.event === 'dtmf')
    .map(({ message }) => (message.dtmf as { digit: string }).digit);
  assert.deepEqual(digits, ['4', '2', '#']);
  await Promise.all([ana.leave(), ben.leave()]);
});

test('an MPC is over when its last WebSocket has gone, and its UUID is no door any more', async () => {
  const ana = await join('over');
  const { mpcUuid } = ana;
  ana.socket.terminate();
  await until('the MPC ended', async () => (await server.api('GET', '/MultiPartyCall/name_over/')).status === 404);
  await assert.rejects(
    join('over', { mpc: `uuid_${mpcUuid}` }),
    (error) => error instanceof JoinRefused && error.status === 404,
  );
});

test('a shutdown says 1001 to every stream', async () => {
  const own = await startServer();
  const ana = await WsClient.join({ ...own, mpc: 'name_last' });
  const [code] = await Promise.all([own.stop(), once(ana.socket, 'close')]);
  assert.equal(code, 0);
  assert.equal((await ana.closed).code, 1001);
  assert.equal(ana.socket.readyState, WebSocket.CLOSED);
});
