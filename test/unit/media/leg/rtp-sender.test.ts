import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesPerFrame } from '../../../../media/audio/frame.ts';
import { mulaw } from '../../../../media/codec/g711.ts';
import { g722 } from '../../../../media/codec/g722.ts';
import { codecFor } from '../../../../media/codec/table.ts';
import { Encodings, Output } from '../../../../media/conference/output.ts';
import { LegMemory } from '../../../../media/leg/leg-memory.ts';
import { RateBridge } from '../../../../media/leg/rate-bridge.ts';
import { RtpSender } from '../../../../media/leg/rtp-sender.ts';
import { parseRtp, RtpFault, RtpHeader } from '../../../../media/rtp/packet.ts';

const RATE = 8000;
const ORIGIN = { ssrc: 1, sequence: 65_534, timestamp: 4_294_967_290 };
const encodings = new Encodings(RATE, samplesPerFrame(RATE));

function sender(): RtpSender {
  const made = new RtpSender(ORIGIN);
  made.setCodec(mulaw, encodings, undefined);
  return made;
}

/** The packets of some ticks. */
function send(from: RtpSender, ticks: readonly number[], payloadType = 0): RtpHeader[] {
  const output = new Output(samplesPerFrame(RATE));
  return ticks.map((tick) => {
    output.begin(true);
    const payload = from.next(output, tick, payloadType, 101);
    const header = new RtpHeader();
    assert.ok(payload);
    const bytes = Uint8Array.of(...from.head, ...payload);
    assert.equal(parseRtp(bytes, 0, bytes.length, header), RtpFault.none);
    return header;
  });
}

test('with another codec the stream goes on: same source, next number, the time goes on in the new clock', () => {
  const from = sender();
  const l16 = codecFor('L16', 16_000);
  assert.ok(l16);
  const before = send(from, [1000, 1001, 1002]);
  from.setCodec(l16, encodings, new RateBridge(16_000, RATE));
  const after = send(from, [1003, 1004, 1010], 112);
  from.setCodec(g722, encodings, new RateBridge(16_000, RATE));
  const last = send(from, [1011, 1012], 9);

  const all = [...before, ...after, ...last];
  assert.deepEqual(
    all.map(({ sequence }) => sequence),
    [65_534, 65_535, 0, 1, 2, 3, 4, 5],
  );
  const steps = all.slice(1).map(({ timestamp }, i) => (timestamp - all[i]!.timestamp) >>> 0);
  assert.deepEqual(steps, [160, 160, 160, 320, 6 * 320, 320, 160]);
  assert.deepEqual(
    all.map(({ marker }) => marker),
    [true, false, false, true, false, false, true, false],
    'the first of each codec is marked',
  );
  assert.ok(all.every(({ ssrc }) => ssrc === 1));
});

test('a codec on the same clock leaves the time alone', () => {
  const from = sender();
  const [first] = send(from, [7]);
  from.setCodec(g722, encodings, new RateBridge(16_000, RATE));
  const [second] = send(from, [17], 9);
  assert.equal((second!.timestamp - first!.timestamp) >>> 0, 10 * 160);
});

test("a digit's duration is told in the clock of the events, not of the codec", () => {
  const opus = codecFor('opus', 48_000, RATE);
  assert.ok(opus);
  for (const [clockRate, frame] of [
    [8000, 160],
    [48_000, 960],
  ] as const) {
    const from = new RtpSender(ORIGIN);
    from.setCodec(opus, encodings, undefined);
    from.sendDigits('4', clockRate);
    const output = new Output(samplesPerFrame(RATE));
    const durations = [1, 2, 3, 4, 5].map((tick) => {
      output.begin(true);
      const event = from.next(output, tick, 111, 101);
      assert.ok(event && (from.head[1]! & 0x7f) === 101);
      assert.equal(event[0], 4);
      return (event[2]! << 8) | event[3]!;
    });
    assert.deepEqual(
      durations,
      [1, 2, 3, 4, 5].map((n) => n * frame),
    );
    from.close();
  }
});

test('a sender made again from what the old one left in memory goes on with the next packet of the same stream', () => {
  const memory = new LegMemory();
  const first = new RtpSender(ORIGIN, memory);
  first.setCodec(mulaw, encodings, undefined);
  const before = send(first, [1000, 1001, 1002]).at(-1)!;
  const second = new RtpSender(ORIGIN, new LegMemory(memory.memory));
  second.setCodec(mulaw, encodings, undefined);
  const [after] = send(second, [1020]);
  assert.ok(after);
  assert.deepEqual([after.ssrc, after.sequence], [before.ssrc, (before.sequence + 1) & 0xffff]);
  assert.equal(after.timestamp, (before.timestamp + 18 * 160) % 2 ** 32, 'on the clock of the ticks');
  assert.equal(after.marker, true, 'a new burst');
  assert.deepEqual([second.packets, second.octets], [4, 640], 'RTCP counts on');
});

test('a tick that another mixer has sent is not sent again', () => {
  const memory = new LegMemory();
  const first = new RtpSender(ORIGIN, memory);
  first.setCodec(mulaw, encodings, undefined);
  const before = send(first, [1000, 1001]).at(-1)!;
  const second = new RtpSender(ORIGIN, new LegMemory(memory.memory));
  second.setCodec(mulaw, encodings, undefined);
  const output = new Output(160);
  output.begin(true);
  assert.equal(second.next(output, 1000, 0, undefined), undefined);
  assert.equal(second.next(output, 1001, 0, undefined), undefined);
  const [after] = send(second, [1002]);
  assert.ok(after, 'the tick after is sent');
  assert.equal(after.sequence, (before.sequence + 1) & 0xffff);
  assert.equal(after.timestamp, (before.timestamp + 160) % 2 ** 32);
});
