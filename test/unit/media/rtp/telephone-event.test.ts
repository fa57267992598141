import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digitTextMs, isDigitText } from '../../../../media/rtp/digit-text.ts';
import {
  DIGITS,
  EVENT_BYTES,
  eventOf,
  NO_DIGIT,
  TelephoneEventReceiver,
  TelephoneEventSender,
} from '../../../../media/rtp/telephone-event.ts';
import { holds } from '../../../fuzz/run.ts';
import { MEDIA_TARGETS } from '../../../fuzz/targets/media.ts';
import { seededRandom } from '../../../support/random.ts';

interface EventPacket {
  readonly timestamp: number;
  readonly bytes: Uint8Array;
}

/** All packets of some digits, in order, with the tick each is sent at. */
function packetsOf(digits: string, options: { digitMs?: number; timestamp?: number } = {}) {
  const sender = new TelephoneEventSender(8000, options.digitMs);
  assert.equal(sender.send(digits), true);
  const packets: (EventPacket & { tick: number; marker: boolean })[] = [];
  for (let tick = 0; sender.busy; tick++) {
    const bytes = new Uint8Array(EVENT_BYTES);
    const timestamp = ((options.timestamp ?? 1000) + tick * 160) >>> 0;
    if (sender.next(timestamp, bytes, 0) > 0) {
      packets.push({ tick, timestamp: sender.timestamp, marker: sender.marker, bytes });
    }
  }
  return packets;
}

function drain(receiver: TelephoneEventReceiver, nowMs: number): string {
  let digits = '';
  for (let event = receiver.next(nowMs); event !== NO_DIGIT; event = receiver.next(nowMs)) digits += DIGITS[event];
  return digits;
}

function heard(packets: readonly (EventPacket & { tick: number })[], clockRate = 8000): string {
  const receiver = new TelephoneEventReceiver(clockRate);
  let digits = '';
  let tick = 0;
  for (const packet of packets) {
    for (; tick < packet.tick; tick++) digits += drain(receiver, tick * 20);
    receiver.receive(packet.timestamp, packet.bytes, 0, EVENT_BYTES, tick * 20);
  }
  for (const end = tick + 30; tick < end; tick++) digits += drain(receiver, tick * 20);
  return digits;
}

test('a digit is sent as a beginning, updates, and three ends', () => {
  const packets = packetsOf('5', { digitMs: 100 });
  assert.deepEqual(
    packets.map(({ timestamp, marker, bytes }) => [timestamp, marker, ...bytes]),
    [
      [1000, true, 5, 10, 0, 160],
      [1000, false, 5, 10, 1, 64],
      [1000, false, 5, 10, 1, 224],
      [1000, false, 5, 10, 2, 128],
      [1000, false, 5, 0x80 | 10, 3, 32],
      [1000, false, 5, 0x80 | 10, 3, 32],
      [1000, false, 5, 0x80 | 10, 3, 32],
    ],
  );
});

test('w and W among digits are half a second and one of silence, to the tick and byte', () => {
  const packets = packetsOf('1wW2', { digitMs: 40 });
  assert.deepEqual(
    packets.map(({ tick, timestamp, marker, bytes }) => [tick, timestamp, marker, Buffer.from(bytes).toString('hex')]),
    [
      [0, 1000, true, '010a00a0'],
      [1, 1000, false, '018a0140'],
      [2, 1000, false, '018a0140'],
      [3, 1000, false, '018a0140'],
      // 3 ticks behind every digit, 25 of w and 50 of W.
      [82, 1000 + 82 * 160, true, '020a00a0'],
      [83, 1000 + 82 * 160, false, '028a0140'],
      [84, 1000 + 82 * 160, false, '028a0140'],
      [85, 1000 + 82 * 160, false, '028a0140'],
    ],
  );
});

test('a text of digits takes as long as it says', () => {
  for (const text of ['7', '123', 'w', 'W', '1w2', 'wW#', 'AbwwD']) {
    assert.ok(isDigitText(text), text);
    const sender = new TelephoneEventSender(8000);
    assert.ok(sender.send(text), text);
    let ticks = 0;
    for (const payload = new Uint8Array(EVENT_BYTES); sender.busy; ticks++) sender.next(ticks * 160, payload, 0);
    assert.equal(ticks * 20, digitTextMs(text), text);
  }
  for (const text of ['', 'x', '1 2', 'e', '1,2', '1'.repeat(65)]) assert.ok(!isDigitText(text), text);
});

