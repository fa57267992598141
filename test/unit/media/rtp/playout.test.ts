import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameDecoder } from '../../../../media/codec/codec.ts';
import { mulaw } from '../../../../media/codec/g711.ts';
import { g722 } from '../../../../media/codec/g722.ts';
import { FrameKind, Playout } from '../../../../media/rtp/playout.ts';
import { uneven } from '../../../support/network-simulator.ts';
import { seededRandom } from '../../../support/random.ts';
import { type Heard, type ReceivingLegOptions, receive, speechLike } from '../../../support/receiving-leg.ts';

const speech = speechLike(8000, 12);

/** The first sample that differs from what was sent, or undefined. */
function firstDifference(heard: Heard, sound: Int16Array): number | undefined {
  for (let i = 0; i < sound.length; i++) if (heard.sound[heard.lead + i] !== sound[i]) return i;
  return undefined;
}

function assertWhole(options: ReceivingLegOptions, name: string): Heard {
  const heard = receive(options);
  assert.equal(firstDifference(heard, options.sound), undefined, name);
  assert.equal(heard.playout.counters.stretched, 0, name);
  assert.equal(heard.playout.counters.lost, 0, name);
  return heard;
}

test('an undisturbed stream is played bit by bit, wherever its packets fall between the ticks', () => {
  for (const phaseMs of [0, 2, 5, 9.9, 10, 15, 18, 19.9]) {
    for (const oncePerTick of [false, true]) {
      const name = `phase ${phaseMs}, ${oncePerTick ? 'drained once a tick' : 'stamped on arrival'}`;
      const heard = assertWhole({ sound: speech, phaseMs, oncePerTick }, name);
      assert.equal(heard.playout.targetDelayMs, 20, name);
    }
  }
});

test('neither do a few ms of jitter and late ticks change a bit', () => {
  for (const phaseMs of [0, 2, 5, 8, 10, 12, 15, 17.5, 19.9]) {
    for (const oncePerTick of [false, true]) {
      const name = `phase ${phaseMs}, ${oncePerTick ? 'drained once a tick' : 'stamped on arrival'}`;
      const options = {
        sound: speech,
        phaseMs,
        oncePerTick,
        delay: uneven(30, 3),
        tickLatenessMs: 2,
        seed: 3 + phaseMs,
      };
      const heard = assertWhole(options, name);
      assert.ok(heard.playout.targetDelayMs <= 22, `${name}: target ${heard.playout.targetDelayMs}`);
      assert.ok(Math.max(...heard.delays) <= 45, `${name}: delay ${Math.max(...heard.delays)}`);
    }
  }
});

test('every packet time from 10 to 60 ms is played bit by bit', () => {
  for (const ptimeMs of [10, 20, 30, 40, 50, 60]) {
    for (const phaseMs of [0, 3, 7, 11, 16]) {
      assertWhole({ sound: speech, ptimeMs, phaseMs, delay: uneven(30, 3) }, `${ptimeMs} ms, phase ${phaseMs}`);
    }
  }
});

test('wideband streams are played bit by bit', () => {
  for (const sampleRate of [16_000, 48_000] as const) {
    const sound = speechLike(sampleRate, 3);
    for (const ptimeMs of [10, 20, 60]) assertWhole({ sound, sampleRate, ptimeMs }, `${sampleRate} Hz, ${ptimeMs} ms`);
  }
});

test('repeated packets are dropped and counted', () => {
  const heard = assertWhole({ sound: speech, duplicate: 0.3 }, 'duplicates');
  assert.ok(heard.playout.counters.duplicate > 120, `${heard.playout.counters.duplicate} duplicates`);
  assert.equal(heard.playout.counters.late, 0);
});

