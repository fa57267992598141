import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latch } from '../../../../media/leg/latch.ts';
import { LegMemory } from '../../../../media/leg/leg-memory.ts';

const SDP = '192.0.2.1';
const SIGNALLING = '198.51.100.7';
const STRANGER = '203.0.113.9';

function latch(): Latch {
  return new Latch(SDP, 4000, [SIGNALLING]);
}

function lock(target: Latch, address = SDP, port = 4000, ssrc = 7): void {
  for (let i = 0; i < 5; i++) target.judge(address, port, ssrc, i * 20);
}

test('we send to the address of the SDP until another was learned', () => {
  const learned = latch();
  assert.equal(learned.address, SDP);
  for (let i = 0; i < 4; i++) learned.judge(SDP, 5555, 7, i);
  assert.equal(learned.port, 4000, 'four packets are not enough');
  learned.judge(SDP, 5555, 7, 5);
  assert.deepEqual([learned.address, learned.port, learned.locked], [SDP, 5555, true]);
});

test('the signalling address may be learned, a stranger never', () => {
  const learned = latch();
  for (let i = 0; i < 50; i++) assert.equal(learned.judge(STRANGER, 4000, 7, i), 'foreign');
  lock(learned, SIGNALLING, 6000);
  assert.deepEqual([learned.address, learned.port], [SIGNALLING, 6000]);
});

test('once locked, other ports, hosts and streams are foreign', () => {
  const locked = latch();
  lock(locked);
  assert.equal(locked.judge(SDP, 4002, 7, 200), 'foreign');
  assert.equal(locked.judge(STRANGER, 4000, 7, 200), 'foreign');
  assert.equal(locked.judge(SDP, 4000, 8, 200), 'foreign');
  assert.equal(locked.judge(SDP, 4000, 7, 200), 'accept');
});

test('a racing source cannot displace the first while the address is learned, but the announced one can', () => {
  const racing = latch();
  assert.equal(racing.judge(SDP, 5000, 7, 0), 'resync');
  assert.equal(racing.judge(SDP, 5002, 9, 1), 'foreign');
  assert.equal(racing.judge(SDP, 4000, 11, 2), 'resync', 'the announced port wins');
});

test('a new stream from the locked address takes over with its third packet', () => {
  const locked = latch();
  lock(locked);
  assert.equal(locked.judge(SDP, 4000, 8, 200), 'foreign');
  assert.equal(locked.judge(SDP, 4000, 8, 220), 'foreign');
  assert.equal(locked.judge(SDP, 4000, 8, 240), 'resync');
  assert.equal(locked.judge(SDP, 4000, 8, 260), 'accept');
});

test('a different SSRC in every packet never takes a stream over', () => {
  const locked = latch();
  lock(locked);
  for (let i = 0; i < 100; i++) assert.equal(locked.judge(SDP, 4000, 1000 + i, 200 + i), 'foreign');
});

test('a NAT that moves the port is followed once the old one has been silent for a second', () => {
  const locked = latch();
  lock(locked);
  for (let i = 0; i < 10; i++)
    assert.equal(locked.judge(SDP, 4444, 7, 500 + i), 'foreign', 'the old port was just heard');
  for (let i = 0; i < 4; i++) assert.equal(locked.judge(SDP, 4446, 7, 1200 + i), 'foreign');
  assert.equal(locked.judge(SDP, 4446, 7, 1205), 'moved');
  assert.equal(locked.judge(SDP, 4446, 7, 1225), 'accept');
  assert.equal(locked.port, 4446);
});

test('a re-INVITE with another address learns anew, and with the same one changes nothing', () => {
  const locked = latch();
  lock(locked);
  locked.moveTo(SDP, 4000);
  assert.ok(locked.locked);
  locked.moveTo(STRANGER, 9000);
  assert.deepEqual([locked.address, locked.port, locked.locked], [STRANGER, 9000, false]);
  assert.equal(locked.judge(STRANGER, 9000, 3, 0), 'resync');
});

test('made again from memory, a latch holds on to the stream it had learned, wherever that moved since', () => {
  const memory = new LegMemory();
  const first = new Latch(SDP, 4000, [SIGNALLING], memory);
  lock(first, SIGNALLING, 6000);
  for (let i = 0; i < 5; i++) first.judge(SIGNALLING, 6002, 7, 2000 + i);
  const second = new Latch(SDP, 4000, [SIGNALLING], new LegMemory(memory.memory));
  assert.deepEqual([second.address, second.port, second.locked], [SIGNALLING, 6002, true]);
  assert.equal(second.judge(SIGNALLING, 6002, 7, 3000), 'accept');
  assert.equal(second.judge(SDP, 4000, 9, 3000), 'foreign', 'nobody may learn in its place');
  first.moveTo(STRANGER, 9000);
  assert.equal(new Latch(STRANGER, 9000, [], memory).locked, false, 'what a re-INVITE moved is learned anew');
});
