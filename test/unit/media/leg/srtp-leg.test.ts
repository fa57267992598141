import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { mulaw } from '../../../../media/codec/g711.ts';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../../media/rtp/packet.ts';
import { parseRtcp, RtcpFault, type RtcpPacket } from '../../../../media/rtp/rtcp.ts';
import { srtpSpec } from '../../../../media/srtp/srtp-terms.ts';
import { MixerWorker } from '../../../../media/worker/mixer-worker.ts';
import type { Report, RtpLegSpec } from '../../../../media/worker/protocol.ts';
import { FakeIo } from '../../../support/fake-io.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { PEER, rtpSpec } from '../../../support/rtp-spec.ts';
import { SrtpPeer } from '../../../support/srtp-peer.ts';

const FRAME = 160;
const PORT = 20_000;
const PLAIN_PORT = 20_002;
const EVENT = 101;
const SUITE = 'AES_CM_128_HMAC_SHA1_80';
const [OURS, THEIRS, OTHER] = [1, 2, 3].map((byte) => new Uint8Array(30).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

function secureSpec(): RtpLegSpec {
  const srtp = srtpSpec({ suite: SUITE, send: OURS, receive: THEIRS }, undefined);
  return rtpSpec(PORT, { dtmfPayloadType: EVENT, srtp });
}

/** A mixer with a leg that has SRTP and one that has none, as they are made for the first time or again. */
class Mixer {
  readonly io = new FakeIo();
  readonly reports: Report[] = [];
  readonly worker: MixerWorker;
  readonly clock: HandClock;
  readonly spec: RtpLegSpec;
  tick: number;

  private constructor(spec: RtpLegSpec, clock: HandClock, tick: number) {
    this.spec = spec;
    this.clock = clock;
    this.tick = tick;
    const report = (each: Report): void => void this.reports.push(each);
    this.worker = new MixerWorker({ index: 0, clock, rtpHost: '127.0.0.1', io: this.io, report });
    this.worker.command({ type: 'open-conference', conference: 'mpc', sampleRate: 8000, floor: OPEN_FLOOR });
  }

  static async start(spec = secureSpec(), clock = new HandClock(), tick = 0): Promise<Mixer> {
    const mixer = new Mixer(spec, clock, tick);
    mixer.run(1);
    for (const [leg, each] of [spec, rtpSpec(PLAIN_PORT, { ssrc: 2 })].entries())
      mixer.worker.command({ type: 'open-leg', conference: 'mpc', leg: leg + 1, spec: each, state: {} });
    await new Promise(setImmediate);
    return mixer;
  }

  /** The next mixer after this one died: all it has is what crosses threads. */
  next(): Promise<Mixer> {
    return Mixer.start(structuredClone(this.spec), this.clock, this.tick);
  }

  run(ticks: number, onTick: () => void = () => {}): void {
    for (let i = 0; i < ticks; i++) {
      onTick();
      this.worker.tick(this.tick, 0, 0);
      this.tick += 1;
      this.clock.advance(20);
    }
  }

  receive(datagram: Uint8Array, port = PORT, fromPort = 4000): void {
    this.io.sockets.get(port)!.deliver(Uint8Array.from(datagram), PEER, fromPort, this.clock.now());
  }

  sent(port = PORT) {
    return this.io.sockets.get(port)!.sent;
  }

  /** Whether the plain leg was sent anything but silence lately. */
  get isHeard(): boolean {
    const packets = this.sent(PLAIN_PORT).slice(-3);
    return packets.some(({ bytes }) => bytes.subarray(RTP_HEADER_BYTES).some((byte) => byte !== 0xff));
  }

  /** Packets refused by SRTP in this mixer up to now. */
  get refused(): number {
    this.run(50);
    const last = this.reports.findLast((report) => report.type === 'second');
    return last?.type === 'second' ? last.snapshot.rtpDiscarded.srtp! : 0;
  }
}

/** A frame of a constant, or part of a digit. */
function packet(sequence: number, event?: readonly number[]): Buffer {
  const body = event ? Uint8Array.from(event) : new Uint8Array(FRAME);
  if (!event) mulaw.createEncoder().encode(new Int16Array(FRAME).fill(3000), body, 0);
  const bytes = Buffer.alloc(RTP_HEADER_BYTES + body.length);
  writeRtpHeader(bytes, 0, false, event ? EVENT : 0, sequence & 0xffff, event ? FRAME : sequence * FRAME, 77);
  bytes.set(body, RTP_HEADER_BYTES);
  return bytes;
}

suite('a leg with SRTP', () => {
  test('is heard, and what it is sent can be read with its key alone', async () => {
    const mixer = await Mixer.start();
    const peer = new SrtpPeer(THEIRS);
    let sequence = 0;
    mixer.run(20, () => mixer.receive(peer.protect(packet(++sequence))));
    assert.ok(mixer.isHeard, 'its sound is in the mix');
    const { bytes } = mixer.sent().at(-1)!;
    const silence = open(bytes);
    assert.ok(
      silence.subarray(RTP_HEADER_BYTES).every((byte) => byte === 0xff),
      'and silence, as nobody else speaks',
    );
    const clear = bytes.subarray(RTP_HEADER_BYTES).filter((byte) => byte === 0xff).length;
    assert.ok(clear < 20, `${clear} of 170 bytes look like it on the wire`);
    assert.equal(new SrtpPeer(THEIRS).unprotect(bytes), undefined, 'their key does not open ours');
    assert.equal(mixer.refused, 0);
  });

  test('what is not authentic is counted, not heard, not learned from, and is no sign of life', async () => {
    const mixer = await Mixer.start();
    const silentMs = () => {
      const legs = mixer.reports.flatMap((report) => (report.type === 'legs' ? report.legs : []));
      return legs.findLast(({ leg }) => leg === 1)?.silentMs ?? 0;
    };
    const forger = new SrtpPeer(OTHER);
    let sequence = 0;
    mixer.run(100, () => {
      sequence += 1;
      mixer.receive(sequence % 2 === 0 ? forger.protect(packet(sequence)) : packet(sequence), PORT, 4002);
    });
    assert.ok(!mixer.isHeard, 'none of it is in the mix');
    assert.ok(silentMs() > 900, `silent for ${silentMs()} ms`);
    assert.ok(
      mixer.sent().every(({ port }) => port === 4000),
      'our sound goes where the SDP said',
    );
    assert.equal(mixer.refused, 100);
    const peer = new SrtpPeer(THEIRS);
    mixer.run(10, () => mixer.receive(peer.protect(packet(++sequence)), PORT, 4002));
    assert.equal(mixer.sent().at(-1)!.port, 4002, 'with the key it follows');
  });

  test('digits are understood and sent within it', async () => {
    const mixer = await Mixer.start();
    const peer = new SrtpPeer(THEIRS);
    for (let i = 1; i <= 8; i++) mixer.receive(peer.protect(packet(i, [5, i === 8 ? 0x8a : 0x0a, 0, i * FRAME])));
    mixer.run(10);
    assert.deepEqual(
      mixer.reports.flatMap((report) => (report.type === 'dtmf' ? report.digit : [])),
      ['5'],
    );
    mixer.worker.command({ type: 'send-digits', leg: 1, digits: '9' });
    mixer.run(20);
    const opened = mixer.sent().map(({ bytes }) => open(bytes));
    assert.ok(
      opened.some((bytes) => (bytes[1]! & 0x7f) === EVENT && bytes[RTP_HEADER_BYTES] === 9),
      'the nine is in its packets',
    );
  });

  test('reports are encrypted both ways, and forged ones are counted', async () => {
    const mixer = await Mixer.start();
    const peer = new SrtpPeer(THEIRS);
    let sequence = 0;
    mixer.run(600, () => mixer.receive(peer.protect(packet(++sequence))));
    const reports = mixer.sent(PORT + 1).map(({ bytes }) => bytes);
    assert.ok(reports.length >= 2, 'it reports');
    for (const each of reports) {
      const plain = new SrtpPeer(OURS).unprotectReport(each);
      assert.ok(plain, 'a report is authentic');
      const read: RtcpPacket[] = [];
      assert.equal(parseRtcp(plain, 0, plain.length, read), RtcpFault.none);
      assert.equal(read[0]?.type, 'senderReport');
    }
    assert.equal(mixer.refused, 0);
    // A receiver report on our stream: SSRC of the reporter, then one block.
    const report = Buffer.alloc(32);
    report.set([0x81, 201, 0, 7]);
    report.writeUInt32BE(77, 4);
    report.writeUInt32BE(mixer.spec.ssrc, 8);
    mixer.receive(peer.protectReport(report, 1), PORT + 1);
    mixer.receive(peer.protectReport(report, 1), PORT + 1);
    mixer.receive(report, PORT + 1);
    assert.equal(mixer.refused, 2, 'the copy and the one in clear');
  });

  test('goes on in the next mixer when its own dies, over a rollover of its numbers on either side', async () => {
    let mixer = await Mixer.start();
    const peer = new SrtpPeer(THEIRS);
    let sequence = 65_525;
    const says = (): void => {
      sequence += 1;
      mixer.receive(peer.protect(packet(sequence), sequence >> 16));
    };
    mixer.run(20, says);
    const before = mixer.sent();
    const replayed = peer.protect(packet(sequence), 1);
    mixer = await mixer.next();
    mixer.receive(replayed);
    mixer.run(20, says);
    assert.ok(mixer.isHeard, 'the next mixer hears it');
    const packets = [...before, ...mixer.sent()].map(({ bytes }) => bytes);
    for (const [i, bytes] of packets.entries()) {
      const number = mixer.spec.sequence + i;
      assert.equal((bytes[2]! << 8) | bytes[3]!, number & 0xffff, 'no sequence number is left out or used twice');
      assert.ok(new SrtpPeer(OURS).unprotect(bytes, number >> 16), `packet ${number} is authentic`);
    }
    assert.ok(packets.length > 30, `${packets.length} packets`);
    assert.equal(mixer.refused, 1, 'what the last mixer had taken');
  });

  test('a key that changes begins anew, one that stays goes on', async () => {
    const mixer = await Mixer.start();
    let sequence = 65_530;
    const says = (peer: SrtpPeer, rollovers: number): void => {
      sequence += 1;
      mixer.receive(peer.protect(packet(sequence), rollovers));
    };
    mixer.run(10, () => says(new SrtpPeer(THEIRS), (sequence + 1) >> 16));
    const update = (send: Uint8Array, receive: Uint8Array): void => {
      const srtp = srtpSpec({ suite: SUITE, send, receive }, mixer.spec.srtp);
      mixer.worker.command({ type: 'update-leg', leg: 1, spec: structuredClone({ ...mixer.spec, srtp }), state: {} });
    };
    update(OURS, OTHER);
    mixer.run(5, () => says(new SrtpPeer(OTHER), 0));
    assert.ok(mixer.isHeard, 'under the new key');
    assert.ok(new SrtpPeer(OURS).unprotect(mixer.sent().at(-1)!.bytes, 1), 'our own key and its rollover stay');
    mixer.receive(new SrtpPeer(THEIRS).protect(packet(sequence + 1), 1));
    assert.equal(mixer.refused, 1, 'the old key is worth nothing any more');
    update(OTHER, OTHER);
    mixer.run(2);
    assert.ok(new SrtpPeer(OTHER).unprotect(mixer.sent().at(-1)!.bytes, 0), 'our new key begins with no rollover');
  });
});

/** What the peer makes of a packet of ours, whichever round it is of. */
function open(bytes: Uint8Array): Buffer {
  const peer = new SrtpPeer(OURS);
  const opened = peer.unprotect(bytes, 0) ?? peer.unprotect(bytes, 1);
  assert.ok(opened, 'a packet of ours is authentic');
  return opened;
}
