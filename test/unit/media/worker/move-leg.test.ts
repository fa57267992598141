import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { SampleRate } from '../../../../media/audio/frame.ts';
import { mulaw } from '../../../../media/codec/g711.ts';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { LegMemory } from '../../../../media/leg/leg-memory.ts';
import { PLAIN_PLAY } from '../../../../media/play/plain-play.ts';
import { parseRtp, RTP_HEADER_BYTES, RtpHeader, writeRtpHeader } from '../../../../media/rtp/packet.ts';
import { MixerWorker } from '../../../../media/worker/mixer-worker.ts';
import type { Report, RtpLegSpec } from '../../../../media/worker/protocol.ts';
import { FakeIo } from '../../../support/fake-io.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { PEER, rtpSpec } from '../../../support/rtp-spec.ts';

const FRAME = 160;
let SPEC: RtpLegSpec;
beforeEach(() => {
  SPEC = rtpSpec(20_000, { dtmfPayloadType: 101, sequence: 100, timestamp: 5000 });
});

/** A mixer with the conferences `room` and `mpc`, on a clock that the test moves. */
class Mixer {
  readonly io = new FakeIo();
  readonly reports: Report[] = [];
  readonly worker: MixerWorker;
  readonly clock: HandClock;
  tick: number;
  #sounds = 0;

  constructor(clock = new HandClock(), firstTick = 0, mpcRate: SampleRate = 8000) {
    this.clock = clock;
    this.tick = firstTick;
    const report = (each: Report): void => void this.reports.push(each);
    this.worker = new MixerWorker({ index: 0, clock, rtpHost: '127.0.0.1', io: this.io, report });
    this.worker.command({ type: 'open-conference', conference: 'room', sampleRate: 8000, floor: OPEN_FLOOR });
    this.worker.command({ type: 'open-conference', conference: 'mpc', sampleRate: mpcRate, floor: OPEN_FLOOR });
    this.run(1);
  }

  async open(conference: string, leg: number, spec: RtpLegSpec): Promise<void> {
    // What a leg remembers is its own.
    const own = leg === 1 ? spec : { ...spec, memory: LegMemory.allocate() };
    this.worker.command({ type: 'open-leg', conference, leg, spec: own, state: {} });
    await new Promise(setImmediate);
  }

  run(ticks: number, onTick: () => void = () => {}): void {
    for (let i = 0; i < ticks; i++) {
      onTick();
      this.worker.tick(this.tick, 0, 0);
      this.tick += 1;
      this.clock.advance(20);
    }
  }

  move(leg: number, conference: string, spec: RtpLegSpec): void {
    this.worker.command({ type: 'move-leg', leg, conference, spec, state: {} });
  }

  play(id: string, conference: string, leg: number, samples: Int16Array): void {
    const sound = ++this.#sounds;
    this.worker.command({ type: 'sound', sound, chunks: [samples], complete: true });
    this.worker.command({ type: 'play', play: id, conference, legs: [leg], sounds: [sound], options: PLAIN_PLAY });
  }

  /** Headers and payloads of what went out of a port. */
  sent(port: number): { header: RtpHeader; payload: Uint8Array }[] {
    return this.io.sockets.get(port)!.sent.map(({ bytes }) => {
      const header = new RtpHeader();
      parseRtp(bytes, 0, bytes.length, header);
      return { header, payload: bytes.subarray(RTP_HEADER_BYTES) };
    });
  }

  /** The peer of a port says one frame of a constant sample. */
  say(port: number, sequence: number, sample: number, fromPort = 4000): void {
    const packet = new Uint8Array(RTP_HEADER_BYTES + FRAME);
    writeRtpHeader(packet, 0, false, 0, sequence, sequence * FRAME, 77);
    packet.set(coded(new Int16Array(FRAME).fill(sample)), RTP_HEADER_BYTES);
    this.io.sockets.get(port)!.deliver(packet, PEER, fromPort, this.clock.now());
  }

  of<T extends Report['type']>(type: T): Extract<Report, { type: T }>[] {
    return this.reports.filter((report): report is Extract<Report, { type: T }> => report.type === type);
  }
}

function coded(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length);
  mulaw.createEncoder().encode(samples, bytes, 0);
  return bytes;
}

function assertOneStream(sent: readonly { header: RtpHeader }[], ssrc: number): void {
  assert.ok(sent.length > 10, 'there is a stream to look at');
  for (let i = 1; i < sent.length; i++) {
    const [before, after] = [sent[i - 1]!.header, sent[i]!.header];
    assert.equal(after.ssrc, ssrc);
    assert.equal((after.sequence - before.sequence) & 0xffff, 1, 'sequence numbers have no hole');
    assert.equal((after.timestamp - before.timestamp) >>> 0, FRAME, 'nor have timestamps');
  }
}

test('a leg that moves keeps its stream without a gap, and hears and is heard in the new place alone', async () => {
  const mixer = new Mixer();
  await mixer.open('room', 1, SPEC);
  await mixer.open('mpc', 2, { ...SPEC, port: 20_002, ssrc: 2 });
  let sequence = 0;
  const bothSpeak = (): void => {
    sequence += 1;
    mixer.say(20_000, sequence, 1000);
    mixer.say(20_002, sequence, 3000);
  };
  mixer.run(20, bothSpeak);
  const alone = mixer.sent(20_000).at(-1)!.payload;
  assert.ok(
    alone.every((byte) => byte === 0xff),
    'in its own room it hears nobody',
  );
  mixer.move(1, 'mpc', SPEC);
  mixer.run(1, bothSpeak);
  const heard = mixer.sent(20_000).at(-1)!;
  assert.equal(heard.payload[0], coded(Int16Array.of(3000))[0], 'it hears the other on the very next tick');
  const other = mixer.sent(20_002).at(-1)!.payload[0];
  assert.equal(other, coded(Int16Array.of(1000))[0], 'and is heard, its playout running on');
  mixer.move(1, 'room', SPEC);
  mixer.run(10, bothSpeak);
  assert.ok(
    mixer
      .sent(20_000)
      .at(-1)!
      .payload.every((byte) => byte === 0xff),
    'and it can go back',
  );
  assertOneStream(mixer.sent(20_000), SPEC.ssrc);
  assert.ok(!heard.header.marker, 'nothing tells the peer that anything changed');
});

