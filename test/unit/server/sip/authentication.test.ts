import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { authorizationFor, challengeOf, type DigestAnswer } from '../../../support/sip-digest.ts';
import { newBranch, type SipText, sdpText } from '../../../support/sip-script.ts';
import { type BenchCaller, FakeFlow, SipBench, settle } from './doubles.ts';

const AWAY = '198.51.100.1';
const URI = 'sip:demo@127.0.0.1:5060';
const ANA = { user: 'ana', password: 'correct horse' };
const USERS = { ana: ANA.password, bob: 'another one' };

type Changes = Partial<DigestAnswer>;

/** A phone far away, in front of a bench that knows ana and bob. */
function away(options: ConstructorParameters<typeof SipBench>[0] = {}) {
  const bench = new SipBench({ users: USERS, ...options });
  return { bench, phone: bench.caller({ flow: new FakeFlow({ address: AWAY }) }) };
}

/** Sends a request without credentials, then again with them. */
async function withPassword(phone: BenchCaller, method: string, changes: Changes = {}): Promise<SipText> {
  phone.send(method);
  const challenge = phone.flow.last;
  return resend(phone, method, challenge, changes);
}

async function resend(phone: BenchCaller, method: string, challenge: SipText, changes: Changes): Promise<SipText> {
  const uri = phone.script.target;
  const authorization = authorizationFor(challenge, { ...ANA, method, uri, ...changes });
  phone.send(method, {
    headers: { Authorization: authorization },
    ...(method === 'INVITE' ? { body: sdpText() } : {}),
  });
  await settle();
  return phone.flow.last;
}

suite('whoever is not trusted', () => {
  for (const method of [
    ...['INVITE', 'OPTIONS', 'BYE', 'INFO', 'UPDATE', 'REGISTER', 'MESSAGE', 'SUBSCRIBE', 'NOTIFY', 'PUBLISH'],
    ...['REFER', 'PRACK', 'FOO'],
  ])
    test(`is asked for a password with ${method}, and nothing else is done`, async () => {
      const { bench, phone } = away();
      phone.send(method, { branch: newBranch(), body: method === 'INVITE' ? sdpText() : '' });
      await settle();
      assert.deepEqual(phone.flow.statuses, [401]);
      assert.equal(bench.directory.live.length, 0);
      assert.equal(bench.endpoint.transactions, 0);
      assert.equal(bench.count('authenticated challenged'), 1);
    });

  test('is offered SHA-256 and MD5 with qop=auth, each in a line of its own', () => {
    const { phone } = away();
    phone.send('OPTIONS');
    const lines = phone.flow.last.headers('www-authenticate');
    assert.equal(lines.length, 2);
    for (const [line, algorithm] of [
      [lines[0], 'SHA-256'],
      [lines[1], 'MD5'],
    ])
      assert.match(
        line ?? '',
        new RegExp(`^Digest realm="example.com", nonce="[\\w-]{38}", algorithm=${algorithm}, qop="auth"$`),
      );
  });

  test('cannot be asked with CANCEL and ACK', () => {
    const { bench, phone } = away();
    phone.send('CANCEL', { branch: newBranch() });
    assert.deepEqual(phone.flow.statuses, [403]);
    phone.send('ACK');
    assert.deepEqual(phone.flow.statuses, [403]);
    assert.equal(bench.count('dropped untrusted'), 1);
  });

  test('may acknowledge what it was refused with', () => {
    const { bench, phone } = away();
    phone.send('INVITE', { body: sdpText() });
    const branch = phone.script.inviteBranch;
    const [, tag] = /;tag=(.+)/.exec(phone.flow.last.header('to') ?? '') ?? [];
    phone.send('ACK', { branch, headers: { To: `<${URI}>;tag=${tag}` } });
    assert.equal(bench.count('dropped untrusted') + bench.count('dropped stray'), 0);
    assert.equal(phone.flow.sent.length, 1);
  });

  test('keeps nothing of ours by being asked', () => {
    const { bench } = away();
    for (let i = 0; i < 100; i++) bench.caller({ flow: new FakeFlow({ address: AWAY }) }).send('REGISTER');
    assert.equal(bench.endpoint.transactions, 0);
    assert.equal(bench.clock.pending, 0);
  });
});

