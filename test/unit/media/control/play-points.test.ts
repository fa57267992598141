import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlayPoints } from '../../../../media/control/play-points.ts';

const at = (positionMs: number, item = 0) => ({ item, round: 1, positionMs, soundedMs: positionMs + 1000 });

test('listeners of one voice stay together, and are where the last tick left them', () => {
  const points = new PlayPoints();
  points.note([1, 2], at(400), false, 5000);
  points.note([3], at(80, 1), false, 5000);
  assert.deepEqual(points.places([1, 2, 3, 4], 5101), [
    { ...at(500), legs: [1, 2] },
    { ...at(180, 1), legs: [3] },
  ]);
  assert.deepEqual([points.movedSince(1, 5101), points.movedSince(4, 5101)], [100, 0]);
});

test('who stands still, or is moved, is where she was put', () => {
  const points = new PlayPoints();
  points.note([1], at(400), false, 5000);
  points.stand(true, 5060);
  assert.equal(points.places([1], 9000)[0]?.positionMs, 460);
  points.seek(2000, 9000);
  points.stand(false, 9100);
  points.join(2, 1);
  points.join(3, undefined);
  const [place, none] = points.places([1, 2, 3], 9200);
  assert.deepEqual([place?.positionMs, place?.soundedMs, place?.legs, none], [2100, 1560, [1, 2], undefined]);
});