test('what was played to it in the old place ends with member_left, and it is played to in the new', async () => {
  const mixer = new Mixer();
  await mixer.open('room', 1, SPEC);
  mixer.play('old', 'room', 1, new Int16Array(100 * FRAME).fill(500));
  mixer.run(5);
  mixer.move(1, 'mpc', SPEC);
  mixer.play('new', 'mpc', 1, new Int16Array(3 * FRAME).fill(700));
  mixer.run(10);
  assert.deepEqual(
    mixer.of('play-ended').map(({ play, reason, playedMs }) => [play, reason, playedMs]),
    [
      ['old', 'member_left', 100],
      ['new', 'completed', 60],
    ],
  );
});

test('mute and hold stay behind', async () => {
  const mixer = new Mixer();
  await mixer.open('room', 1, SPEC);
  await mixer.open('mpc', 2, { ...SPEC, port: 20_002, ssrc: 2 });
  mixer.worker.command({ type: 'update-leg', leg: 1, spec: SPEC, state: { muted: true, held: true } });
  mixer.move(1, 'mpc', SPEC);
  let sequence = 0;
  mixer.run(20, () => mixer.say(20_000, ++sequence, 1000));
  assert.equal(mixer.sent(20_002).at(-1)!.payload[0], coded(Int16Array.of(1000))[0]);
});

test('digits on their way out are finished in the new place', async () => {
  const mixer = new Mixer();
  await mixer.open('room', 1, SPEC);
  mixer.run(2);
  mixer.worker.command({ type: 'send-digits', leg: 1, digits: '59' });
  mixer.run(3);
  mixer.move(1, 'mpc', SPEC);
  mixer.run(60);
  const events = mixer.sent(20_000).filter(({ header }) => header.payloadType === 101);
  const digits = new Set(events.map(({ payload }) => payload[0]));
  assert.deepEqual([...digits], [5, 9]);
});

test('a conference of another sample rate is reached without a break in the stream', async () => {
  const mixer = new Mixer(new HandClock(), 0, 16_000);
  await mixer.open('room', 1, SPEC);
  await mixer.open('mpc', 2, { ...SPEC, port: 20_002, ssrc: 2 });
  let sequence = 0;
  const speak = (): void => mixer.say(20_002, ++sequence, 3000);
  mixer.run(20, speak);
  mixer.move(1, 'mpc', SPEC);
  mixer.run(30, speak);
  const loud = mulaw.createDecoder();
  const heard = new Int16Array(FRAME);
  loud.decode(mixer.sent(20_000).at(-1)!.payload, 0, FRAME, heard);
  assert.ok(Math.abs(heard[80]! - 3000) < 150, `${heard[80]} comes through both resamplers`);
  mixer.move(1, 'room', SPEC);
  mixer.run(5, speak);
  assertOneStream(mixer.sent(20_000), SPEC.ssrc);
});

test('a leg whose port is still being bound moves with it', async () => {
  const mixer = new Mixer();
  mixer.worker.command({ type: 'open-leg', conference: 'room', leg: 1, spec: SPEC, state: {} });
  mixer.move(1, 'mpc', SPEC);
  await new Promise(setImmediate);
  mixer.play('p', 'mpc', 1, new Int16Array(3 * FRAME).fill(700));
  mixer.run(8);
  assert.deepEqual(
    mixer.of('play-ended').map(({ reason }) => reason),
    ['completed'],
  );
});

test('another mixer goes on with the same stream where the first one let it go, on the same count of ticks', async () => {
  const clock = new HandClock();
  const first = new Mixer(clock);
  await first.open('room', 1, SPEC);
  let sequence = 0;
  // Its NAT shows another port than the SDP did.
  first.run(20, () => first.say(20_000, ++sequence, 1000, 4444));
  first.worker.command({ type: 'release-leg', leg: 1 });
  assert.ok(first.io.sockets.get(20_000)!.closed, 'the port is free');
  assert.equal(first.of('leg-released').length, 1);
  clock.advance(60);
  const second = new Mixer(clock, first.tick + 2);
  await second.open('mpc', 1, SPEC);
  second.run(2);
  const last = first.sent(20_000).at(-1)!.header;
  const [next] = second.sent(20_000);
  assert.equal(next!.header.ssrc, SPEC.ssrc);
  assert.equal(next!.header.sequence, last.sequence + 1);
  assert.equal(
    next!.header.timestamp - last.timestamp,
    4 * FRAME,
    'the timestamp has the three ticks that are missing',
  );
  assert.equal(second.io.sockets.get(20_000)!.sent[0]!.port, 4444, 'and it goes where the peer really is');
});

test('a leg that is not there is released all the same', () => {
  const mixer = new Mixer();
  mixer.worker.command({ type: 'release-leg', leg: 9 });
  assert.deepEqual(mixer.of('leg-released'), [{ type: 'leg-released', leg: 9 }]);
});