suite('a password', () => {
  for (const algorithm of ['MD5', 'SHA-256'] as const)
    test(`that is right lets a call in, with ${algorithm}`, async () => {
      const { bench, phone } = away();
      const answer = await withPassword(phone, 'INVITE', { algorithm });
      assert.equal(answer.status, 200);
      assert.equal(bench.directory.memberCount, 1);
      assert.equal(bench.count('authenticated accepted'), 1);
    });

  test('makes the address-of-record the address of the member, whatever From says', async () => {
    const { bench, phone } = away();
    await withPassword(phone, 'INVITE');
    assert.equal(bench.directory.live[0]?.members[0]?.address, 'sip:ana@example.com');
  });

  const refused: readonly (readonly [string, Changes])[] = [
    ['is wrong', { password: 'incorrect horse' }],
    ['is of somebody else', { user: 'bob' }],
    ['belongs to nobody', { user: 'mallory' }],
    ['has a name with the realm behind it', { user: 'ana@example.com' }],
    ['was computed for another method', { method: 'BYE' }],
    ['was computed for another URI', { uri: 'sip:other@127.0.0.1:5060' }],
    ['is for another URI in name only', { changes: { uri: '"sip:other@127.0.0.1:5060"' } }],
    ['is for another realm', { changes: { realm: '"example.org"' } }],
    ['is for no realm', { changes: { realm: null } }],
    ['came without qop', { changes: { qop: null } }],
    ['came with another qop', { changes: { qop: 'auth-int' } }],
    ['came with a counter that was not hashed', { changes: { nc: '00000002' } }],
    ['came with a nonce that was not hashed', { changes: { nonce: '"abc"' } }],
    ['came with an algorithm that was not offered', { changes: { algorithm: 'SHA-512-256' } }],
    ['came with a session algorithm', { changes: { algorithm: 'MD5-sess' } }],
    ['came with the digest of one algorithm and the name of another', { changes: { algorithm: 'SHA-256' } }],
    ['came with an empty name', { changes: { username: '""' } }],
    ['came as a prototype', { user: '__proto__' }],
  ];
  for (const [what, changes] of refused)
    test(`that ${what} gets 401 and no hint`, async () => {
      const { bench, phone } = away();
      const answer = await withPassword(phone, 'INVITE', changes);
      assert.equal(answer.status, 401);
      assert.ok(!answer.header('www-authenticate')?.includes('stale'), 'no word of a right password');
      assert.equal(bench.directory.memberCount, 0);
      assert.equal(bench.count('authenticated accepted'), 0);
    });

  test('of another header line is found beside ones for other hops', async () => {
    const { phone } = away();
    phone.send('OPTIONS');
    const right = authorizationFor(phone.flow.last, { ...ANA, method: 'OPTIONS', uri: URI });
    const other = right.replace('example.com', 'proxy.example');
    phone.send('OPTIONS', { headers: { Authorization: `${other}\r\nAuthorization: ${right}` } });
    assert.equal(phone.flow.last.status, 200);
  });

  test('is taken when the URI was written a little differently', async () => {
    const { phone } = away();
    phone.send('OPTIONS');
    const uri = 'SIP:demo@127.0.0.1:5060;transport=udp';
    const authorization = authorizationFor(phone.flow.last, { ...ANA, method: 'OPTIONS', uri });
    phone.send('OPTIONS', { headers: { Authorization: authorization } });
    assert.equal(phone.flow.last.status, 200);
  });

  test('with MD5 is refused when only SHA-256 is offered', async () => {
    const { phone } = away({ algorithms: ['SHA-256'] });
    phone.send('OPTIONS');
    assert.equal(phone.flow.last.headers('www-authenticate').length, 1);
    const right = authorizationFor(phone.flow.last, { ...ANA, method: 'OPTIONS', uri: URI, algorithm: 'SHA-256' });
    phone.send('OPTIONS', { headers: { Authorization: right.replace('SHA-256', 'MD5') } });
    assert.equal(phone.flow.last.status, 401);
    phone.send('OPTIONS', { headers: { Authorization: right } });
    assert.equal(phone.flow.last.status, 200);
  });
});

suite('a nonce in an answer', () => {
  const isStale = (answer: SipText) => {
    assert.equal(answer.status, 401);
    return challengeOf(answer).get('stale') === 'true';
  };

  test('works again with a higher count, and not with the same', async () => {
    const { bench, phone } = away();
    phone.send('OPTIONS');
    const challenge = phone.flow.last;
    assert.equal((await resend(phone, 'OPTIONS', challenge, { nc: 1 })).status, 200);
    assert.equal((await resend(phone, 'OPTIONS', challenge, { nc: 2 })).status, 200);
    assert.ok(isStale(await resend(phone, 'OPTIONS', challenge, { nc: 2 })), 'a replay is told to ask anew');
    assert.equal(bench.count('authenticated stale'), 1);
  });

  test('does not serve a replay of the very same message', async () => {
    const { bench, phone } = away();
    phone.send('INVITE', { body: sdpText() });
    const authorization = authorizationFor(phone.flow.last, { ...ANA, method: 'INVITE', uri: URI });
    const text = phone.script.request('INVITE', { headers: { Authorization: authorization }, body: sdpText() });
    bench.receive(phone.flow, text);
    await settle();
    assert.equal(phone.flow.last.status, 200);
    const replayed = text.replaceAll(phone.script.inviteBranch, newBranch()).replaceAll(phone.script.callId, 'other');
    const thief = new FakeFlow({ address: AWAY, port: 6666 });
    bench.receive(thief, replayed);
    await settle();
    assert.equal(thief.last.status, 401);
    assert.equal(bench.directory.memberCount, 1);
  });

  test('is stale after a minute, for somebody else, and from an earlier process', async () => {
    const { bench, phone } = away();
    phone.send('OPTIONS');
    const challenge = phone.flow.last;
    const elsewhere = bench.caller({ flow: new FakeFlow({ address: '198.51.100.2' }) });
    assert.ok(isStale(await resend(elsewhere, 'OPTIONS', challenge, {})), 'from another source');
    const restarted = away();
    assert.ok(isStale(await resend(restarted.phone, 'OPTIONS', challenge, {})), 'from another process');
    bench.clock.advance(60_000);
    assert.ok(isStale(await resend(phone, 'OPTIONS', challenge, {})), 'after a minute');
    assert.equal((await resend(phone, 'OPTIONS', phone.flow.last, {})).status, 200);
  });
});

