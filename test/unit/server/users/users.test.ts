import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ha1Of } from '../../../../server/sip/digest.ts';
import { type User, Users, userRowSchema } from '../../../../server/users/index.ts';

const ANA = { username: 'ana', password: 'correct horse', alias: 'desk', appId: null };

function make(options: { kept?: readonly User[]; realm?: string; max?: number } = {}) {
  const rows = new Map<string, User>();
  let seconds = 0;
  let digits = 0;
  const users = new Users({
    kept: options.kept ?? [],
    shelf: { put: (id, user) => rows.set(id, user), delete: (id) => rows.delete(id) },
    realm: options.realm ?? 'example.com',
    max: options.max ?? 100,
    now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds++)),
    randomDigits: (count) => String(digits++).padStart(count, '0'),
  });
  return { users, rows };
}

test('a password is kept as its hashes in our realm alone', () => {
  const { users, rows } = make();
  const ana = users.create(ANA);
  const row = rows.get(ana?.id ?? '');
  assert.ok(!JSON.stringify(row).includes('correct horse'), 'not as it is');
  assert.deepEqual(userRowSchema.parse(JSON.parse(JSON.stringify(row))), row);
  assert.deepEqual(users.ha1('ana'), ha1Of('ana', 'example.com', 'correct horse'));
  assert.equal(users.ha1('bob'), undefined);
});

test('a name that is taken gets twelve digits, as often as it is asked for', () => {
  const { users } = make();
  const names = [1, 2, 3].map(() => users.create(ANA)?.username ?? '');
  assert.equal(names[0], 'ana');
  assert.match(names[1] ?? '', /^ana\d{12}$/);
  assert.equal(new Set(names).size, 3);
  assert.equal(new Set(users.all.map(({ id }) => id)).size, 3);
});

test('users survive a restart in their order, and log in if the realm is the same', () => {
  const first = make();
  for (const username of ['ana', 'bob', 'carl']) first.users.create({ ...ANA, username });
  const kept = [...first.rows.values()].reverse();
  const same = make({ kept }).users;
  assert.deepEqual(
    same.all.map(({ username }) => username),
    ['ana', 'bob', 'carl'],
  );
  assert.deepEqual(same.ha1('bob'), first.users.ha1('bob'));
  assert.equal(same.strandedCount, 0);
  const other = make({ kept, realm: 'example.org' }).users;
  assert.equal(other.ha1('bob'), undefined);
  assert.equal(other.strandedCount, 3);
});

test('a new password is bound to the realm of now', () => {
  const first = make();
  first.users.create(ANA);
  const { users, rows } = make({ kept: [...first.rows.values()], realm: 'example.org' });
  const [ana] = users.all;
  assert.ok(ana, 'she is there');
  users.change(ana, { password: 'another one' });
  assert.deepEqual(users.ha1('ana'), ha1Of('ana', 'example.org', 'another one'));
  assert.equal(users.strandedCount, 0);
  assert.deepEqual(rows.get(ana.id), users.find(ana.id));
});

test('an alias changes alone, and a user goes with everything', () => {
  const { users, rows } = make();
  const ana = users.create(ANA);
  assert.ok(ana, 'she is made');
  const changed = users.change(ana, { alias: 'hall', appId: '77' });
  assert.deepEqual(changed, { ...ana, alias: 'hall', appId: '77' });
  users.delete(changed);
  assert.deepEqual([users.all.length, rows.size, users.has('ana'), users.find(ana.id)], [0, 0, false, undefined]);
  assert.equal(users.create(ANA)?.username, 'ana');
});

test('there are not more users than may be', () => {
  const { users } = make({ max: 2 });
  assert.deepEqual(
    [1, 2, 3].map(() => users.create(ANA) !== undefined),
    [true, true, false],
  );
});
