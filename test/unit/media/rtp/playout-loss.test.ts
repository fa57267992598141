import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameDecoder } from '../../../../media/codec/codec.ts';
import { loadOpus, opus } from '../../../../media/codec/opus.ts';
import { FrameKind, Playout } from '../../../../media/rtp/playout.ts';
import { stalling, uneven } from '../../../support/network-simulator.ts';
import { seededRandom } from '../../../support/random.ts';
import { type Heard, receive, speechLike } from '../../../support/receiving-leg.ts';
import { tone } from '../../../support/tones.ts';

const RATES = [8000, 16_000, 48_000] as const;

function count(heard: Heard, kind: FrameKind): number {
  return heard.kinds.reduce((sum, each) => sum + (each === kind ? 1 : 0), 0);
}

/** Signal against its difference from what was sent, in dB; with `silenced`, as if nothing were concealed. */
function fidelity(heard: Heard, sound: Int16Array, silenced: boolean): number {
  let energy = 0;
  let error = 0;
  for (let i = 0; i < sound.length; i++) {
    const at = heard.lead + i;
    const value = silenced && heard.kinds[Math.floor(at / 160)] !== FrameKind.audio ? 0 : heard.sound[at]!;
    energy += sound[i]! ** 2;
    error += (value - sound[i]!) ** 2;
  }
  return 10 * Math.log10(energy / error);
}

test('each lost packet is one concealed frame, all others are played bit by bit', () => {
  const sound = tone(8000, 8000 * 40, { hz: 300, db: -9 });
  for (const loss of [0.01, 0.05, 0.1]) {
    const heard = receive({ sound, loss, seed: 2 });
    const { counters } = heard.playout;
    assert.equal(counters.lost, heard.lost, `${loss}`);
    assert.equal(counters.late + counters.stretched + counters.resyncs, 0);
    // The stream's end is concealed too; runs of losses fade, and are silence from 60 ms on.
    assert.ok(Math.abs(counters.concealedFrames - heard.lost) <= 4, `${counters.concealedFrames} for ${heard.lost}`);
    assert.ok(Math.max(...heard.delays) <= 45, 'loss is no reason to wait longer');
    let altered = 0;
    for (let i = 0; i < sound.length; i++) if (heard.sound[heard.lead + i] !== sound[i]) altered++;
    // A frame for the gap and up to 10 ms for the blend after it.
    assert.ok(altered <= heard.lost * 240, `${altered} samples altered by ${heard.lost} losses`);
  }
});

test('concealed speech is closer to what was said than gaps are', () => {
  const sound = speechLike(8000, 40, 3);
  for (const loss of [0.01, 0.05, 0.1]) {
    let better = 0;
    for (const seed of [1, 2, 3, 4, 5]) {
      const heard = receive({ sound, loss, seed });
      better += (fidelity(heard, sound, false) - fidelity(heard, sound, true)) / 5;
    }
    assert.ok(better > 1, `${loss}: ${better.toFixed(2)} dB`);
  }
});

test('a tone never clicks, at any loss, in stalls, jitter or skew', () => {
  for (const sampleRate of RATES) {
    for (const hz of [200, 440, 1004, 2500]) {
      const sound = tone(sampleRate, sampleRate * 6, { hz, db: -6 });
      const natural = 2 * Math.sin((Math.PI * hz) / sampleRate) * 32767 * 10 ** (-6 / 20);
      const networks = {
        loss: { loss: 0.1 },
        stalls: { delay: stalling(30, 2000, 240) },
        jitter: { delay: uneven(30, 90) },
      };
      for (const [name, network] of Object.entries(networks)) {
        const heard = receive({ sound, sampleRate, ...network });
        // From the tone's own beginning to its end, which stop without a fade.
        const from = heard.sound.findIndex((value) => value !== 0) + 1;
        let largest = 0;
        for (let i = from; i < heard.lead + sound.length; i++) {
          largest = Math.max(largest, Math.abs(heard.sound[i]! - heard.sound[i - 1]!));
        }
        assert.ok(largest <= 1.05 * natural, `${hz} Hz at ${sampleRate}, ${name}: ${(largest / natural).toFixed(2)}`);
        const { stretched } = heard.playout.counters;
        assert.ok(stretched + count(heard, FrameKind.concealed) >= 2, `${name}: there was something to hide`);
      }
    }
  }
});

test('bursts of loss fade out, are silence, and the sound comes back where it belongs', () => {
  const sound = tone(8000, 8000 * 4, { hz: 300, db: -6 });
  const heard = receive({ sound, tamper: (packet, index) => (index >= 100 && index < 115 ? undefined : packet) });
  const first = heard.lead / 160 + 100;
  const kinds = [...heard.kinds.subarray(first, first + 15)];
  assert.deepEqual(kinds.slice(0, 2), [FrameKind.concealed, FrameKind.concealed]);
  assert.ok(
    kinds.slice(3).every((kind) => kind === FrameKind.silence),
    `${kinds}`,
  );
  assert.deepEqual(
    heard.sound.subarray(heard.lead + 115 * 160 + 80, heard.lead + sound.length),
    sound.subarray(115 * 160 + 80),
  );
});

test('events in the stream are not lost packets', () => {
  const playout = new Playout({ clockRate: 8000, decoder: markedDecoder() });
  const frame = new Int16Array(160);
  const payload = new Uint8Array(160).fill(1);
  for (let tick = 0; tick < 60; tick++) {
    if (tick >= 20 && tick < 30) playout.noteOther(tick);
    else playout.insert(tick, tick * 160, false, payload, 0, 160, tick * 20 + 5);
    playout.pull(frame, tick * 20 + 15);
  }
  assert.equal(playout.counters.lost, 0);
});

