import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BasicAuth } from '../../../server/auth.ts';

const ID = 'MA1';
const TOKEN = 'pässword:with:colons';
const RIGHT = basic(`${ID}:${TOKEN}`);

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function guard(): { auth: BasicAuth; clock: { ms: number } } {
  const clock = { ms: 5000 };
  const account = { authId: ID, authToken: TOKEN };
  return { auth: new BasicAuth({ account, failuresPerMinute: 3, nowMs: () => clock.ms }), clock };
}

test('the right credentials are taken, whatever the case of the scheme', () => {
  const { auth } = guard();
  for (const header of [RIGHT, RIGHT.replace('Basic', 'bASIC'), RIGHT.replace(' ', '   ')])
    assert.deepEqual(auth.check(header, '192.0.2.1'), { ok: true });
});

for (const header of [
  undefined,
  '',
  'Basic',
  'Basic ',
  'Basic !!!!',
  `Basic ${TOKEN}`,
  `Bearer ${RIGHT.slice(6)}`,
  RIGHT.slice(6),
  `${RIGHT}, ${RIGHT}`,
  `${RIGHT} x`,
  basic(''),
  basic(':'),
  basic(ID),
  basic(`${ID}:`),
  basic(`:${TOKEN}`),
  basic(`${TOKEN}:${ID}`),
  basic(`${ID}:${TOKEN} `),
  basic(` ${ID}:${TOKEN}`),
  basic(`${ID.toLowerCase()}:${TOKEN}`),
  basic(`${ID}:${TOKEN.toUpperCase()}`),
  basic(`${ID}:${TOKEN.slice(0, -1)}`),
  basic(`${ID}:${TOKEN}\u0000`),
  `Basic ${'A'.repeat(5000)}`,
])
  test(`the header ${JSON.stringify(header)?.slice(0, 60)} is denied`, () => {
    assert.deepEqual(guard().auth.check(header, '192.0.2.1'), { ok: false, reason: 'denied' });
  });

test('after too many wrong passwords an address waits, even with the right one; others do not', () => {
  const { auth, clock } = guard();
  for (let i = 0; i < 3; i += 1)
    assert.deepEqual(auth.check(basic('a:b'), '192.0.2.1'), { ok: false, reason: 'denied' });
  clock.ms += 20_000;
  assert.deepEqual(auth.check(RIGHT, '192.0.2.1'), { ok: false, reason: 'throttled', retryAfterSeconds: 40 });
  assert.deepEqual(auth.check(RIGHT, '::ffff:192.0.2.1'), { ok: false, reason: 'throttled', retryAfterSeconds: 40 });
  assert.deepEqual(auth.check(RIGHT, '192.0.2.2'), { ok: true });
  clock.ms += 40_000;
  assert.deepEqual(auth.check(RIGHT, '192.0.2.1'), { ok: true });
});

test('all addresses of one IPv6 network count as one', () => {
  const { auth } = guard();
  for (const host of ['1', '2', '3']) auth.check(basic('a:b'), `2001:db8:1:2::${host}`);
  assert.equal(auth.check(RIGHT, '2001:db8:1:2:ffff::9').ok, false);
  assert.equal(auth.check(RIGHT, '2001:db8:1:3::9').ok, true);
});

test('asking without credentials is no guess', () => {
  const { auth } = guard();
  for (let i = 0; i < 50; i += 1) auth.check(undefined, '192.0.2.1');
  assert.equal(auth.check(RIGHT, '192.0.2.1').ok, true);
});

test('memory stays bounded however many addresses guess', () => {
  const { auth } = guard();
  for (let i = 0; i < 3; i += 1) auth.check(basic('a:b'), '192.0.2.1');
  for (let i = 0; i < 10_001; i += 1) auth.check(basic('a:b'), `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  assert.equal(auth.check(RIGHT, '192.0.2.1').ok, true, 'the longest known address is forgotten');
});
