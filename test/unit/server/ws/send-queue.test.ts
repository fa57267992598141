import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SendQueue } from '../../../../server/ws/send-queue.ts';
import { FakeSocket } from './doubles.ts';

const LIMITS = { shedBytes: 100_000, closeBytes: 300_000 };
const FRAME = 1000;

function setUp(): { socket: FakeSocket; queue: SendQueue; overflows: () => number } {
  const socket = new FakeSocket();
  let overflows = 0;
  const queue = new SendQueue(socket.asSocket, LIMITS, () => {
    overflows += 1;
    queue.close();
  });
  return { socket, queue, overflows: () => overflows };
}

/** Frames that carry their number. */
function frame(number: number): Uint8Array {
  const bytes = new Uint8Array(FRAME);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

function numbersOf(socket: FakeSocket): number[] {
  return socket.sent.filter((data) => typeof data !== 'string').map((data) => (data as Buffer).readUInt32BE(0));
}

test('a reader that keeps up gets every message at once and in order', () => {
  const { socket, queue } = setUp();
  for (let i = 0; i < 500; i++) queue.audio(frame(i));
  assert.deepEqual(
    numbersOf(socket),
    Array.from({ length: 500 }, (_, i) => i),
  );
  assert.equal(queue.dropped, 0);
  assert.equal(queue.bytes, 0);
});

test('a stuck reader loses the oldest audio, never the newest and never a control message', () => {
  const { socket, queue, overflows } = setUp();
  socket.stuck = true;
  for (let i = 0; i < 1000; i++) {
    queue.audio(frame(i));
    if (i % 100 === 0) queue.control(`control ${i}`);
    assert.ok(queue.bytes <= LIMITS.shedBytes, 'memory is bounded');
  }
  assert.ok(queue.dropped > 800);
  socket.stuck = false;
  socket.drain();
  const numbers = numbersOf(socket);
  assert.equal(numbers.length, 1000 - queue.dropped);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
  assert.equal(numbers.at(-1), 999);
  assert.equal(socket.sent.filter((data) => typeof data === 'string').length, 10);
  assert.equal(overflows(), 0);
  assert.equal(queue.bytes, 0);
});

test('messages wait their turn: nothing overtakes what was queued before', () => {
  const { socket, queue } = setUp();
  socket.stuck = true;
  for (let i = 0; i < 50; i++) queue.audio(frame(i));
  queue.control('after 50');
  assert.equal(socket.sent.includes('after 50'), false);
  socket.drain();
  socket.drain();
  assert.equal(socket.sent.at(-1), 'after 50');
});

test('a reader for whom control messages pile up is given up, once', () => {
  const { socket, queue, overflows } = setUp();
  socket.stuck = true;
  for (let i = 0; i < 1000; i++) queue.control('x'.repeat(FRAME));
  assert.equal(overflows(), 1);
});

test('closing hands over what must be said, drops audio, and takes nothing more', () => {
  const { socket, queue } = setUp();
  socket.stuck = true;
  for (let i = 0; i < 60; i++) queue.audio(frame(i));
  const handed = socket.sent.length;
  queue.control('stop');
  queue.close();
  queue.audio(frame(99));
  queue.control('late');
  assert.deepEqual(socket.sent.slice(handed), ['stop']);
  socket.drain();
  assert.equal(socket.sent.length, handed + 1);
});
