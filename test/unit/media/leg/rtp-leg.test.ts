import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesPerFrame } from '../../../../media/audio/frame.ts';
import type { Codec } from '../../../../media/codec/codec.ts';
import { mulaw } from '../../../../media/codec/g711.ts';
import { codecFor } from '../../../../media/codec/table.ts';
import { Encodings, Output } from '../../../../media/conference/output.ts';
import { Latch } from '../../../../media/leg/latch.ts';
import { RtpLeg, type RtpLegState } from '../../../../media/leg/rtp-leg.ts';
import { RtpTotals } from '../../../../media/leg/rtp-totals.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../../media/rtp/packet.ts';
import { levelAt, ToneSource } from '../../../support/tones.ts';

const PEER = '192.0.2.7';
const EVENT = 101;

/** A leg and the phone at its other end, 20 ms at a time, on a clock of their own. */
class Call {
  readonly totals = new RtpTotals();
  readonly digits: string[] = [];
  readonly leg: RtpLeg;
  readonly #frame: Int16Array;
  readonly #output: Output;
  #state: RtpLegState;
  #sequence = 65_500;
  #timestamp = 4_294_960_000;
  #now = 5000;
  #tick = 100;
  #tone: ToneSource;

  constructor(sampleRate: number, codec: Codec, payloadType: number) {
    this.#state = {
      codec,
      payloadType,
      dtmfPayloadType: EVENT,
      dtmfClockRate: codec.clockRate,
      comfortNoisePayloadType: undefined,
      direction: 'sendrecv',
      started: true,
      rtcpPort: undefined,
      srtp: undefined,
    };
    this.#frame = new Int16Array(samplesPerFrame(sampleRate));
    this.#output = new Output(this.#frame.length);
    this.#tone = new ToneSource(codec.sampleRate, 500);
    this.leg = new RtpLeg({
      sampleRate,
      encodings: new Encodings(sampleRate, this.#frame.length),
      totals: this.totals,
      origin: { ssrc: 1, sequence: 1, timestamp: 1 },
      cname: 'leg',
      latch: new Latch(PEER, 4000, []),
      state: this.#state,
      events: { latched: () => {}, digit: (digit) => this.digits.push(digit) },
      now: this.#now,
      tick: this.#tick,
    });
  }

  /** The phone agrees to no telephone-event any more. */
  refuseDigits(): void {
    this.#state = { ...this.#state, dtmfPayloadType: undefined };
    this.leg.update(this.#state);
  }

  change(codec: Codec, payloadType: number): void {
    this.#state = { ...this.#state, codec, payloadType, dtmfClockRate: codec.clockRate };
    this.#tone = new ToneSource(codec.sampleRate, 500);
    this.leg.update(this.#state);
  }

  /** The phone says its tone, or presses a digit instead, for some frames; returns what the conference hears. */
  run(frames: number, event?: { readonly digit: number }): Int16Array {
    const heard: number[] = [];
    const { codec } = this.#state;
    const ticks = codec.clockRate / 50;
    const began = this.#timestamp;
    for (let i = 0; i < frames; i++) {
      const packet = new Uint8Array(RTP_HEADER_BYTES + (event ? 4 : codec.maxPayloadBytes));
      if (event) {
        writeRtpHeader(packet, 0, i === 0, EVENT, this.#sequence, began, 9);
        const duration = (i + 1) * ticks;
        packet.set([event.digit, i === frames - 1 ? 0x8a : 0x0a, duration >> 8, duration], RTP_HEADER_BYTES);
      } else {
        writeRtpHeader(packet, 0, false, this.#state.payloadType, this.#sequence, this.#timestamp, 9);
        const pcm = new Int16Array(samplesPerFrame(codec.sampleRate));
        this.#tone.next(pcm);
        codec.createEncoder().encode(pcm, packet, RTP_HEADER_BYTES);
      }
      this.leg.receive(packet, 0, packet.length, PEER, 4000, this.#now + 3);
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.#timestamp = (this.#timestamp + ticks) >>> 0;
      this.leg.pull(this.#frame, this.#now + 10);
      heard.push(...this.#frame);
      this.#output.begin(true);
      this.leg.push(this.#output, this.#tick);
      this.#tick += 1;
      this.#now += 20;
    }
    return Int16Array.from(heard);
  }
}

test('packets of a digit are no lost packets, and the call sounds as good as before', () => {
  const call = new Call(8000, mulaw, 0);
  call.run(50);
  for (const digit of [1, 2, 3]) {
    call.run(8, { digit });
    call.run(20);
  }
  const { packetsLost, mos } = call.leg.stats();
  assert.deepEqual(call.digits, ['1', '2', '3']);
  assert.equal(packetsLost, 0);
  assert.ok(mos! > 4.3, `${mos}`);
});

test('a call goes on with another codec: it is heard, counted on, and its jitter is told in the new clock', () => {
  for (const rate of [8000, 16_000] as const) {
    const call = new Call(rate, mulaw, 0);
    const before = call.run(60).subarray(30 * samplesPerFrame(rate));
    assert.ok(levelAt(before, rate, 500) > -13, 'as PCMU');
    const l16 = codecFor('L16', 16_000)!;
    call.change(l16, 112);
    const after = call.run(60).subarray(30 * samplesPerFrame(rate));
    assert.ok(levelAt(after, rate, 500) > -13, 'as L16');
    const stats = call.leg.stats();
    assert.equal(stats.codec, 'L16');
    assert.equal(stats.packetsReceived, 120);
    assert.equal(stats.packetsSent, 120);
    assert.equal(stats.packetsLost, 0);
    assert.ok(stats.jitterMs < 1, `${stats.jitterMs} ms`);
    call.leg.close();
    assert.equal(call.totals.lost, 0);
  }
});

test('what the codecs before lost and concealed stays in the numbers of the call', () => {
  const call = new Call(8000, mulaw, 0);
  call.run(50);
  // Nothing is sent for 10 packets: the phone's numbers go on.
  const gap = { digit: 99 };
  call.run(10, gap);
  call.run(50);
  const { framesConcealed } = call.leg.stats();
  assert.ok(framesConcealed > 0, `${framesConcealed}`);
  call.change(codecFor('L16', 8000)!, 113);
  call.run(20);
  assert.equal(call.leg.stats().framesConcealed, framesConcealed);
  call.leg.count();
  assert.equal(call.totals.concealed, framesConcealed);
});

test('digits that cannot go out are counted: too many that wait, and those for a phone that agreed to none', () => {
  const call = new Call(8000, mulaw, 0);
  call.leg.sendDigits('1w'.repeat(32));
  assert.equal(call.totals.digitsDropped, 0);
  call.leg.sendDigits('23');
  assert.equal(call.totals.digitsDropped, 2);
  call.refuseDigits();
  call.leg.sendDigits('4');
  assert.equal(call.totals.digitsDropped, 3);
  call.leg.close();
});
