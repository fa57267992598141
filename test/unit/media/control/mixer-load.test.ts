import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MixerLoad } from '../../../../media/control/mixer-load.ts';

const report = (ticks: number, seconds: number, legs = 20) => ({
  ticks,
  legs,
  duration: { bounds: [], counts: [], sum: seconds },
});

test('a mixer whose ticks take 5 ms each is busy a quarter of its time, whatever was before', () => {
  const load = new MixerLoad();
  assert.equal(load.share, 0);
  load.note(report(100, 0.5));
  assert.equal(load.share, 0.25);
  for (let i = 1; i < 20; i++) load.note(report(100 + 50 * i, 0.5 + 0.75 * i));
  assert.ok(Math.abs(load.share - 0.75) < 0.01, `it follows: ${load.share}`);
});

test('one slow second moves it by less than half, and a report without a tick not at all', () => {
  const load = new MixerLoad();
  load.note(report(50, 0.1));
  load.note(report(100, 1.1));
  assert.ok(load.share < 0.5, `${load.share} after a second of stalls`);
  const before = load.share;
  load.note(report(100, 1.1));
  assert.equal(load.share, before);
});

test('legs that came since the last report are counted with what the others cost', () => {
  const load = new MixerLoad();
  load.note(report(50, 0.5, 100));
  assert.equal(load.expected(150), 0.75);
  assert.equal(load.expected(50), 0.5, 'those who left are not believed before it shows');
  const few = new MixerLoad();
  few.note(report(50, 0.1, 1));
  assert.equal(few.expected(100), few.share, 'one leg says nothing of a hundred');
});
