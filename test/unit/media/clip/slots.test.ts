import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Slot, Slots } from '../../../../media/clip/slots.ts';

const never = new AbortController().signal;

async function entered(slots: Slots, key = 'a', signal = never, first = false): Promise<Slot> {
  const slot = await slots.enter(key, signal, first);
  assert.ok(typeof slot !== 'string', `got ${String(slot)}`);
  return slot;
}

test('so many go in, the next one waits until one leaves', async () => {
  const slots = new Slots({ total: 2, queue: 5 });
  const [one] = [await entered(slots), await entered(slots)];
  const third = slots.enter('a', never);
  assert.deepEqual([slots.active, slots.queued], [2, 1]);
  one.leave();
  await third;
  assert.deepEqual([slots.active, slots.queued], [2, 0]);
});

test('leaving twice frees one place only', async () => {
  const slots = new Slots({ total: 1, queue: 5 });
  const one = await entered(slots);
  one.leave();
  one.leave();
  await entered(slots);
  assert.equal(slots.active, 1);
});

test('a full key does not hold up the others', async () => {
  const slots = new Slots({ total: 4, perKey: 1, queue: 5 });
  const a = await entered(slots, 'a');
  const order: string[] = [];
  const secondA = entered(slots, 'a').then((slot) => order.push('a') && slot);
  await entered(slots, 'b');
  a.leave();
  await secondA;
  assert.deepEqual(order, ['a']);
});

test('a full queue is busy at once, except for those who were inside before', async () => {
  const slots = new Slots({ total: 1, queue: 1 });
  const holder = await entered(slots);
  const waiting = entered(slots);
  assert.equal(await slots.enter('a', never), 'busy');
  const back = entered(slots, 'a', never, true);
  holder.leave();
  (await back).leave();
  await waiting;
});

test('whoever gives up waiting takes no place', async () => {
  const slots = new Slots({ total: 1, queue: 5 });
  const holder = await entered(slots);
  const controller = new AbortController();
  const given = slots.enter('a', controller.signal);
  const patient = entered(slots);
  controller.abort();
  assert.equal(await given, 'aborted');
  assert.equal(await slots.enter('a', controller.signal), 'aborted');
  holder.leave();
  await patient;
  assert.deepEqual([slots.active, slots.queued], [1, 0]);
});
