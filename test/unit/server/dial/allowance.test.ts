import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Allowance, type CallsMade } from '../../../../server/dial/allowance.ts';
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

suite('a process that follows another', () => {
  function follow(earlier: CallsMade, startAt: number) {
    const clock = new HandClock(0);
    const now = () => new Date(startAt + clock.now());
    return {
      clock,
      allowance: new Allowance({ limits: { callsPerMinute: 2, minutesPerDay: 10 }, earlier, clock, now }),
    };
  }

  test('counts on: the calls of the last minute, and minutes up to the last that were kept', () => {
    const clock = new HandClock(0);
    const now = () => new Date(MORNING + clock.now());
    const kept: CallsMade[] = [];
    const limits = { callsPerMinute: 2, minutesPerDay: 10 };
    const first = new Allowance({ limits, keep: (made) => kept.push(made), clock, now });
    first.take(2);
    first.start(() => {});
    for (let i = 0; i < 9; i++) clock.advance(MINUTE);
    first.take(1);
    const left = kept.at(-1);
    assert.ok(left, 'something was kept');
    assert.equal(left.usedMs, 9 * MINUTE);

    const next = follow(left, MORNING + 9 * MINUTE + 20_000);
    assert.deepEqual(next.allowance.take(2), { ok: false, reason: 'rate', retryAfterSeconds: 40 });
    const spent: string[] = [];
    next.allowance.start(() => spent.push('spent'));
    next.clock.advance(MINUTE - 1000);
    assert.deepEqual(spent, []);
    next.clock.advance(1000);
    assert.deepEqual(spent, ['spent']);
  });

  test('begins anew on another day', () => {
    const day = Math.floor(MORNING / 86_400_000);
    const spent = { day, usedMs: 10 * MINUTE, begunAt: [] };
    assert.equal(follow(spent, MORNING).allowance.take(1).ok, false);
    assert.equal(follow(spent, MORNING + 24 * 60 * MINUTE).allowance.take(1).ok, true);
  });
});
