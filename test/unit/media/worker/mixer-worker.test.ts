import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mulaw } from '../../../../media/codec/g711.ts';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { PLAIN_PLAY } from '../../../../media/play/plain-play.ts';
import { parseRtp, RTP_HEADER_BYTES, RtpFault, RtpHeader, writeRtpHeader } from '../../../../media/rtp/packet.ts';
import {
  middleOfNtp,
  parseRtcp,
  RtcpFault,
  type RtcpPacket,
  setNtpTime,
  writeReport,
} from '../../../../media/rtp/rtcp.ts';
import { MixerWorker } from '../../../../media/worker/mixer-worker.ts';
import type { Report, RtpLegSpec } from '../../../../media/worker/protocol.ts';
import { FakeIo } from '../../../support/fake-io.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { PEER, rtpSpec } from '../../../support/rtp-spec.ts';

const FRAME = 160;

class Bench {
  readonly clock = new HandClock();
  readonly io = new FakeIo();
  readonly reports: Report[] = [];
  readonly worker = new MixerWorker({
    index: 0,
    clock: this.clock,
    rtpHost: '127.0.0.1',
    io: this.io,
    report: (report) => this.reports.push(report),
  });
  #tick = 0;

  async open(leg: number, legSpec: RtpLegSpec): Promise<void> {
    this.worker.command({ type: 'open-leg', conference: 'c', leg, spec: legSpec, state: {} });
    await new Promise(setImmediate);
  }

  run(ticks: number, onTick: () => void = () => {}): void {
    for (let i = 0; i < ticks; i++) {
      onTick();
      this.worker.tick(this.#tick, 0, 0);
      this.#tick += 1;
      this.clock.advance(20);
    }
  }

  skip(ticks: number): void {
    this.#tick += ticks;
    this.clock.advance(20 * ticks);
  }

  of<T extends Report['type']>(type: T): Extract<Report, { type: T }>[] {
    return this.reports.filter((report): report is Extract<Report, { type: T }> => report.type === type);
  }
}

async function bench(): Promise<Bench> {
  const made = new Bench();
  made.worker.command({ type: 'open-conference', conference: 'c', sampleRate: 8000, floor: OPEN_FLOOR });
  await made.open(1, rtpSpec(20_000));
  return made;
}

/** Sends one 20 ms packet of a constant sample to a port. */
class Talker {
  #sequence = 100;
  readonly #bench: Bench;
  readonly #port: number;
  readonly #from: number;

  constructor(on: Bench, port: number, from: number) {
    this.#bench = on;
    this.#port = port;
    this.#from = from;
  }

