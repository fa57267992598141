import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { Timeline } from '../../../../server/store/index.ts';
import { DiskDouble } from '../../../support/disk-double.ts';
import { storeOn } from '../../../support/store.ts';

const schema = z.object({ id: z.string(), at: z.number(), text: z.string() });
type Event = z.output<typeof schema>;

function timelineOn(disk: DiskDouble): Timeline<Event> {
  return new Timeline(storeOn(disk).store, 'event', schema, ({ at, id }) => ({ time: at, id }));
}

async function ids(rows: AsyncIterable<Event>): Promise<string> {
  let found = '';
  for await (const { id } of rows) found += id;
  return found;
}

test('rows come in the order of their times, whatever the order of writing, and each by its id', async () => {
  const disk = new DiskDouble();
  const line = timelineOn(disk);
  for (const [id, at] of [
    ['b', 900],
    ['c', 1000],
    ['a', 5],
    ['d', 1000],
  ] as const)
    await line.put({ id, at, text: id });
  await line.put({ id: 'c', at: 1000, text: 'again' });
  for (const each of [line, timelineOn(disk)]) {
    assert.deepEqual([await ids(each.oldestFirst()), await ids(each.newestFirst())], ['abcd', 'dcba']);
    assert.equal((await each.get('c'))?.text, 'again');
    assert.equal(await each.get('e'), undefined);
    assert.equal(await each.count(), 4);
  }
  await line.remove({ id: 'b', at: 900, text: '' });
  assert.equal(await ids(line.oldestFirst()), 'acd');
  assert.deepEqual([await line.get('b'), await line.count()], [undefined, 3]);
  assert.equal([...disk.rows.keys()].length, 6, 'nothing of it is left');
});
