import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Allowance } from '../../../../server/dial/allowance.ts';
import { HandClock } from '../../../support/hand-clock.ts';

const MINUTE = 60_000;
const MORNING = Date.parse('2026-03-04T06:00:00Z');

function setUp(callsPerMinute: number, minutesPerDay: number) {
  const clock = new HandClock(0);
  const now = () => new Date(MORNING + clock.now());
  return { clock, allowance: new Allowance({ limits: { callsPerMinute, minutesPerDay }, clock, now }) };
}

suite('calls a minute', () => {
  test('are counted over the last sixty seconds, and several are taken together or not at all', () => {
    const { clock, allowance } = setUp(3, 1000);
    assert.deepEqual(allowance.take(2), { ok: true });
    clock.advance(20_000);
    assert.deepEqual(allowance.take(2), { ok: false, reason: 'rate', retryAfterSeconds: 40 });
    assert.deepEqual(allowance.take(1), { ok: true });
    clock.advance(40_000);
    assert.deepEqual(allowance.take(2), { ok: true });
  });

  test('can be none at all', () => {
    assert.equal(setUp(0, 1000).allowance.take(1).ok, false);
  });
});

suite('minutes a day', () => {
  test('run for each call that stands, and end them all when they are used up', () => {
    const { clock, allowance } = setUp(10, 10);
    const spent: string[] = [];
    const first = allowance.start(() => spent.push('first'));
    clock.advance(4 * MINUTE);
    allowance.start(() => spent.push('second'));
    clock.advance(3 * MINUTE - 1000);
    assert.deepEqual(spent, []);
    assert.equal(allowance.take(1).ok, true);
    clock.advance(1000);
    assert.deepEqual(spent, ['first', 'second']);
    first.stop();
    assert.deepEqual(allowance.take(1), { ok: false, reason: 'minutes', retryAfterSeconds: 18 * 3600 - 7 * 60 });
  });

  test('do not run while nobody talks, and begin anew at midnight', () => {
    const { clock, allowance } = setUp(10, 10);
    const call = allowance.start(() => {});
    clock.advance(9 * MINUTE);
    call.stop();
    call.stop();
    clock.advance(60 * MINUTE);
    assert.equal(allowance.take(1).ok, true);
    const other = allowance.start(() => other.stop());
    clock.advance(2 * MINUTE);
    assert.equal(allowance.take(1).ok, false);
    clock.advance(18 * 60 * MINUTE);
    assert.equal(allowance.take(1).ok, true);
    assert.equal(clock.pending, 0, 'no timer is left when no call stands');
  });
});