test('packets that overtake each other within the delay are put in order', () => {
  const heard = assertWhole({ sound: speech, ptimeMs: 10, phaseMs: 10, reorder: 0.1, reorderMs: 12 }, 'reordered');
  assert.ok(heard.playout.counters.reordered > 50, `${heard.playout.counters.reordered} reordered`);
  assert.equal(heard.playout.counters.late, 0);
});

test('a packet time that changes during the stream costs no packet', () => {
  const times = [20, 60, 10, 30, 40, 20];
  const heard = receive({ sound: speech, ptimeMs: (sample) => times[Math.floor(sample / 16_000)] ?? 20 });
  const { counters } = heard.playout;
  assert.equal(counters.lost + counters.late, 0);
  assert.ok(counters.concealedFrames <= 8, `${counters.concealedFrames} frames concealed, two of them at the end`);
});

test('the first packets may come in any order', () => {
  const playout = new Playout({ clockRate: 8000, decoder: mulaw.createDecoder() });
  const frame = new Int16Array(160);
  const first: number[] = [];
  const payload = new Uint8Array(160);
  for (const [sequence, fill] of [
    [2, 0x82],
    [0, 0x80],
    [1, 0x81],
  ] as const) {
    playout.insert(sequence, sequence * 160, false, payload.fill(fill), 0, 160, 20 + sequence);
  }
  for (let tick = 2; tick < 5; tick++) {
    assert.equal(playout.pull(frame, tick * 20), FrameKind.audio);
    first.push(frame[0]!);
  }
  const expected = new Int16Array(3);
  mulaw.createDecoder().decode(Uint8Array.of(0x80, 0x81, 0x82), 0, 3, expected);
  assert.deepEqual(first, [...expected]);
});

test('G.722 has a clock rate of 8000 and twice the samples', () => {
  const encoder = g722.createEncoder();
  const expected = g722.createDecoder();
  const playout = new Playout({ clockRate: g722.clockRate, decoder: g722.createDecoder() });
  const sound = speechLike(16_000, 2);
  const payload = new Uint8Array(200);
  const frame = new Int16Array(320);
  const decoded = new Int16Array(320);
  let heard = 0;
  for (let tick = 0; tick < 100; tick++) {
    const length = encoder.encode(sound.subarray(tick * 320, tick * 320 + 320), payload, 7);
    playout.insert(tick, tick * 160, false, payload, 7, length, tick * 20 + 5);
    expected.decode(payload, 7, length, decoded);
    if (playout.pull(frame, tick * 20 + 15) !== FrameKind.audio) continue;
    assert.deepEqual(frame, decoded);
    heard++;
  }
  assert.equal(heard, 100);
});

test('a stream out of step with the frames falls into step at the next silence, and not a sample of sound is lost', () => {
  const playout = new Playout({ clockRate: 8000, decoder: mulaw.createDecoder() });
  const frame = new Int16Array(160);
  const heard: number[] = [];
  let timestamp = 0;
  /** One packet, and a frame 10 ms after it. Returns the delay. */
  const step = (k: number, code: number, samples: number): number => {
    const nowMs = timestamp / 8;
    playout.insert(k, timestamp, k === 0, new Uint8Array(samples).fill(code), 0, samples, nowMs);
    timestamp += samples;
    playout.pull(frame, nowMs + 10);
    heard.push(...frame);
    return playout.currentDelayMs;
  };
  const speech = 0x10;
  const after = 0x20;
  // Half a packet at first: from then on half a frame is always left over.
  step(0, speech, 80);
  for (let k = 1; k < 20; k++) step(k, speech, 160);
  const before = playout.currentDelayMs;
  for (let k = 20; k < 26; k++) step(k, 0xff, 160);
  assert.equal(before - playout.currentDelayMs, 10);
  for (let k = 26; k < 36; k++) step(k, after, 160);
  const [spoken, spokenAfter] = [speech, after].map((code) => {
    const pcm = new Int16Array(1);
    mulaw.createDecoder().decode(Uint8Array.of(code), 0, 1, pcm);
    return pcm[0];
  });
  assert.equal(heard.filter((sample) => sample === spoken).length, 80 + 19 * 160);
  assert.equal(heard.filter((sample) => sample === spokenAfter).length, 10 * 160);
  assert.equal(heard.at(-1), spokenAfter);
});

