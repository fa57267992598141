import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { BASIC, DEMO, demo, type Node, start, stopAll, until } from './node.ts';

afterEach(stopAll);

/** A client that speaks bytes; it has done the opening handshake as `demo`. */
async function rawClient(node: Node): Promise<{ socket: Socket; received: () => Buffer; ended: Promise<unknown> }> {
  const socket = connect(node.port, '127.0.0.1');
  let received = Buffer.alloc(0);
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
  });
  socket.on('error', () => {});
  const ended = once(socket, 'close');
  socket.write(
    `GET ${DEMO} HTTP/1.1\r\nHost: 127.0.0.1:${node.port}\r\nAuthorization: ${BASIC}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await until('the upgrade', () => received.includes('"start"'));
  received = Buffer.alloc(0);
  return { socket, received: () => received, ended };
}

/** A client frame of RFC 6455 section 5.2 with the mask 0, which leaves the payload as it is. */
function frame(first: number, payload: Uint8Array, mask = true, length = payload.length): Buffer {
  const head =
    length < 126
      ? Buffer.from([first, length])
      : length < 65_536
        ? Buffer.from([first, 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([first, 127]), bigEndian64(BigInt(length))]);
  if (mask) head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, mask ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

function bigEndian64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** The code of the close frame among what the server sent. */
function closeCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const opcode = (bytes[at] ?? 0) & 0x0f;
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : 2;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    if (opcode === 8) return bytes.readUInt16BE(at + head);
    at += head + length;
  }
  return undefined;
}

test('a reader that stops is shed without a word about it to others', async () => {
  const node = await start();
  const slow = await node.join({ contentType: 'audio/x-l16;rate=16000' });
  const slowLeg = node.leg();
  const quick = await node.join({ contentType: 'audio/x-l16;rate=16000' });
  const quickLeg = node.leg();
  slow.stopReading();
  const sound = new Uint8Array(640).fill(1);
  let sent = 0;
  // Loopback sockets hold several megabytes before the server sees that nobody reads.
  while (node.endpoint.stats().dropped.slow_reader < 100) {
    for (let i = 0; i < 100; i++) {
      slowLeg.options?.onFrame(sound);
      quickLeg.options?.onFrame(sound);
    }
    sent += 100;
    await quick.until(() => quick.framesHeard === sent);
    assert.ok(sent < 100_000, 'shedding begins');
  }
  const before = node.endpoint.stats().dropped.slow_reader;
  slow.resumeReading();
  await slow.until(() => slow.framesHeard >= sent - before);
  assert.equal(quick.framesHeard, sent);
  assert.deepEqual(
    quick.frames.map(({ chunk }) => chunk),
    Array.from({ length: sent }, (_, i) => i + 1),
  );
});

test('violations of the protocol are closed with their own code, and the member leaves', async () => {
  const node = await start({ closeGraceMs: 200 });
  const cases: [string, number, (socket: Socket) => void][] = [
    ['unmasked', 1002, (socket) => socket.write(frame(0x81, Buffer.from('{}'), false))],
    ['RSV bits', 1002, (socket) => socket.write(frame(0xc1, Buffer.from('{}')))],
    ['unknown opcode', 1002, (socket) => socket.write(frame(0x83, Buffer.from('{}')))],
    ['lone continuation', 1002, (socket) => socket.write(frame(0x80, Buffer.from('{}')))],
    ['fragmented ping', 1002, (socket) => socket.write(frame(0x09, Buffer.from('{}')))],
    ['bad UTF-8', 1007, (socket) => socket.write(frame(0x81, Buffer.from([0xc3, 0x28])))],
    ['half a surrogate', 1007, (socket) => socket.write(frame(0x81, Buffer.from([0xed, 0xa0, 0x80])))],
    ['length 2^63', 1009, (socket) => socket.write(Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))],
    ['65 kB at once', 1009, (socket) => socket.write(frame(0x82, Buffer.alloc(0), true, 65_537))],
    [
      '65 kB in fragments',
      1009,
      (socket) => {
        socket.write(frame(0x02, Buffer.alloc(40_000)));
        socket.write(frame(0x00, Buffer.alloc(40_000)));
      },
    ],
    [
      'fragments without end',
      1008,
      (socket) => {
        socket.write(frame(0x01, Buffer.from('{')));
        socket.write(Buffer.concat(Array.from({ length: 17_000 }, () => frame(0x00, Buffer.from(' ')))));
      },
    ],
    [
      'ping flood',
      1008,
      (socket) => socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => frame(0x89, Buffer.alloc(0))))),
    ],
  ];
  for (const [name, code, attack] of cases) {
    const { socket, received, ended } = await rawClient(node);
    assert.equal(demo(node)?.presentMembers.length, 1, name);
    attack(socket);
    await until(`${name}: the member left`, () => demo(node) === undefined);
    await ended;
    assert.equal(closeCode(received()), code, name);
  }
  await until('all are counted', () => node.endpoint.stats().open === 0);
  assert.deepEqual(node.endpoint.stats().closed, { 1002: 5, 1007: 2, 1009: 3, 1008: 2 });
});

test('a client that never answers a ping is cut off and leaves', async () => {
  const node = await start({ pingMs: 30, pongWaitMs: 30 });
  const { received, ended } = await rawClient(node);
  await until('the member left', () => demo(node) === undefined);
  await ended;
  assert.equal(received()[0], 0x89, 'it was pinged');
  assert.deepEqual(node.endpoint.stats().closed, { 1006: 1 });
});

test('a client that answers pings stays', async () => {
  const node = await start({ pingMs: 10, pongWaitMs: 2000 });
  const ana = await node.join();
  let pings = 0;
  ana.socket.on('ping', () => {
    pings += 1;
  });
  await until('ten pings', () => pings >= 10);
  assert.equal(demo(node)?.presentMembers.length, 1);
});

test('a message of 64 kB is taken, one byte more is not', async () => {
  const node = await start();
  const ana = await node.join({ framing: 'binary' });
  ana.socket.send(Buffer.alloc(65_536));
  await until('it was taken', () => node.leg().written.length === 1);
  ana.socket.send(Buffer.alloc(65_537));
  assert.equal((await ana.closed).code, 1009);
});

test('a member that vanishes without a word leaves its MPC', async () => {
  const node = await start();
  const ana = await node.join();
  ana.socket.terminate();
  await until('the member left', () => demo(node) === undefined);
});