test('what is no digit is not sent', () => {
  const sender = new TelephoneEventSender(8000);
  assert.equal(sender.send('12x'), false);
  assert.equal(sender.send('1'.repeat(65)), false);
  assert.equal(sender.send('w'.repeat(65)), false);
  assert.equal(sender.busy, false);
  assert.equal(sender.next(0, new Uint8Array(4), 0), 0);
  assert.equal(eventOf('d'), 15);
  assert.equal(eventOf(''), undefined);
});

test('every digit that is sent is received once', () => {
  assert.equal(heard(packetsOf('0123456789*#ABCD')), '0123456789*#ABCD');
  assert.equal(heard(packetsOf('1111', { timestamp: 0xffff_ff00 })), '1111');
});

test('one packet of a digit is enough, whichever it is', () => {
  const all = packetsOf('7');
  for (const kept of all) assert.equal(heard([kept]), '7');
});

test('digits survive loss, repetition and disorder', () => {
  const random = seededRandom(11);
  for (let round = 0; round < 300; round++) {
    const digits = Array.from({ length: 6 }, () => DIGITS[Math.floor(random() * 16)]).join('');
    const all = packetsOf(digits, { timestamp: Math.floor(random() * 2 ** 32) });
    const perDigit = all.length / digits.length;
    const arriving = all
      .filter((_packet, index) => random() > 0.4 || index % perDigit === 3)
      .flatMap((packet) => (random() < 0.3 ? [packet, packet] : [packet]))
      // Up to 40 ms late: packets overtake each other, also those of neighbouring digits.
      .map((packet) => ({ ...packet, tick: packet.tick + Math.floor(random() * 3) }))
      .sort((a, b) => a.tick - b.tick);
    assert.equal(heard(arriving), digits, `round ${round}`);
  }
});

test('a digit whose ends are lost ends after a fifth of a second', () => {
  const receiver = new TelephoneEventReceiver(8000);
  receiver.receive(500, Uint8Array.of(3, 10, 0, 160), 0, 4, 1000);
  assert.equal(receiver.next(1190), NO_DIGIT);
  assert.equal(receiver.next(1200), 3);
  receiver.receive(500, Uint8Array.of(3, 0x8a, 3, 32), 0, 4, 1210);
  assert.equal(drain(receiver, 2000), '', 'its late end is no second digit');
});

test('a digit held for half a minute is one digit, in segments', () => {
  const receiver = new TelephoneEventReceiver(8000);
  let digits = '';
  for (let tick = 0; tick < 1500; tick++) {
    const ticks = tick * 160;
    const segment = Math.floor(ticks / 0xffff);
    const duration = ticks - segment * 0xffff;
    const end = tick === 1499 ? 0x80 : 0;
    const bytes = Uint8Array.of(9, end | 10, duration >> 8, duration & 0xff);
    receiver.receive((4_294_900_000 + segment * 0xffff) >>> 0, bytes, 0, 4, tick * 20);
    digits += drain(receiver, tick * 20);
  }
  assert.equal(digits + drain(receiver, 60_000), '9');
});

test('a sender that moves the timestamp with every packet still sends one digit', () => {
  const moving = packetsOf('4').map((packet, index) => ({ ...packet, timestamp: packet.timestamp + index * 160 }));
  assert.equal(heard(moving), '4');
});

test('a flood of digits is held to twenty a second', () => {
  const receiver = new TelephoneEventReceiver(8000);
  let digits = 0;
  for (let k = 0; k < 10_000; k++) {
    const nowMs = k / 10;
    receiver.receive(k * 400, Uint8Array.of(k % 10, 0x8a, 0, 160), 0, 4, nowMs);
    digits += drain(receiver, nowMs).length;
  }
  assert.ok(digits <= 20, `${digits} in a second`);
  assert.equal(receiver.excess, 10_000 - digits);
});

test('other events and short payloads are ignored, and reset lets old timestamps be new', () => {
  const receiver = new TelephoneEventReceiver(8000);
  receiver.receive(1, Uint8Array.of(16, 0x8a, 0, 160), 0, 4, 0);
  receiver.receive(1, Uint8Array.of(1, 0x8a, 0), 0, 3, 0);
  assert.equal(receiver.ignored, 2);
  assert.equal(drain(receiver, 500), '');
  receiver.receive(9000, Uint8Array.of(1, 0x8a, 0, 160), 0, 4, 500);
  receiver.receive(8000, Uint8Array.of(2, 0x8a, 0, 160), 0, 4, 510);
  assert.equal(drain(receiver, 520), '1', 'an older event is a straggler');
  receiver.reset(520);
  receiver.receive(8000, Uint8Array.of(2, 0x8a, 0, 160), 0, 4, 530);
  assert.equal(drain(receiver, 540), '2');
});

test('no bytes whatever upset the receiver', () => holds(MEDIA_TARGETS.telephoneEvent, 3000));
