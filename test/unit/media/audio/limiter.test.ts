import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesPerFrame } from '../../../../media/audio/frame.ts';
import { Limiter } from '../../../../media/audio/limiter.ts';
import { seededRandom } from '../../../support/random.ts';
import { levelAt, sinad } from '../../../support/tones.ts';

const FULL = 32_767;
const RATES = [8000, 16_000, 48_000];

/** `seconds` of a signal, given sample by sample and as loud as it likes, through one limiter. */
function limited(
  sampleRate: number,
  seconds: number,
  signal: (i: number) => number,
  limiter = new Limiter(),
): Int16Array {
  const frame = samplesPerFrame(sampleRate);
  const sum = new Int32Array(frame);
  const heard = new Int16Array(sampleRate * seconds);
  for (let at = 0; at < heard.length; at += frame) {
    for (let i = 0; i < frame; i++) sum[i] = Math.round(signal(at + i));
    limiter.process(sum, heard.subarray(at, at + frame));
  }
  return heard;
}

function saturatedOnly(sampleRate: number, seconds: number, signal: (i: number) => number): Int16Array {
  return Int16Array.from({ length: sampleRate * seconds }, (_, i) => Math.max(-32_768, Math.min(FULL, signal(i))));
}

function sine(hz: number, amplitude: number, sampleRate: number): (i: number) => number {
  return (i) => amplitude * Math.sin((2 * Math.PI * hz * i) / sampleRate);
}

/** Five voices of full harmonics to 2.4 kHz that swell in turn, over a chord of music at full scale: 12 dB too much. */
function crowd(i: number): number {
  let sum = 0;
  for (let talker = 0; talker < 5; talker++) {
    const hz = 110 + 23 * talker;
    const swell = 0.5 + 0.5 * Math.sin((2 * Math.PI * (2.3 + 0.37 * talker) * i) / 8000 + talker);
    for (let h = 1; h * hz < 2400; h++)
      sum += ((swell * 15_000) / h) * Math.sin((2 * Math.PI * hz * h * i) / 8000 + h * h);
  }
  for (const hz of [261, 329, 392, 523, 1046]) sum += (FULL / 5) * Math.sin((2 * Math.PI * hz * i) / 8000);
  return sum;
}

/** What sounds between 2.9 and 4 kHz, against everything, in dB, over fifths of a second. */
function splatterDb(samples: Int16Array): number {
  let splatter = 0;
  let windows = 0;
  for (let at = 0; at + 1600 <= samples.length; at += 1600, windows++) {
    for (let hz = 2900; hz < 3950; hz += 25)
      splatter += 10 ** (levelAt(samples.subarray(at, at + 1600), 8000, hz) / 10);
  }
  const all = (2 * samples.reduce((sum, value) => sum + value ** 2, 0)) / samples.length / FULL ** 2;
  return 10 * Math.log10(splatter / windows / all);
}

test('what fits 16 bits passes bit for bit, the lowest sample too', () => {
  const random = seededRandom(1);
  const limiter = new Limiter();
  const heard = new Int16Array(160);
  for (let round = 0; round < 100; round++) {
    const sum = Int32Array.from({ length: 160 }, () => Math.floor(random() * 65_536) - 32_768);
    sum[round] = round % 2 ? FULL : -32_768;
    limiter.process(sum, heard);
    assert.deepEqual([...heard], [...sum]);
    assert.equal(limiter.active, false);
  }
});

test('a tone 6 dB over full scale comes out at full scale with no harmonic above -90 dB, at any rate and pitch', () => {
  for (const sampleRate of RATES) {
    for (const hz of [50, 333, 997, 1000, 1777]) {
      const heard = limited(sampleRate, 1, sine(hz, 2 * FULL, sampleRate)).subarray(sampleRate / 10);
      const level = levelAt(heard, sampleRate, hz);
      assert.ok(Math.abs(level) < 0.1, `${hz} Hz at ${sampleRate}: ${level.toFixed(2)} dBFS`);
      const clean = sinad(heard, sampleRate, hz);
      assert.ok(clean > 90, `${hz} Hz at ${sampleRate}: clean to ${clean.toFixed(1)} dB`);
    }
  }
  const hard = saturatedOnly(8000, 1, sine(1000, 2 * FULL, 8000));
  assert.ok(levelAt(hard, 8000, 3000) > -20, 'without a limiter the third harmonic is loud, so this test can fail');
});

