import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TickSchedule } from '../../../../media/time/tick-schedule.ts';

test('ticks are due every 20 ms from the origin, however late the ones before ran', () => {
  const schedule = new TickSchedule(1000);
  assert.equal(schedule.take(999.9), -1, 'not before its time');
  assert.equal(schedule.take(1000), 0);
  assert.equal(schedule.deadline, 1020);
  assert.equal(schedule.take(1027.5), 7.5);
  assert.equal(schedule.deadline, 1040, 'lateness does not move the next deadline');
});

test('an hour of jittery ticks does not drift by a microsecond', () => {
  const schedule = new TickSchedule(0);
  for (let k = 0; k < 180_000; k++) assert.ok(schedule.take(k * 20 + ((k * 7) % 13)) >= 0);
  assert.equal(schedule.deadline, 3_600_000);
  assert.equal(schedule.skipped, 0);
});

test('after a stall at most three ticks catch up and the rest are skipped with their numbers', () => {
  const schedule = new TickSchedule(0);
  schedule.take(0);
  assert.equal(schedule.take(205), 65, 'tick 7 of 10 is the first to run');
  assert.equal(schedule.next, 8);
  assert.equal(schedule.skipped, 6);
  assert.equal(schedule.take(205), 45);
  assert.equal(schedule.take(205), 25);
  assert.equal(schedule.take(205), 5);
  assert.equal(schedule.take(205), -1);
  assert.equal(schedule.deadline, 220);
});

test('a schedule that follows another begins with its next tick: what was missed between them is skipped and counted', () => {
  const schedule = new TickSchedule(1000, 50);
  assert.equal(schedule.take(2300), 60, 'tick 62 of 65 is the first of three that catch up');
  assert.deepEqual([schedule.next, schedule.skipped], [63, 12]);
});

test('a first schedule begins with the tick that is due next, and has skipped nothing', () => {
  assert.equal(TickSchedule.after(1000, 1000), 0);
  assert.equal(TickSchedule.after(1000, 1141), 8);
  const schedule = new TickSchedule(1000, TickSchedule.after(1000, 1141));
  assert.equal(schedule.take(1159), -1);
  assert.equal(schedule.take(1160), 0);
  assert.equal(schedule.skipped, 0);
});
