import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Letter, storedShelf } from '../../../../server/callbacks/shelf.ts';
import { callbackTarget } from '../../../../server/callbacks/target.ts';
import { DiskDouble } from '../../../support/disk-double.ts';
import { storeOn } from '../../../support/store.ts';

function letter(serial: number, url = 'https://x.example/cb?a=1#rc=2&rp=4xx,ct'): Letter {
  const parsed = new URL(url);
  return {
    serial,
    conference: 'mpc',
    target: callbackTarget(parsed, 'GET'),
    fields: new Map([
      ['EventName', 'MPCEnd'],
      ['MPCName', `ä ${serial}`],
    ]),
  };
}

test('letters come back from the disk as they were, in order, without those that were forgotten', async () => {
  const disk = new DiskDouble();
  const { store } = storeOn(disk);
  const shelf = storedShelf(store);
  for (const serial of [9, 10, 11]) shelf.keep(letter(serial));
  shelf.forget(letter(10));
  await store.close();
  disk.rows.set('callbacks/000000000000012', '{"serial":12}');

  const next = storeOn(disk);
  const left: Letter[] = [];
  for await (const found of storedShelf(next.store).left()) left.push(found);
  assert.deepEqual(left, [letter(9), letter(11)]);
  assert.deepEqual(next.told, ['unreadable: callbacks']);
});
