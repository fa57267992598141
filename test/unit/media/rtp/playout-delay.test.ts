import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mulaw } from '../../../../media/codec/g711.ts';
import { FrameKind, Playout } from '../../../../media/rtp/playout.ts';
import { bellShaped, type NetworkDelay, stalling, steady, uneven } from '../../../support/network-simulator.ts';
import { seededRandom } from '../../../support/random.ts';
import { type Heard, receive, speechLike } from '../../../support/receiving-leg.ts';
import { tone } from '../../../support/tones.ts';

const speech = speechLike(8000, 60);

function percentile(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(share * (sorted.length - 1))]!;
}

/** Delays from some seconds after the beginning to the end of what was sent. */
function settled(heard: Heard, fromSeconds = 10): Float64Array {
  return heard.delays.slice(fromSeconds * 50, 59 * 50);
}

function concealedShare(heard: Heard): number {
  return heard.playout.counters.concealedFrames / heard.playout.counters.frames;
}

test('a clean network costs a frame of delay, 25 ms at most', () => {
  for (let phaseMs = 0; phaseMs < 20; phaseMs += 2.5) {
    const heard = receive({ sound: speech, phaseMs, delay: steady(40) });
    assert.ok(percentile(settled(heard), 1) <= 28, `${percentile(settled(heard), 1)} ms`);
  }
});

test('the delay follows the jitter, and little is concealed', () => {
  const networks: [string, NetworkDelay, number, number, number][] = [
    // network, delay at the median: least and most, concealed at most
    ['10 ms', uneven(30, 10), 5, 45, 0.001],
    ['40 ms', uneven(30, 40), 35, 70, 0.002],
    ['80 ms', uneven(30, 80), 70, 115, 0.003],
    ['160 ms', uneven(30, 160), 140, 200, 0.005],
    ['bell 10 ms', bellShaped(30, 10), 20, 65, 0.003],
    ['bell 40 ms', bellShaped(30, 40), 75, 150, 0.01],
  ];
  for (const [name, delay, least, most, concealed] of networks) {
    const heard = receive({ sound: speech, delay });
    const median = percentile(settled(heard), 0.5);
    assert.ok(median >= least && median <= most, `${name}: ${median.toFixed(1)} ms`);
    assert.ok(concealedShare(heard) <= concealed, `${name}: ${concealedShare(heard)} concealed`);
  }
});

test('no network makes it wait longer than 200 ms and a little', () => {
  for (const delay of [uneven(30, 400), bellShaped(30, 200), stalling(30, 900, 300)]) {
    const heard = receive({ sound: speech, delay });
    assert.equal(heard.playout.targetDelayMs, 200);
    assert.ok(percentile(settled(heard), 0.95) <= 320, `${percentile(settled(heard), 0.95)}`);
    assert.ok(percentile(settled(heard), 0.5) <= 270, `${percentile(settled(heard), 0.5)}`);
  }
});

test('a stall of 240 ms is caught up with, by stretching and not by dropping', () => {
  const heard = receive({ sound: speech, delay: stalling(30, 20_000, 240) });
  const { counters } = heard.playout;
  assert.equal(counters.lost + counters.late + counters.discarded.overflow, 0);
  assert.ok(counters.stretched > 20, `${counters.stretched} stretches`);
  const delayAt = (seconds: number): number => heard.delays[seconds * 50]!;
  // The stall ends at 20 s.
  assert.ok(delayAt(21) > 100, `${delayAt(21)} ms after 1 s`);
  assert.ok(delayAt(30) < 70, `${delayAt(30)} ms after 10 s`);
  assert.ok(delayAt(39) < 45, `${delayAt(39)} ms after 19 s`);
});

test('after an outage of seconds, what was held up is dropped and not played late', () => {
  const heard = receive({ sound: speech, delay: stalling(30, 20_000, 2000) });
  assert.ok(heard.playout.counters.discarded.overflow > 50, `${heard.playout.counters.discarded.overflow} dropped`);
  assert.ok(heard.delays[20.5 * 50]! < 300, `${heard.delays[20.5 * 50]} ms at once`);
  assert.ok(heard.delays[30 * 50]! < 45, `${heard.delays[30 * 50]} ms after 10 s`);
});

test('a backlog at the start of a stream does not stay', () => {
  for (const backlogMs of [100, 200, 400, 1500]) {
    const delay: NetworkDelay = (sendMs) => (sendMs < backlogMs ? 30 + backlogMs - sendMs : 30);
    const heard = receive({ sound: speech, delay });
    assert.ok(heard.delays[Math.floor(backlogMs / 20) + 100]! < 60, `${backlogMs}: after 2 s`);
    assert.ok(heard.delays[900]! <= 45, `${backlogMs}: after 18 s`);
  }
});