suite('guessing', () => {
  test('is slowed down for its source alone, and right passwords with it', async () => {
    const { bench, phone } = away({ failuresPerMinute: 3 });
    for (let i = 0; i < 3; i++) assert.equal((await withPassword(phone, 'REGISTER', { password: `${i}` })).status, 401);
    const answer = await withPassword(phone, 'REGISTER');
    assert.deepEqual([answer.status, answer.header('retry-after')], [503, '60']);
    assert.equal(bench.count('authenticated wrong'), 3);
    assert.equal(bench.count('authenticated throttled'), 2);
    const elsewhere = bench.caller({ flow: new FakeFlow({ address: '198.51.100.2' }) });
    assert.equal((await withPassword(elsewhere, 'OPTIONS')).status, 200);
    bench.clock.advance(60_000);
    assert.equal((await withPassword(phone, 'OPTIONS')).status, 200);
  });

  test('leaves the calls of its source alone', async () => {
    const { bench, phone } = away({ failuresPerMinute: 1 });
    phone.script.learn(await withPassword(phone, 'INVITE'));
    phone.send('ACK');
    const guesser = bench.caller({ flow: new FakeFlow({ address: AWAY, port: 7777 }) });
    await withPassword(guesser, 'OPTIONS', { password: 'no' });
    phone.send('BYE');
    assert.equal(phone.flow.last.status, 200);
    assert.equal(bench.directory.memberCount, 0);
  });

  test('counts neither questions nor stale nonces', async () => {
    const { phone } = away({ failuresPerMinute: 1 });
    for (let i = 0; i < 5; i++) phone.send('OPTIONS');
    const challenge = phone.flow.last;
    for (let i = 0; i < 3; i++) await resend(phone, 'OPTIONS', challenge, {});
    assert.equal((await withPassword(phone, 'OPTIONS')).status, 200);
  });
});

suite('the call of a user', () => {
  async function call() {
    const { bench, phone } = away();
    phone.script.learn(await withPassword(phone, 'INVITE'));
    phone.send('ACK');
    return { bench, phone };
  }

  test('goes on without passwords from where it came from', async () => {
    const { bench, phone } = await call();
    assert.equal(bench.engine.leg.changes.at(-1)?.started, true);
    phone.send('INFO');
    assert.equal(phone.flow.last.status, 200);
    phone.send('BYE');
    assert.equal(phone.flow.last.status, 200);
    assert.equal(bench.directory.memberCount, 0);
  });

  test('follows its user to another address with the password, and nobody else', async () => {
    const { bench, phone } = await call();
    const moved = new FakeFlow({ address: '203.0.113.9' });
    const send = async (changes: Changes): Promise<SipText> => {
      bench.receive(moved, phone.script.request('INFO'));
      const uri = phone.script.target;
      const authorization = authorizationFor(moved.last, { ...ANA, method: 'INFO', uri, ...changes });
      bench.receive(moved, phone.script.request('INFO', { headers: { Authorization: authorization } }));
      return moved.last;
    };
    assert.equal((await send({ user: 'bob', password: USERS.bob })).status, 403);
    assert.equal((await send({ password: 'no' })).status, 401);
    assert.equal((await send({})).status, 200);
  });

  test('takes an ACK from nowhere else', async () => {
    const { bench, phone } = away();
    phone.script.learn(await withPassword(phone, 'INVITE'));
    bench.receive(new FakeFlow({ address: '203.0.113.9' }), phone.script.request('ACK'));
    assert.equal(bench.count('dropped untrusted'), 1);
    assert.deepEqual(bench.engine.leg.changes, []);
  });

  test('can be cancelled from where it came from only', async () => {
    const { bench, phone } = away();
    bench.engine.slow = true;
    await withPassword(phone, 'INVITE');
    const cancel = phone.script.request('CANCEL');
    const stranger = new FakeFlow({ address: '203.0.113.9' });
    bench.receive(stranger, cancel);
    assert.deepEqual(stranger.statuses, [403]);
    phone.flow.take();
    bench.receive(phone.flow, cancel);
    assert.deepEqual(phone.flow.statuses.toSorted(), [200, 487]);
  });
});
