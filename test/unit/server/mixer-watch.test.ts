import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MixerWatch } from '../../../server/mixer-watch.ts';
import { HandClock } from '../../support/hand-clock.ts';

function watch() {
  const clock = new HandClock();
  const log: string[] = [];
  let endings = 0;
  const mixers = new MixerWatch({
    nowMs: () => clock.now(),
    log: {
      error: (_fields: unknown, text?: string) => log.push(`error ${text}`),
      fatal: (_fields: unknown, text?: string) => log.push(`fatal ${text}`),
    } as never,
    onGivenUp: () => {
      endings += 1;
    },
  });
  return { clock, log, mixers, endings: () => endings };
}

test('three deaths within a minute, of whatever mixers, end the process, once', () => {
  const { mixers, log, endings } = watch();
  mixers.died(0, 'out of memory');
  mixers.died(1, 'exit code 1');
  assert.deepEqual([mixers.givenUp, endings()], [false, 0]);
  mixers.died(0, 'exit code 1');
  mixers.died(0, 'exit code 1');
  assert.deepEqual([mixers.givenUp, endings()], [true, 1]);
  assert.equal(log.filter((line) => line.startsWith('error')).length, 4);
  assert.deepEqual(
    log.filter((line) => line.startsWith('fatal')),
    ['fatal mixer threads keep dying: ending'],
  );
});

test('deaths that are far apart are survived for ever', () => {
  const { clock, mixers, endings } = watch();
  for (let i = 0; i < 20; i++) {
    mixers.died(0, 'exit code 1');
    clock.advance(30_001);
  }
  assert.deepEqual([mixers.givenUp, endings()], [false, 0]);
});