test('a path that becomes slower or quicker is followed', () => {
  const change: NetworkDelay = (sendMs) => (sendMs < 20_000 ? 30 : sendMs < 40_000 ? 180 : 60);
  const heard = receive({ sound: speech, delay: change });
  for (const seconds of [15, 35, 58]) assert.ok(heard.delays[seconds * 50]! <= 45, `at ${seconds} s`);
  assert.ok(heard.playout.counters.concealedFrames < 12, `${heard.playout.counters.concealedFrames} concealed`);
});

/** Hours of a tone through a skewed clock; a period fits the frame, so every packet is the same. */
function hours(ppm: number, oncePerTick: boolean, simulatedHours: number) {
  const playout = new Playout({
    clockRate: 8000,
    decoder: mulaw.createDecoder(),
    arrivalGrainMs: oncePerTick ? 20 : 0,
  });
  const encoder = mulaw.createEncoder();
  const payload = new Uint8Array(160);
  encoder.encode(tone(8000, 160, { hz: 400, db: -6 }), payload, 0);
  const frame = new Int16Array(160);
  const random = seededRandom(8);
  const spacingMs = 20 / (1 + ppm * 1e-6);
  const ticks = simulatedHours * 3600 * 50;
  let sent = 0;
  let nextArrivalMs = 30;
  let last = 0;
  let largestStep = 0;
  let least = Infinity;
  let most = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const nowMs = tick * 20;
    while (nextArrivalMs <= nowMs) {
      playout.insert(sent & 0xffff, (sent * 160) | 0, false, payload, 0, 160, oncePerTick ? nowMs : nextArrivalMs);
      sent++;
      nextArrivalMs = 30 + sent * spacingMs + random() * 2;
    }
    playout.pull(frame, nowMs);
    if (tick < 50) {
      last = frame[159]!;
      continue;
    }
    for (let i = 0; i < 160; i++) {
      const step = Math.abs(frame[i]! - last);
      if (step > largestStep) largestStep = step;
      last = frame[i]!;
    }
    least = Math.min(least, playout.currentDelayMs);
    most = Math.max(most, playout.currentDelayMs);
  }
  return { counters: playout.counters, least, most, largestStep };
}

test('clocks 200 ppm apart for hours: the delay stays, nothing is lost, nothing clicks', () => {
  const natural = 2 * Math.sin((Math.PI * 400) / 8000) * 32767 * 10 ** (-6 / 20);
  for (const ppm of [200, -200]) {
    for (const oncePerTick of [false, true]) {
      const name = `${ppm} ppm, ${oncePerTick ? 'drained once a tick' : 'stamped on arrival'}`;
      const { counters, least, most, largestStep } = hours(ppm, oncePerTick, 2);
      assert.ok(most - least <= 40 && most <= 60, `${name}: ${least.toFixed(1)} to ${most.toFixed(1)} ms`);
      assert.equal(counters.lost + counters.late + counters.discarded.overflow, 0, name);
      assert.ok(counters.concealedFrames <= 1, `${name}: ${counters.concealedFrames} concealed`);
      // 7200 s at 200 ppm are 1440 ms to take out or put in, 2.5 to 15 ms at a time.
      assert.ok(counters.stretched > 90 && counters.stretched < 700, `${name}: ${counters.stretched} stretches`);
      assert.ok(largestStep <= 1.06 * natural, `${name}: ${(largestStep / natural).toFixed(3)}`);
    }
  }
});

test('the delay that is reported is the delay that is heard', () => {
  // A sweep never repeats, so where a frame comes from can be found in what was sent.
  const sound = new Int16Array(8000 * 20);
  let phase = 0;
  for (let i = 0; i < sound.length; i++) {
    phase += (2 * Math.PI * (300 + (2500 * i) / sound.length)) / 8000;
    sound[i] = Math.round(12_000 * Math.sin(phase));
  }
  const heard = receive({ sound, delay: stalling(30, 6000, 200), phaseMs: 7 });
  let checked = 0;
  for (let tick = 100; tick < 950; tick += 5) {
    if (heard.kinds[tick] !== FrameKind.audio) continue;
    const reportedMs = heard.delays[tick]!;
    // A sample taken at m leaves in a packet up to 20 ms later; the delay counts from a packet's first sample at its arrival.
    const guess = Math.round((tick * 20 - reportedMs - 30 - 7 - 20) * 8);
    let best = 0;
    let bestError = Infinity;
    for (let at = guess - 240; at <= guess + 240; at++) {
      let error = 0;
      for (let i = 0; i < 160; i += 4) error += Math.abs(heard.sound[tick * 160 + i]! - (sound[at + i] ?? 0));
      if (error < bestError) {
        bestError = error;
        best = at;
      }
    }
    if (bestError > 40 * 200) continue;
    assert.ok(Math.abs(best - guess) <= 60, `tick ${tick}: ${(best - guess) / 8} ms off`);
    checked++;
  }
  assert.ok(checked > 100, `${checked} frames recognised`);
});
