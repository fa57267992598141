import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { StartError } from '../../../../server/start-error.ts';
import type { Row, RowRange, Table } from '../../../../server/store/index.ts';
import { DiskDouble } from '../../../support/disk-double.ts';
import { storeUnderTest } from '../../../support/store.ts';

const schema = z.object({ name: z.string() });
type Person = z.output<typeof schema>;

async function keys(table: Table<Person>, range?: RowRange): Promise<string[]> {
  const found: Row<Person>[] = [];
  for await (const row of table.iterate(range)) found.push(row);
  return found.map(({ key }) => key);
}

/** Lets everything that is ready run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('what is written is readable at once, and by the next store on the same disk', async () => {
  const { store, disk } = await storeUnderTest();
  const people = store.table('people', schema);
  const written = people.put('1', { name: 'Ana' });
  assert.deepEqual(await people.get('1'), { name: 'Ana' });
  assert.equal(await written, true);
  assert.equal(store.pending, 0);

  const next = await storeUnderTest(disk);
  assert.deepEqual(await next.store.table('people', schema).get('1'), { name: 'Ana' });
});

test('what is written in one turn goes to disk together', async () => {
  const { store, disk } = await storeUnderTest();
  const people = store.table('people', schema);
  const calls = store.table('calls', schema);
  await Promise.all([
    people.put('1', { name: 'Ana' }),
    store.write([calls.putting('1', { name: 'x' }), people.deleting('2')]),
    people.put('1', { name: 'Ben' }),
  ]);
  assert.equal(disk.writes.length, 1);
  assert.deepEqual([...disk.rows].sort(), [
    ['calls/1', '{"name":"x"}'],
    ['people/1', '{"name":"Ben"}'],
  ]);
});

test('a walk follows the order of keys either way, within its range and its own table', async () => {
  const { store } = await storeUnderTest();
  const people = store.table('people', schema);
  await store.table('peoplf', schema).put('1', { name: 'no' });
  for (const key of ['a/2', 'a/1', 'b/1', '\u{1f600}', '\uffee']) await people.put(key, { name: key });
  assert.deepEqual(await keys(people), ['a/1', 'a/2', 'b/1', '\uffee', '\u{1f600}']);
  assert.deepEqual(await keys(people, { reverse: true }), ['\u{1f600}', '\uffee', 'b/1', 'a/2', 'a/1']);
  assert.deepEqual(await keys(people, { prefix: 'a/' }), ['a/1', 'a/2']);
  assert.deepEqual(await keys(people, { from: 'a/2', before: 'c' }), ['a/2', 'b/1']);
});

test('a walk sees what waits for the disk in its place', async () => {
  const { store, disk } = await storeUnderTest();
  const people = store.table('people', schema);
  for (const key of ['1', '3', '5']) await people.put(key, { name: 'old' });
  disk.failure = 'no space';
  await people.put('0', { name: 'new' });
  await people.put('2', { name: 'new' });
  await people.put('3', { name: 'new' });
  await people.delete('5');
  await people.put('9', { name: 'new' });
  assert.deepEqual(await keys(people), ['0', '1', '2', '3', '9']);
  assert.deepEqual(await keys(people, { reverse: true }), ['9', '3', '2', '1', '0']);
  assert.deepEqual(await people.get('3'), { name: 'new' });
  assert.equal(await people.get('5'), undefined);
});

test('a disk that takes nothing is told once an attempt, tried again after 1, 5 and 25 s, and gets all of it in the end', async () => {
  const { store, disk, clock, told } = await storeUnderTest();
  const people = store.table('people', schema);
  disk.failure = 'no space';
  assert.equal(await people.put('1', { name: 'Ana' }), false);
  assert.equal(await people.put('2', { name: 'Ben' }), false);
  for (const pause of [1000, 5000, 25_000]) {
    clock.advance(pause - 1);
    await settled();
    const before = told.length;
    clock.advance(1);
    await settled();
    assert.equal(told.length, before + 1, `one more attempt after ${pause} ms`);
  }
  disk.failure = undefined;
  clock.advance(25_000);
  await settled();
  assert.deepEqual([told.at(-1), store.pending, disk.rows.size], ['recovered', 0, 2]);
  assert.equal(await people.put('3', { name: 'Eve' }), true);
  assert.equal(clock.pending, 0, 'no timer is left');
});

test('memory is bounded while the disk takes nothing: the oldest rows go', async () => {
  const { store, disk, told } = await storeUnderTest(new DiskDouble(), { rows: 3, characters: 1000 });
  const people = store.table('people', schema);
  disk.failure = 'no space';
  for (const key of ['1', '2', '3', '4']) await people.put(key, { name: key });
  assert.deepEqual(await keys(people), ['2', '3', '4']);
  await people.put('5', { name: 'x'.repeat(970) });
  assert.deepEqual(await keys(people), ['5']);
  assert.deepEqual(told.slice(1), ['dropped: 1', 'dropped: 3']);
});

test('a row that cannot be read is left out and counted', async () => {
  const { store, disk, told } = await storeUnderTest();
  const people = store.table('people', schema);
  await people.put('1', { name: 'Ana' });
  disk.rows.set('people/2', '{"name":7}').set('people/3', '{"na');
  assert.deepEqual(await keys(people), ['1']);
  assert.equal(await people.get('2'), undefined);
  assert.deepEqual(told, ['unreadable: people', 'unreadable: people', 'unreadable: people']);
});

for (const [trouble, advice] of [
  ['locked', /^DATA_DIR=\.\/here: another server uses that folder\. Stop it, or set DATA_DIR/],
  ['denied', /^DATA_DIR=\.\/here: cannot be written to .+ Set DATA_DIR/],
] as const)
  test(`a disk that is ${trouble} stops the start and says what to do`, async () => {
    const disk = new DiskDouble();
    disk.trouble = trouble;
    await assert.rejects(storeUnderTest(disk), (error) => error instanceof StartError && advice.test(error.message));
  });

test('with a full disk the start goes on in memory, and the disk gets everything once it has room', async () => {
  const disk = new DiskDouble();
  disk.trouble = 'full';
  const { store, clock, told } = await storeUnderTest(disk);
  const people = store.table('people', schema);
  assert.equal(await people.put('1', { name: 'Ana' }), false);
  assert.deepEqual(await people.get('1'), { name: 'Ana' });
  assert.deepEqual(told, ['write failed: it is full']);
  disk.trouble = undefined;
  clock.advance(1000);
  await settled();
  assert.deepEqual([disk.rows.get('people/1'), told.at(-1)], ['{"name":"Ana"}', 'recovered']);
});

test('closing writes what waits, and nothing is taken afterwards', async () => {
  const { store, disk } = await storeUnderTest();
  const people = store.table('people', schema);
  const written = people.put('1', { name: 'Ana' });
  await store.close();
  assert.equal(await written, true);
  assert.equal(await people.put('2', { name: 'Ben' }), false);
  await store.close();
  assert.deepEqual([...disk.rows.keys()], ['people/1']);
});

test('a table has its name alone', async () => {
  const { store } = await storeUnderTest();
  store.table('people', schema);
  assert.throws(() => store.table('people', schema), /no name for a table/);
  assert.throws(() => store.table('a/b', schema), /no name for a table/);
});
