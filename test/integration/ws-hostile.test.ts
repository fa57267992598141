import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn } from '../support/tones.ts';
import { JoinRefused, WsClient, type WsClientOptions } from '../support/ws-client.ts';

let server: TestServer;

before(async () => {
  server = await startServer({ MAX_WS_PER_ADDRESS: '8' });
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

function join(mpc: string, options: Partial<WsClientOptions> = {}): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, ...options });
}

const CLOSES = [1002, 1007, 1008, 1009];

/** Speaks the opening handshake, then bytes; resolves with all the server sent once it hung up. */
async function attack(bytes: Buffer): Promise<Buffer> {
  const { port } = new URL(server.httpUrl);
  const socket = connect(Number(port), '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('error', () => {});
  const authorization = Buffer.from(`${server.authId}:${server.authToken}`).toString('base64');
  socket.write(
    `GET /v1/Account/${server.authId}/MultiPartyCall/name_target/Stream/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
      `Authorization: Basic ${authorization}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  socket.on('data', (data) => {
    // The attack begins when the handshake is over, and the end of it is heard to the last byte.
    if (received.length === 0) socket.write(bytes);
    received.push(data);
    if (CLOSES.some((code) => hasClose(data, code))) socket.end();
  });
  await once(socket, 'close');
  return Buffer.concat(received);
}

/** True when a close frame with this code is among the bytes. */
function hasClose(bytes: Buffer, code: number): boolean {
  for (let at = bytes.indexOf(0x88); at >= 0; at = bytes.indexOf(0x88, at + 1))
    if (at + 4 <= bytes.length && bytes.readUInt16BE(at + 2) === code) return true;
  return false;
}

test('two people talk undisturbed while others break every rule', async () => {
  const ana = await join('talk');
  const ben = await join('talk', { contentType: 'audio/x-l16;rate=16000', framing: 'binary' });
  const voices = [ana.speak(440), ben.speak(550)];
  await Promise.all([ana.hearFor(400), ben.hearFor(400)]);
  ana.forget();
  ben.forget();

  const masked = (first: number, length: number, payload: Buffer): Buffer =>
    Buffer.concat([Buffer.from([first, 0x80 | length]), Buffer.alloc(4), payload]);
  const cases: [string, number, Buffer][] = [
    ['unmasked', 1002, Buffer.concat([Buffer.from([0x81, 2]), Buffer.from('{}')])],
    ['RSV', 1002, masked(0xf1, 2, Buffer.from('{}'))],
    ['bad UTF-8', 1007, masked(0x81, 2, Buffer.from([0xc3, 0x28]))],
    ['a huge length', 1009, Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    ['a flood of pings', 1008, Buffer.concat(Array.from({ length: 10_000 }, () => masked(0x89, 0, Buffer.alloc(0))))],
    ['nonsense', 1008, Buffer.concat(Array.from({ length: 12 }, () => masked(0x81, 2, Buffer.from('no'))))],
  ];
  for (const [name, code, bytes] of cases) assert.ok(hasClose(await attack(bytes), code), name);
  await until('the attackers left', async () => {
    const answer = await server.api('GET', '/MultiPartyCall/name_target/');
    return answer.status === 404;
  });

  await Promise.all([ana.hearFor(200), ben.hearFor(200)]);
  for (const voice of voices) voice.stop();
  assert.deepEqual(hzIn(ana.heard(), 8000, [440, 550]), [550]);
  assert.deepEqual(hzIn(ben.heard(), 16000, [440, 550]), [440]);
  const chunks = ana.frames.map(({ chunk }) => chunk ?? 0);
  assert.deepEqual(
    chunks,
    chunks.map((_, i) => (chunks[0] ?? 0) + i),
  );
  await Promise.all([ana.leave(), ben.leave()]);
});

test('who neither reads nor answers pings is cut off after half a minute, and nobody else notices', async () => {
  const stuck = await join('stuck', { contentType: 'audio/x-l16;rate=16000' });
  const quick = await join('stuck', { contentType: 'audio/x-l16;rate=16000' });
  const voice = quick.speak(440);
  stuck.stopReading();
  const stuckAt = performance.now();
  quick.forget();
  const members = async (): Promise<string[]> => {
    const answer = await server.api('GET', '/MultiPartyCall/name_stuck/Participant/');
    const { objects } = answer.body as { objects: { member_id: string; exit_time: string | null }[] };
    return objects.filter(({ exit_time }) => exit_time === null).map(({ member_id }) => member_id);
  };
  await until('the stuck one has left', async () => (await members()).length === 1, 45_000);
  assert.ok(performance.now() - stuckAt > 25_000, 'it had its time');
  assert.deepEqual(await members(), [quick.memberId]);
  assert.match(await server.metrics(), /^partyline_ws_closed_total\{code="1006"\} 1$/m);
  const chunks = quick.frames.map(({ chunk }) => chunk ?? 0);
  assert.ok(chunks.length > 1000);
  assert.deepEqual(
    chunks,
    chunks.map((_, i) => (chunks[0] ?? 0) + i),
  );
  voice.stop();
  stuck.socket.terminate();
  await quick.leave();
});

test('one address has so many sockets and no more, and gets them back', async () => {
  const noneOpen = async (): Promise<boolean> => /^partyline_ws_open 0$/m.test(await server.metrics());
  await until('the others have gone', noneOpen);
  const clients = await Promise.all(Array.from({ length: 8 }, () => join('crowd')));
  await assert.rejects(join('crowd'), (error) => error instanceof JoinRefused && error.status === 429);
  await Promise.all(clients.map((client) => client.leave()));
  const again = await until('a place is free', () => join('crowd').catch(() => undefined));
  await again.leave();
});

test('a foreign page, a wrong password and a wrong place get nowhere', async () => {
  const refused = async (options: Partial<WsClientOptions>): Promise<number> => {
    const error = await join('door', options).catch((reason: unknown) => reason);
    assert.ok(error instanceof JoinRefused);
    assert.deepEqual(Object.keys(JSON.parse(error.body)), ['api_id', 'error']);
    return error.status;
  };
  assert.equal(await refused({ headers: { origin: 'https://evil.example' } }), 403);
  assert.equal(await refused({ authToken: 'wrong' }), 401);
  assert.equal(await refused({ mpc: 'uuid_00000000-0000-4000-8000-000000000000' }), 404);
  assert.equal(await refused({ query: 'content_type=audio/ogg' }), 400);
  assert.equal((await server.api('GET', '/MultiPartyCall/name_door/')).status, 404, 'no MPC was made');
});
