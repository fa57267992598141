import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { type CutOff, History } from '../../../../server/history/index.ts';
import { Directory, plainTerms } from '../../../../server/mpc/index.ts';
import { DiskDouble } from '../../../support/disk-double.ts';
import { EngineDouble } from '../../../support/engine-double.ts';
import { storeOn } from '../../../support/store.ts';

const DAY_MS = 86_400_000;
const START = Date.parse('2026-03-04T05:06:07.000Z');

/** One life of a server on a disk that outlives it. */
class Life {
  readonly #rig: ReturnType<typeof storeOn>;
  readonly directory: Directory;
  readonly history: History;
  now: number;
  cutOff: readonly CutOff[] = [];

  constructor(disk: DiskDouble, now: number, maxMpcs = 100) {
    this.now = now;
    this.#rig = storeOn(disk);
    const wall = () => new Date(this.now);
    this.directory = new Directory({
      engine: new EngineDouble(),
      limits: { maxMembers: 100, maxMembersPerMpc: 100 },
      sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
      now: wall,
      newUuid: () => crypto.randomUUID(),
    });
    const { store, clock } = this.#rig;
    this.history = new History({
      store,
      limits: { keptMs: 10 * DAY_MS, maxMpcs, maxCalls: 100 },
      clock,
      now: wall,
      log: { error: (fields: object) => assert.fail(String(fields)) },
    });
  }

  async begin(): Promise<this> {
    this.cutOff = await this.history.recover();
    this.history.follow(this.directory, { subscribe: () => () => {} });
    return this;
  }

  async pass(ms: number): Promise<void> {
    const step = ms > 3_600_000 ? 3_600_000 : 1000;
    for (let passed = 0; passed < ms; passed += step) {
      this.now += Math.min(step, ms - passed);
      this.#rig.clock.advance(Math.min(step, ms - passed));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async join(mpcName: string) {
    const engine = new EngineDouble();
    engine.openConference({ id: 'any' });
    const joined = await this.directory.join({
      mpcName,
      terms: plainTerms('agent'),
      kind: 'sip',
      address: `sip:someone@${mpcName}`,
      openLeg: (_conference, onEvent) => engine.openRtpLeg('any', {}, onEvent),
      hangUp: () => {},
    });
    assert.ok(joined.ok, 'there is room');
    return joined;
  }

  async ended(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of this.history.newestFirst()) names.push(name);
    return names;
  }

  async members(uuid: string): Promise<readonly unknown[]> {
    const found: unknown[] = [];
    for await (const { id, exitCause, exitedAt, present } of this.history.membersOf(uuid))
      found.push([id, exitCause, exitedAt && exitedAt.getTime() - START, present]);
    return found;
  }

  /** What was written has reached the disk; nothing more is done in this life. */
  async kill(): Promise<void> {
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    this.history.close();
  }
}

let disk: DiskDouble;
beforeEach(() => {
  disk = new DiskDouble();
});

test('an MPC is told of once it has ended, with who was in it, in this life and the next', async () => {
  const first = await new Life(disk, START).begin();
  const { mpc, member } = await first.join('standup');
  await first.pass(2000);
  const second = await first.join('standup');
  assert.equal(await first.history.find(mpc.uuid), undefined, 'it lives');
  first.directory.leave(mpc, member, 'kicked', true);
  await first.pass(3000);
  first.directory.leave(mpc, second.member, 'hangup', false);

  const check = async ({ history }: Life): Promise<void> => {
    const found = await history.find(mpc.uuid);
    assert.deepEqual(found, {
      uuid: mpc.uuid,
      name: 'standup',
      createdAt: new Date(START),
      startedAt: new Date(START),
      endedAt: new Date(START + 5000),
      endCause: 'no_active_participants',
      terms: undefined,
      status: 'ended',
    });
    assert.equal((await history.member(mpc.uuid, '1'))?.callUuid, member.callUuid);
    assert.equal(await history.member(mpc.uuid, '3'), undefined);
  };
  await check(first);
  assert.deepEqual(await first.members(mpc.uuid), [
    ['1', 'kicked', 2000, false],
    ['2', 'hangup', 5000, false],
  ]);
  await first.kill();
  const next = await new Life(disk, START + DAY_MS).begin();
  await check(next);
  assert.deepEqual(await next.members(mpc.uuid), [
    ['1', 'kicked', 2000, false],
    ['2', 'hangup', 5000, false],
  ]);
});

test('what lived when the process was killed ended when it was last seen', async () => {
  const first = await new Life(disk, START).begin();
  const { mpc, member } = await first.join('standup');
  await first.join('standup');
  first.directory.leave(mpc, member, 'hangup', false);
  await first.pass(25_000);
  await first.kill();

  const next = await new Life(disk, START + DAY_MS).begin();
  assert.deepEqual(
    next.cutOff.map(({ mpc: { uuid, status }, left }) => [uuid, status, left.map(({ id }) => id)]),
    [[mpc.uuid, 'ended', ['2']]],
  );
  const found = await next.history.find(mpc.uuid);
  assert.deepEqual([found?.endedAt?.getTime(), found?.endCause], [START + 20_000, 'no_active_participants']);
  assert.deepEqual(await next.members(mpc.uuid), [
    ['1', 'hangup', 0, false],
    ['2', 'shutdown', 20_000, false],
  ]);
  assert.deepEqual(await next.ended(), ['standup']);
  await next.kill();
  const third = await new Life(disk, START + 2 * DAY_MS).begin();
  assert.deepEqual((await third.history.find(mpc.uuid))?.endedAt?.getTime(), START + 20_000, 'it ended once');
});

test('what is too old is forgotten with its members, at the start and while the server runs', async () => {
  const first = await new Life(disk, START).begin();
  for (const [name, lengthMs] of [
    ['old', 1000],
    ['long', 5 * DAY_MS],
    ['young', 1000],
  ] as const) {
    const { mpc, member } = await first.join(name);
    await first.pass(lengthMs);
    first.directory.leave(mpc, member, 'hangup', false);
  }
  await first.pass(5 * DAY_MS + 3_600_000);
  await first.kill();
  assert.deepEqual(await first.ended(), ['young', 'long']);

  const next = await new Life(disk, START + 11 * DAY_MS).begin();
  assert.deepEqual(await next.ended(), ['young', 'long']);
  await next.pass(5 * DAY_MS);
  await next.kill();
  assert.deepEqual(await next.ended(), []);
  assert.deepEqual(
    [...disk.rows.keys()].filter((key) => !key.startsWith('alive')),
    [],
  );
});

test('only so many are kept: the oldest go, but none that lives', async () => {
  const life = await new Life(disk, START, 3).begin();
  await life.join('lives');
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    await life.pass(1000);
    const { mpc, member } = await life.join(name);
    life.directory.leave(mpc, member, 'hangup', false);
    await life.kill();
    life.history.follow(life.directory, { subscribe: () => () => {} });
  }
  assert.deepEqual(await life.ended(), ['e', 'd', 'c']);
});
