import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameKind } from '../../../../media/rtp/playout.ts';
import { steady, uneven } from '../../../support/network-simulator.ts';
import { type Heard, receive, type SentPacket } from '../../../support/receiving-leg.ts';
import { rmsDb, tone } from '../../../support/tones.ts';

const sound = tone(8000, 8000 * 8, { hz: 440, db: -6 });

/** Shifts the numbers of all packets from the 200th on. */
function jump(sequence: number, ticks: number, marker = false) {
  return receive({
    sound,
    tamper: (packet, index) =>
      index < 200
        ? packet
        : {
            ...packet,
            sequence: (packet.sequence + sequence) & 0xffff,
            timestamp: (packet.timestamp + ticks) >>> 0,
            marker: marker && index === 200,
          },
  });
}

/** Frames from packet 195 to 215 that are not what was sent. */
function disturbed(heard: Heard): number {
  let frames = 0;
  for (let tick = heard.lead / 160 + 195; tick < heard.lead / 160 + 215; tick++) {
    if (heard.kinds[tick] !== FrameKind.audio) frames++;
  }
  return frames;
}

test('a stream that jumps is followed within three packets, without a burst of old sound', () => {
  const cases: [string, number, number][] = [
    ['timestamp on', 0, 5_000_000],
    ['timestamp back', 0, -5_000_000],
    ['timestamp half way round', 0, 2 ** 31 - 100_000],
    ['sequence on', 9000, 0],
    ['sequence back', -9000, 0],
    ['both on', 20_000, 70_000_000],
    ['both back', -20_000, -70_000_000],
    ['both begin again', -200, -32_000],
  ];
  for (const [name, sequence, ticks] of cases) {
    const heard = jump(sequence, ticks);
    assert.equal(heard.playout.counters.resyncs, 1, name);
    assert.ok(heard.playout.counters.discarded.jump <= 2, name);
    assert.ok(disturbed(heard) <= 3, `${name}: ${disturbed(heard)} frames`);
    assert.ok(heard.delays[300]! <= 28, `${name}: ${heard.delays[300]} ms`);
    assert.equal(heard.playout.counters.lost, 0, name);
  }
});

test('a jump at a marker bit is believed at once', () => {
  const heard = jump(0, 5_000_000, true);
  assert.equal(heard.playout.counters.discarded.jump, 0);
  assert.equal(disturbed(heard), 0);
});

test('jumps of less than a second leave the delay as it was', () => {
  for (const ticks of [4000, -4000, 1600, -1600]) {
    const heard = jump(0, ticks);
    assert.ok(disturbed(heard) <= 5, `${ticks}: ${disturbed(heard)} frames`);
    assert.ok(heard.delays[380]! <= 60, `${ticks}: ${heard.delays[380]} ms`);
    assert.equal(heard.playout.counters.lost, 0);
  }
});

test('one packet gone astray moves nothing', () => {
  for (const stray of [{ timestamp: 12_345 }, { sequence: 40_000 }, { sequence: 40_000, timestamp: 12_345 }]) {
    const heard = receive({ sound, tamper: (packet, index) => (index === 200 ? { ...packet, ...stray } : packet) });
    assert.equal(heard.playout.counters.resyncs, 0);
    assert.equal(heard.playout.counters.discarded.jump, 1);
    assert.equal(disturbed(heard), 1);
  }
});

test('numbers wrap silently', () => {
  const heard = receive({ sound, sequence: 65_400, timestamp: 2 ** 32 - 16_000 });
  assert.deepEqual(heard.sound.subarray(heard.lead, heard.lead + sound.length), sound);
  assert.equal(heard.playout.counters.resyncs, 0);
});

test('after an outage the stream goes on in its place', () => {
  const heard = receive({ sound, tamper: (packet, index) => (index < 100 || index > 250 ? packet : undefined) });
  assert.equal(heard.playout.counters.lost, 151);
  assert.equal(heard.playout.counters.resyncs, 0);
  assert.deepEqual(
    heard.sound.subarray(heard.lead + 252 * 160, heard.lead + 380 * 160),
    sound.subarray(252 * 160, 380 * 160),
  );
});

test('a sender that stops its clock with its sound is followed when it comes back', () => {
  const heard = receive({ sound, delay: (sendMs) => (sendMs < 4000 ? 30 : 3030) });
  assert.equal(heard.playout.counters.resyncs, 1);
  assert.ok(heard.delays[360]! <= 28, `${heard.delays[360]} ms`);
});

/** Packets 100 to 199 are not sent, because the speaker is silent; numbers go on without a gap. */
function silent(noise: readonly number[] = []) {
  let sequence = 1000;
  return (packet: SentPacket, index: number): SentPacket | undefined => {
    if (index >= 100 && index < 200) {
      if (!noise.includes(index)) return undefined;
      return { ...packet, sequence: sequence++ & 0xffff, payload: Uint8Array.of(45), noise: true };
    }
    return { ...packet, sequence: sequence++ & 0xffff, marker: index === 200 };
  };
}

test('a sender that is silent on purpose loses nothing', () => {
  for (const delay of [steady(30), uneven(30, 60)]) {
    const heard = receive({ sound, delay, tamper: silent() });
    const { counters } = heard.playout;
    assert.equal(counters.lost + counters.resyncs + counters.discarded.jump, 0);
    assert.ok(counters.concealedFrames <= 8, 'two or three frames of fade at most, there and at the end');
    const tick = heard.lead / 160;
    assert.ok(heard.kinds.subarray(tick + 110, tick + 190).every((kind) => kind === FrameKind.silence));
  }
});

test('comfort noise fills the silence of a sender that describes it', () => {
  const heard = receive({ sound, tamper: silent([100, 140, 180]) });
  const { counters } = heard.playout;
  const tick = heard.lead / 160;
  assert.equal(counters.lost, 0);
  const silence = heard.kinds.subarray(tick + 100, tick + 200);
  assert.ok(
    silence.every((kind) => kind === FrameKind.comfort),
    `${silence}`,
  );
  // -45 dBov is 3 dB more against a sine.
  const level = rmsDb(heard.sound.subarray(heard.lead + 105 * 160, heard.lead + 195 * 160));
  assert.ok(Math.abs(level + 42) < 1, `${level} dB`);
  const natural = 2 * Math.sin((Math.PI * 440) / 8000) * 32767 * 10 ** (-6 / 20);
  let largest = 0;
  for (let i = heard.lead + 1; i < heard.lead + 195 * 160; i++) {
    largest = Math.max(largest, Math.abs(heard.sound[i]! - heard.sound[i - 1]!));
  }
  assert.ok(largest <= 1.05 * natural, 'no click where it begins');
  assert.deepEqual(
    heard.sound.subarray(heard.lead + 200 * 160, heard.lead + 390 * 160),
    sound.subarray(200 * 160, 390 * 160),
  );
});

test('after reset another stream begins, and the old one fades', () => {
  let fresh = false;
  const heard = receive({
    sound,
    tamper: (packet, index) =>
      index < 200 ? packet : { ...packet, sequence: (index + 7) & 0xffff, timestamp: (index * 160 + 99) >>> 0 },
    onFrame: (playout, _kind, nowMs) => {
      if (nowMs >= 200 * 20 + 40 && !fresh) {
        fresh = true;
        playout.reset();
      }
    },
  });
  const { counters } = heard.playout;
  assert.equal(counters.resyncs + counters.discarded.jump + counters.lost, 0);
  assert.ok(disturbed(heard) <= 3, `${disturbed(heard)} frames`);
  assert.equal(counters.received, 400);
});