test('frames that are never pulled take their sound with them: no delay is left, and nothing is stretched', () => {
  const playout = new Playout({ clockRate: 8000, decoder: mulaw.createDecoder() });
  const frame = new Int16Array(160);
  const sampleOf = (code: number): number => {
    const pcm = new Int16Array(1);
    mulaw.createDecoder().decode(Uint8Array.of(code), 0, 1, pcm);
    return pcm[0] ?? 0;
  };
  const arrive = (k: number): void => playout.insert(k, k * 160, k === 0, new Uint8Array(160).fill(k), 0, 160, k * 20);
  for (let k = 0; k < 20; k++) {
    arrive(k);
    playout.pull(frame, k * 20 + 10);
  }
  assert.equal(frame[0], sampleOf(19));
  const delay = playout.currentDelayMs;
  for (let k = 20; k < 25; k++) arrive(k);
  playout.skip(4);
  for (let k = 24; k < 60; k++) {
    if (k >= 25) arrive(k);
    playout.pull(frame, k * 20 + 10);
    assert.equal(frame[0], sampleOf(k), `frame ${k}`);
    assert.equal(playout.currentDelayMs, delay);
  }
  assert.deepEqual(
    { lost: playout.counters.lost, stretched: playout.counters.stretched, concealed: playout.counters.concealedFrames },
    { lost: 0, stretched: 0, concealed: 0 },
  );
});

test('payloads that cannot be decoded are hidden like lost ones', () => {
  const decoder: FrameDecoder = {
    sampleRate: 8000,
    decode: (payload, offset, length, pcm) =>
      payload[offset] === 0 ? 0 : pcm.fill(payload[offset]!, 0, length).length && length,
  };
  const playout = new Playout({ clockRate: 8000, decoder });
  const frame = new Int16Array(160);
  const kinds: FrameKind[] = [];
  for (let tick = 0; tick < 20; tick++) {
    playout.insert(tick, tick * 160, false, new Uint8Array(160).fill(tick === 10 ? 0 : 9), 0, 160, tick * 20 + 5);
    kinds.push(playout.pull(frame, tick * 20 + 15));
  }
  assert.equal(playout.counters.discarded.undecodable, 1);
  assert.deepEqual(kinds.filter((kind) => kind !== FrameKind.audio).length, 1);
  assert.equal(playout.counters.lost, 0);
});

test('payloads of no length, out of bounds or beyond any datagram are refused', () => {
  const playout = new Playout({ clockRate: 8000, decoder: mulaw.createDecoder() });
  const payload = new Uint8Array(3000);
  playout.insert(1, 160, false, payload, 0, 0, 0);
  playout.insert(1, 160, false, payload, 0, 2000, 0);
  playout.insert(1, 160, false, payload, 2990, 20, 0);
  playout.insert(1, 160, false, payload, -1, 20, 0);
  assert.equal(playout.counters.discarded.size, 4);
  assert.equal(playout.counters.received, 4);
});

test('before the first packet, and when nothing came for long, a pull is silence', () => {
  const playout = new Playout({ clockRate: 8000, decoder: mulaw.createDecoder() });
  const frame = new Int16Array(160).fill(5);
  assert.equal(playout.pull(frame, 0), FrameKind.silence);
  assert.ok(
    frame.every((value) => value === 0),
    'all zero',
  );
  const payload = new Uint8Array(160).fill(0x20);
  for (let k = 0; k < 5; k++) playout.insert(k, k * 160, false, payload, 0, 160, k * 20);
  const kinds: FrameKind[] = [];
  for (let tick = 1; tick < 20; tick++) kinds.push(playout.pull(frame, tick * 20));
  assert.deepEqual(kinds.slice(-10), new Array(10).fill(FrameKind.silence));
  assert.ok(
    frame.every((value) => value === 0),
    'all zero',
  );
});