test('a tone that starts anywhere in a frame is clean from the next frame on', () => {
  for (let start = 0; start < 160; start += 13) {
    const signal = (i: number) => (i < start + 160 ? 0 : sine(1000, 2 * FULL, 8000)(i - start));
    const heard = limited(8000, 1, signal);
    const clean = sinad(heard.subarray(320, 1120), 8000, 1000);
    assert.ok(clean > 40, `start ${start}: clean to ${clean.toFixed(1)} dB`);
  }
});

test('five loud talkers and music at full scale stay clean, 25 dB better than saturation', () => {
  const clean = splatterDb(limited(8000, 3, crowd));
  const harsh = splatterDb(saturatedOnly(8000, 3, crowd));
  assert.ok(clean < -60, `${clean.toFixed(1)} dB`);
  assert.ok(harsh - clean > 25, `${clean.toFixed(1)} against ${harsh.toFixed(1)} dB`);
});

test('a swelling tone, louder in each frame, is turned down smoothly', () => {
  const heard = limited(8000, 2, (i) => sine(440, FULL * (0.9 + i / 8000), 8000)(i));
  for (let at = 0; at + 800 <= heard.length; at += 800) {
    const clean = sinad(heard.subarray(at, at + 800), 8000, 440);
    assert.ok(clean > 25, `at ${at}: clean to ${clean.toFixed(1)} dB`);
  }
});

test('the gain never turns a sample over or makes it louder, and from the second block on it moves without a jump', () => {
  const random = seededRandom(5);
  const limiter = new Limiter();
  let level = 1;
  for (let round = 0; round < 300; round++) {
    if (random() < 0.2) level = 10 ** (random() * 1.3 - 0.3);
    const sum = Int32Array.from({ length: 160 }, () => Math.round((random() - 0.5) * 2 * FULL * level));
    const heard = new Int16Array(160);
    limiter.process(sum, heard);
    let known = -1;
    for (let i = 0; i < 160; i++) {
      const [wanted, got] = [sum[i]!, heard[i]!];
      assert.ok(Math.abs(got) <= Math.abs(wanted) && wanted * got >= 0);
      if (i < 10 || Math.abs(wanted) < 5000) continue;
      if (known >= 0) {
        const moved = Math.abs(got / wanted - heard[known]! / sum[known]!);
        assert.ok(moved < (i - known) * 0.0125 + 0.0005, `round ${round}, sample ${i}: ${moved}`);
      }
      known = i;
    }
  }
});

test('the gain comes back within a quarter of a second, without haste, and then frames pass bit for bit', () => {
  const limiter = new Limiter();
  limited(8000, 0.2, sine(1000, 2 * FULL, 8000), limiter);
  const quiet = sine(1000, 10_000, 8000);
  const after = limited(8000, 1, quiet, limiter);
  const levels = Array.from({ length: 50 }, (_, f) => levelAt(after.subarray(f * 160, f * 160 + 160), 8000, 1000));
  const full = 20 * Math.log10(10_000 / FULL);
  assert.ok(levels[0]! < full - 5.5, 'it holds for the first frame');
  assert.ok(levels[3]! < full - 2, 'it is still well down after 60 ms');
  assert.ok(levels[12]! > full - 0.5, 'it is back after 250 ms');
  for (let f = 1; f < 50; f++) assert.ok(levels[f]! >= levels[f - 1]! - 0.01 && levels[f]! < levels[f - 1]! + 2);
  assert.equal(limiter.active, false);
  assert.deepEqual(
    after.subarray(7840),
    Int16Array.from({ length: 160 }, (_, i) => Math.round(quiet(7840 + i))),
  );
});

test('a member who moves to another output takes the gain along', () => {
  const shared = new Limiter();
  limited(8000, 0.2, crowd, shared);
  assert.equal(shared.active, true);
  const own = new Limiter();
  own.copyFrom(shared);
  const signal = (i: number) => crowd(i + 1600);
  assert.deepEqual(limited(8000, 0.2, signal, own), limited(8000, 0.2, signal, shared));
  own.reset();
  assert.equal(own.active, false);
});
