import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Call, type CallEvent } from '../../../../server/calls/index.ts';
import { EndedCalls } from '../../../../server/history/index.ts';
import { DiskDouble } from '../../../support/disk-double.ts';
import { storeOn } from '../../../support/store.ts';

const START = Date.parse('2026-03-04T05:06:07.000Z');
const HOUR_MS = 3_600_000;

/** Calls of one life of a server; each begins an hour after the one before, and lasts as long as is said. */
async function lifeOn(disk: DiskDouble, max = 100) {
  let tell: (event: CallEvent) => void = () => {};
  let begun = 0;
  let surplus = 0;
  const { store } = storeOn(disk);
  const ended = new EndedCalls({ store, max, onSurplus: () => (surplus += 1) });
  await ended.recover();
  ended.follow({
    subscribe: (listener) => {
      tell = listener;
      return () => {};
    },
  });
  return {
    ended,
    surplus: () => surplus,
    /** All that was written is on disk. */
    written: () => store.write([]),
    end: (uuid: string, hours = 0) => {
      const setup = { kind: 'sip', direction: 'inbound', from: 'ana', to: 'board', hangUp: () => {} } as const;
      const call = new Call(uuid, setup, new Date(START + begun++ * HOUR_MS));
      call.endedAt = new Date(call.createdAt.getTime() + hours * HOUR_MS);
      tell({ type: 'ended', call, cause: 'hangup' });
    },
    list: async () => {
      let found = '';
      for await (const { uuid } of ended.newestFirst()) found += uuid;
      return found;
    },
  };
}

test('a call that is over is kept through restarts, and forgotten when it is old', async () => {
  const disk = new DiskDouble();
  const first = await lifeOn(disk);
  for (const [uuid, hours] of [
    ['a', 1],
    ['b', 48],
    ['c', 0],
  ] as const)
    first.end(uuid, hours);
  assert.equal(await first.list(), 'cba');
  await first.written();
  const next = await lifeOn(disk);
  assert.deepEqual(await next.ended.find('b'), {
    uuid: 'b',
    direction: 'inbound',
    from: 'ana',
    to: 'board',
    createdAt: START + HOUR_MS,
    endedAt: START + 49 * HOUR_MS,
    endCause: 'hangup',
  });
  await next.ended.sweep(START + 30 * HOUR_MS);
  assert.equal(await next.list(), 'b', 'it ended later than the others, though it began before');
  assert.equal(await next.ended.find('a'), undefined);
  await next.ended.sweep(START + 50 * HOUR_MS);
  await next.written();
  assert.deepEqual([...disk.rows.keys()], []);
});

test('only so many calls are kept, the oldest go first', async () => {
  const disk = new DiskDouble();
  const first = await lifeOn(disk, 2);
  for (const uuid of ['a', 'b']) first.end(uuid);
  assert.equal(first.surplus(), 0);
  await first.written();
  const next = await lifeOn(disk, 2);
  next.end('c');
  assert.equal(next.surplus(), 1, 'those of earlier count');
  await next.ended.sweep(0);
  assert.equal(await next.list(), 'bc');
});