test('a steady stream makes no garbage', () => {
  const legs = Array.from({ length: 20 }, () => new Playout({ clockRate: 8000, decoder: mulaw.createDecoder() }));
  const payload = new Uint8Array(172).fill(0x55);
  const frame = new Int16Array(160);
  let tick = 0;
  const run = (ticks: number): void => {
    for (const end = tick + ticks; tick < end; tick++) {
      for (const leg of legs) leg.insert(tick & 0xffff, (tick * 160) | 0, false, payload, 12, 160, tick * 20);
      for (const leg of legs) leg.pull(frame, tick * 20 + 12);
    }
  };
  run(4000);
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = process.memoryUsage().heapUsed;
    run(500);
    const grown = process.memoryUsage().heapUsed - before;
    if (grown >= 0) least = Math.min(least, grown);
  }
  assert.ok(least / (500 * legs.length) < 8, `${least / (500 * legs.length)} bytes a packet`);
});

test('no packets whatever upset it, and it never stores more than half a second', () => {
  const random = seededRandom(21);
  const decoder: FrameDecoder = {
    sampleRate: 8000,
    decode: (payload, offset, length, pcm) => {
      const count = payload[offset]! < 10 ? 0 : Math.min(length, pcm.length);
      for (let i = 0; i < count; i++) pcm[i] = payload[offset + i]! << 7;
      return count;
    },
  };
  const payload = Uint8Array.from({ length: 1600 }, () => random() * 256);
  const frame = new Int16Array(160);
  for (let round = 0; round < 60; round++) {
    const playout = new Playout({ clockRate: 8000, decoder });
    const wildness = random();
    let sequence = Math.floor(random() * 65_536);
    let timestamp = Math.floor(random() * 2 ** 32);
    let nowMs = 0;
    for (let tick = 0; tick < 300; tick++) {
      nowMs += random() < 0.02 ? random() * 3000 : 20;
      for (let burst = random() < 0.1 ? random() * 40 : 1; burst > 0; burst--) {
        sequence++;
        timestamp += 160;
        if (random() < wildness * 0.1) sequence = Math.floor(random() * 65_536);
        if (random() < wildness * 0.1) timestamp = Math.floor(random() * 2 ** 32);
        const stray = random() < wildness * 0.3 ? Math.floor(random() * 200 - 100) : 0;
        const drift = random() < wildness * 0.3 ? Math.floor(random() * 8000 - 4000) : 0;
        const length = random() < 0.9 ? 160 : Math.floor(random() * 1600);
        const at = [(sequence + stray) & 0xffff, (timestamp + drift) >>> 0] as const;
        const arrivalMs = nowMs - random() * 20;
        const fate = random();
        if (fate < 0.05) playout.insertComfortNoise(...at, payload, 0, length, arrivalMs);
        else if (fate < 0.1) playout.noteOther(at[0]);
        else playout.insert(...at, fate > 0.95, payload, 0, length, arrivalMs);
      }
      playout.pull(frame, nowMs);
      assert.ok(playout.targetDelayMs >= 20 && playout.targetDelayMs <= 200, `${playout.targetDelayMs} ms`);
      assert.ok(playout.counters.lost >= 0, `${playout.counters.lost} lost`);
      if (random() < 0.005) playout.reset();
    }
    // Half a second of sound and the longest payload there is, no more: then it is silent or hissing.
    let audible = 0;
    for (let tick = 0; tick < 100; tick++) {
      nowMs += 20;
      const kind = playout.pull(frame, nowMs);
      if (kind === FrameKind.audio || kind === FrameKind.concealed) audible++;
    }
    assert.ok(audible * 20 <= 60 * 20, `${audible} frames after the last packet`);
  }
});