  say(sample: number, address = PEER): void {
    const packet = new Uint8Array(RTP_HEADER_BYTES + FRAME);
    writeRtpHeader(packet, 0, false, 0, this.#sequence, this.#sequence * FRAME, 77);
    this.#sequence += 1;
    mulaw.createEncoder().encode(new Int16Array(FRAME).fill(sample), packet, RTP_HEADER_BYTES);
    this.#bench.io.sockets.get(this.#port)!.deliver(packet, address, this.#from, this.#bench.clock.now());
  }
}

test('every tick sends one packet: sequence and timestamp count on across their wraps, marker on the first alone', async () => {
  const on = await bench();
  on.run(20);
  const header = new RtpHeader();
  const fields = on.io.sockets.get(20_000)!.sent.map(({ bytes, address, port }) => {
    assert.equal(parseRtp(bytes, 0, bytes.length, header), RtpFault.none);
    assert.deepEqual([address, port, header.ssrc, header.payloadLength], [PEER, 4000, 0xabcd, FRAME]);
    return [header.sequence, header.timestamp, header.marker];
  });
  assert.deepEqual(
    fields,
    Array.from({ length: 20 }, (_, i) => [(65_530 + i) % 65_536, (4_294_967_000 + i * FRAME) % 2 ** 32, i === 0]),
  );
});

test('skipped ticks leave the timestamp on the ideal clock and no hole in the sequence', async () => {
  const on = await bench();
  on.run(2);
  on.skip(7);
  on.run(1);
  const header = new RtpHeader();
  const { sent } = on.io.sockets.get(20_000)!;
  parseRtp(sent[2]!.bytes, 0, sent[2]!.bytes.length, header);
  assert.equal(header.sequence, (65_530 + 2) % 65_536);
  assert.equal(header.timestamp, (4_294_967_000 + 9 * FRAME) % 2 ** 32);
});

test('two legs hear each other through real packets', async () => {
  const on = await bench();
  await on.open(2, rtpSpec(20_002, { remote: { address: PEER, port: 5000 } }));
  const ana = new Talker(on, 20_000, 4000);
  on.run(20, () => ana.say(1000));
  const heard = on.io.sockets.get(20_002)!.sent.at(-1)!.bytes.subarray(RTP_HEADER_BYTES);
  const own = on.io.sockets.get(20_000)!.sent.at(-1)!.bytes.subarray(RTP_HEADER_BYTES);
  const expected = new Uint8Array(1);
  mulaw.createEncoder().encode(Int16Array.of(1000), expected, 0);
  assert.ok(heard.every((byte) => byte === expected[0]));
  assert.ok(
    own.every((byte) => byte === 0xff),
    'and nobody herself',
  );
});

test('nothing is sent before the call is confirmed, until five packets were learned', async () => {
  const on = await bench();
  await on.open(2, rtpSpec(20_002, { started: false }));
  on.run(5);
  assert.equal(on.io.sockets.get(20_002)!.sent.length, 0);
  const ana = new Talker(on, 20_002, 4000);
  on.run(4, () => ana.say(1));
  assert.equal(on.io.sockets.get(20_002)!.sent.length, 0);
  on.run(3, () => ana.say(1));
  assert.equal(on.io.sockets.get(20_002)!.sent.length, 3);
  assert.deepEqual(on.of('latched').at(-1), { type: 'latched', leg: 2, address: PEER, port: 4000 });
});

test('packets of strangers are counted, not heard, and get nothing back', async () => {
  const on = await bench();
  await on.open(2, rtpSpec(20_002, { remote: { address: PEER, port: 5000 } }));
  const stranger = new Talker(on, 20_000, 4000);
  on.run(60, () => stranger.say(9000, '203.0.113.5'));
  const second = on.of('second').at(-1)!;
  assert.equal(second.snapshot.rtpDiscarded.foreign, 50);
  assert.ok(on.io.sockets.get(20_002)!.sent.every(({ bytes }) => bytes.subarray(12).every((byte) => byte === 0xff)));
  assert.ok(on.io.sockets.get(20_000)!.sent.every(({ address }) => address === PEER));
});

test('a play goes out bit for bit after one mu-law encoding, and its end is reported once', async () => {
  const on = await bench();
  const samples = Int16Array.from({ length: 5 * FRAME }, (_, i) => ((i * 4099) % 60_000) - 30_000);
  on.worker.command({ type: 'sound', sound: 7, chunks: [samples], complete: true });
  on.worker.command({ type: 'play', play: 'p', conference: 'c', legs: [1], sounds: [7], options: PLAIN_PLAY });
  on.run(8);
  const expected = new Uint8Array(samples.length);
  mulaw.createEncoder().encode(samples, expected, 0);
  const sent = on.io.sockets
    .get(20_000)!
    .sent.slice(0, 5)
    .flatMap(({ bytes }) => [...bytes.subarray(12)]);
  assert.deepEqual(Uint8Array.from(sent), expected);
  assert.deepEqual(
    on.of('play-started').map(({ legs }) => legs),
    [[1]],
  );
  assert.deepEqual(
    on.of('play-ended').map(({ leg, reason, playedMs }) => [leg, reason, playedMs]),
    [[1, 'completed', 100]],
  );
});

test('a play for a leg that has just gone is reported ended for it', async () => {
  const on = await bench();
  on.worker.command({ type: 'sound', sound: 7, chunks: [new Int16Array(FRAME)], complete: true });
  on.worker.command({ type: 'play', play: 'p', conference: 'c', legs: [1, 9], sounds: [7], options: PLAIN_PLAY });
  on.run(8);
  assert.deepEqual(
    on.of('play-ended').map(({ leg, reason }) => [leg, reason]),
    [
      [9, 'member_left'],
      [1, 'completed'],
    ],
  );
});

test('a port that is taken is reported, and a leg closed while its port is bound never appears', async () => {
  const on = await bench();
  on.io.taken.add(20_004);
  await on.open(2, rtpSpec(20_004));
  assert.deepEqual(on.of('leg-refused'), [{ type: 'leg-refused', leg: 2, code: 'EADDRINUSE' }]);
  on.worker.command({ type: 'open-leg', conference: 'c', leg: 3, spec: rtpSpec(20_006), state: {} });
  on.worker.command({ type: 'close-leg', leg: 3 });
  await new Promise(setImmediate);
  assert.ok(on.io.sockets.get(20_006)!.closed);
  assert.deepEqual(
    on.of('leg-open').map(({ leg }) => leg),
    [1],
  );
});

test('ending a conference ends its plays and closes its sockets', async () => {
  const on = await bench();
  on.worker.command({ type: 'sound', sound: 7, chunks: [new Int16Array(100 * FRAME)], complete: true });
  on.worker.command({ type: 'play', play: 'p', conference: 'c', legs: [1], sounds: [7], options: PLAIN_PLAY });
  on.run(3);
  on.worker.command({ type: 'close-conference', conference: 'c' });
  on.run(3);
  assert.deepEqual(
    on.of('play-ended').map(({ reason, playedMs }) => [reason, playedMs]),
    [['conference_ended', 60]],
  );
  assert.ok(on.io.sockets.get(20_000)!.closed);
  assert.equal(on.io.sockets.get(20_000)!.sent.length, 3);
});

test('on hold in the sending direction packets pause, and resume with the marker set', async () => {
  const on = await bench();
  on.run(2);
  on.worker.command({ type: 'update-leg', leg: 1, spec: rtpSpec(20_000, { direction: 'inactive' }), state: {} });
  on.run(5);
  on.worker.command({ type: 'update-leg', leg: 1, spec: rtpSpec(20_000), state: {} });
  on.run(2);
  const header = new RtpHeader();
  const markers = on.io.sockets.get(20_000)!.sent.map(({ bytes }) => {
    parseRtp(bytes, 0, bytes.length, header);
    return header.marker;
  });
  assert.deepEqual(markers, [true, false, true, false]);
});

test('a sender report goes to the port above about every five seconds, and its echo measures the round trip', async () => {
  const on = await bench();
  const ana = new Talker(on, 20_000, 4000);
  on.run(1000, () => ana.say(1000));
  const reports = on.io.sockets.get(20_001)!.sent;
  assert.ok(reports.length >= 3 && reports.length <= 8, `${reports.length} reports in twenty seconds`);
  const last = reports.at(-1)!;
  assert.deepEqual([last.address, last.port], [PEER, 4001]);
  const packets: RtcpPacket[] = [];
  assert.equal(parseRtcp(last.bytes, 0, last.bytes.length, packets), RtcpFault.none);
  const [report, description] = packets;
  assert.ok(report?.type === 'senderReport' && description?.type === 'sourceDescription');
  assert.deepEqual(description.sources, [{ ssrc: 0xabcd, cname: 'test' }]);
  assert.equal(report.blocks[0]!.ssrc, 77);
  assert.equal(report.blocks[0]!.cumulativeLost, 0);
  assert.equal(report.sender.octets, report.sender.packets * FRAME);

  const echo = new Uint8Array(64);
  const now = { ntpSeconds: 0, ntpFraction: 0, rtpTimestamp: 0, packets: 0, octets: 0 };
  setNtpTime(now, on.clock.now() - 30);
  const end = writeReport(echo, 0, 77, undefined, [
    {
      ssrc: 0xabcd,
      fractionLost: 0,
      cumulativeLost: 0,
      highestSequence: 0,
      jitter: 0,
      lastSenderReport: middleOfNtp(now.ntpSeconds, now.ntpFraction),
      delaySinceLastSenderReport: 0,
    },
  ]);
  on.io.sockets.get(20_001)!.deliver(echo.subarray(0, end), PEER, 4001, on.clock.now());
  on.run(50, () => ana.say(1000));
  const { stats } = on.of('legs').at(-1)!.legs[0]!;
  assert.ok(Math.abs(stats.roundTripMs! - 30) < 1, `${stats.roundTripMs} ms`);
  assert.ok(stats.mos! > 4.2, 'an undisturbed G.711 call is a good one');
});

test('digits come in once each, and go out in place of sound', async () => {
  const on = await bench();
  await on.open(2, rtpSpec(20_002, { dtmfPayloadType: 101 }));
  on.run(1);
  const event = (sequence: number, ended: boolean): void => {
    const packet = new Uint8Array(RTP_HEADER_BYTES + 4);
    writeRtpHeader(packet, 0, false, 101, sequence, 5000, 9);
    packet.set([7, ended ? 0x8a : 0x0a, 3, 32], RTP_HEADER_BYTES);
    on.io.sockets.get(20_002)!.deliver(packet, PEER, 4000, on.clock.now());
  };
  for (const [sequence, ended] of [
    [1, false],
    [2, false],
    [3, true],
    [4, true],
    [5, true],
  ] as const) {
    event(sequence, ended);
    on.run(1);
  }
  assert.deepEqual(
    on.of('dtmf').map(({ leg, digit }) => [leg, digit]),
    [[2, '7']],
  );
  on.worker.command({ type: 'send-digits', leg: 2, digits: '5#' });
  const before = on.io.sockets.get(20_002)!.sent.length;
  on.run(40);
  const types = on.io.sockets
    .get(20_002)!
    .sent.slice(before)
    .map(({ bytes }) => bytes[1]! & 0x7f);
  assert.equal(types.length, 40, 'one packet a tick, sound or event');
  assert.ok(types.includes(101) && types.includes(0));
});

test('every leg is reported once a second, and not all in one tick', async () => {
  const on = await bench();
  for (let leg = 2; leg <= 6; leg++) await on.open(leg, rtpSpec(20_000 + 2 * leg));
  const before = on.of('legs').length;
  on.run(50);
  const reports = on.of('legs').slice(before);
  assert.deepEqual(
    reports.map(({ legs }) => legs.length),
    [1, 1, 1, 1, 1, 1],
  );
  assert.deepEqual(reports.flatMap(({ legs }) => legs.map(({ leg }) => leg)).sort(), [1, 2, 3, 4, 5, 6]);
});

test('the silence of a hold is not held against the peer when the call is resumed', async () => {
  const on = await bench();
  on.worker.command({ type: 'update-leg', leg: 1, spec: rtpSpec(20_000, { direction: 'sendonly' }), state: {} });
  on.run(500);
  on.worker.command({ type: 'update-leg', leg: 1, spec: rtpSpec(20_000), state: {} });
  on.run(50);
  const { silentMs } = on.of('legs').at(-1)!.legs[0]!;
  assert.ok(silentMs <= 1020, `${silentMs} ms`);
});