/** Decodes a payload into its first byte; recovers the byte before it, and conceals with 77 where it is told to. */
function markedDecoder(): FrameDecoder {
  return {
    sampleRate: 8000,
    decode: (payload, offset, length, pcm) => {
      pcm.fill(payload[offset]!, 0, length);
      return length;
    },
  };
}

test('a lost packet is rebuilt from the next one, when that one carries it', () => {
  const asked: number[] = [];
  const decoder: FrameDecoder = {
    ...markedDecoder(),
    recover: (payload, offset, _length, pcm) => {
      pcm.fill(payload[offset]! - 1);
      return pcm.length;
    },
    conceal: (samples, pcm) => {
      asked.push(samples);
      pcm.fill(77, 0, samples);
      return samples;
    },
  };
  const playout = new Playout({ clockRate: 8000, decoder });
  const frame = new Int16Array(160);
  const heard: number[] = [];
  for (let tick = 0; tick < 30; tick++) {
    // One packet of reserve; 10 is lost, and 20, 21.
    if (![10, 20, 21].includes(tick)) {
      playout.insert(tick, tick * 160, false, new Uint8Array(160).fill(tick), 0, 160, tick * 20);
    }
    if (tick >= 1) playout.pull(frame, tick * 20);
    if (tick >= 1) heard.push(frame[80]!);
  }
  assert.deepEqual(heard.slice(8, 20), [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  assert.deepEqual(heard.slice(20, 24), [77, 21, 22, 23]);
  assert.deepEqual(asked, [160]);
  assert.equal(playout.counters.recovered, 2);
  assert.equal(playout.counters.lost, 3);
  assert.equal(playout.counters.concealedFrames, 1);
});

test("a decoder's own concealment is asked for whole steps, for a second at most, and then fades", () => {
  const asked: number[] = [];
  const decoder: FrameDecoder = {
    ...markedDecoder(),
    conceal: (samples, pcm) => {
      asked.push(samples);
      for (let i = 0; i < samples; i++) pcm[i] = Math.round(3000 * Math.sin((2 * Math.PI * i) / 80));
      return samples;
    },
  };
  const playout = new Playout({ clockRate: 8000, decoder });
  const frame = new Int16Array(160);
  const kinds: FrameKind[] = [];
  for (let tick = 0; tick < 100; tick++) {
    if (tick < 10) playout.insert(tick, tick * 160, false, new Uint8Array(160).fill(50), 0, 160, tick * 20);
    kinds.push(playout.pull(frame, tick * 20 + 10));
  }
  assert.ok(
    asked.every((samples) => samples % 80 === 0 && samples <= 160),
    `${asked}`,
  );
  assert.equal(
    asked.reduce((sum, samples) => sum + samples, 0),
    8000,
  );
  assert.equal(kinds.filter((kind) => kind === FrameKind.concealed).length, 5, '60 ms of its own and then our fade');
  assert.equal(kinds.filter((kind) => kind === FrameKind.comfort).length, 47);
  assert.equal(kinds.at(-1), FrameKind.silence);
});

test('when packets are lost and can be repaired, the delay leaves time for repair, and else it does not', () => {
  for (const carries of [true, false]) {
    const decoder: FrameDecoder = {
      ...markedDecoder(),
      recover: (_payload, _offset, _length, pcm) => (carries ? pcm.fill(100).length : 0),
    };
    const playout = new Playout({ clockRate: 8000, decoder });
    const frame = new Int16Array(160);
    const payload = new Uint8Array(160).fill(100);
    let lost = 0;
    for (let tick = 0; tick < 2000; tick++) {
      const missing = tick % 25 === 24 && tick < 1000;
      if (missing) lost++;
      else playout.insert(tick, tick * 160, false, payload, 0, 160, tick * 20 + 5);
      playout.pull(frame, tick * 20 + 15);
      if (tick === 950 && carries) assert.ok(playout.currentDelayMs >= 28, `${playout.currentDelayMs} ms`);
    }
    if (carries) assert.ok(playout.counters.recovered > lost - 10, `${playout.counters.recovered} of ${lost}`);
    else assert.ok(playout.counters.concealedFrames >= lost, `${playout.counters.concealedFrames} of ${lost}`);
    assert.ok(playout.currentDelayMs <= 35, `${playout.currentDelayMs} ms once the loss is over`);
  }
});

test('Opus streams survive loss by their own error correction and concealment', async () => {
  await loadOpus();
  const codec = opus({ sampleRate: 16_000 });
  const encoder = codec.createEncoder();
  const decoder = codec.createDecoder();
  const playout = new Playout({ clockRate: codec.clockRate, decoder });
  const sound = speechLike(16_000, 12);
  const payload = new Uint8Array(codec.maxPayloadBytes);
  const frame = new Int16Array(320);
  const random = seededRandom(4);
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  let lost = 0;
  let lostTwice = 0;
  let before = false;
  for (let tick = 0; tick < 600; tick++) {
    const length = encoder.encode(sound.subarray(tick * 320, tick * 320 + 320), payload, 0);
    assert.ok(length > 0, `tick ${tick} is sent`);
    const missing = random() < 0.08;
    if (missing) lost++;
    else playout.insert(tick, tick * 960, false, payload, 0, length, tick * 20 + 5);
    if (missing && before) lostTwice++;
    before = missing;
    playout.pull(frame, tick * 20 + 15);
  }
  const { counters } = playout;
  assert.equal(counters.lost, lost);
  assert.equal(counters.discarded.undecodable, 0);
  // Of two in a row only the second can be repaired; speech pauses carry nothing.
  assert.ok(counters.recovered > (lost - lostTwice) / 2, `${counters.recovered} of ${lost}`);
  encoder.close?.();
  decoder.close?.();
});
