import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { authorizationFor } from '../../../support/sip-digest.ts';
import type { SipText } from '../../../support/sip-script.ts';
import { type BenchCaller, FakeFlow, SipBench } from './doubles.ts';

const USERS = { ana: 'correct horse', bob: 'another one' };
const URI = 'sip:example.com';
const AWAY = '198.51.100.1';

type Headers = Readonly<Record<string, string | null>>;

function bench(options: ConstructorParameters<typeof SipBench>[0] = {}): SipBench {
  return new SipBench({ users: USERS, ...options });
}

function phoneOf(on: SipBench, flow = new FakeFlow({ address: AWAY })): BenchCaller {
  return on.caller({ flow, uri: URI, local: '10.0.0.5:5070', transport: flow.transport });
}

/** Registers with the password; `headers` on top of a plain REGISTER for ana. */
function register(phone: BenchCaller, headers: Headers = {}, user: keyof typeof USERS = 'ana'): SipText {
  const all = { To: `<sip:${user}@example.com>`, Expires: '600', 'User-Agent': 'Desk phone', ...headers };
  phone.send('REGISTER', { headers: all });
  const authorization = authorizationFor(phone.flow.last, {
    user,
    password: USERS[user],
    method: 'REGISTER',
    uri: URI,
  });
  phone.send('REGISTER', { headers: { ...all, Authorization: authorization } });
  return phone.flow.last;
}

const contact = (n: number) => ({ Contact: `<sip:ana@10.0.0.${n}:5070>` });
const urisOf = (on: SipBench, user = 'ana') => on.contacts.of(user).map(({ uri }) => uri);

suite('a phone that registers', () => {
  test('is found by its user, and called where it came from', () => {
    const on = bench();
    const phone = phoneOf(on);
    const answer = register(phone);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers('contact'), ['<sip:caller@10.0.0.5:5070>;expires=600']);
    const [found, ...more] = on.contacts.of('ana');
    assert.equal(more.length, 0);
    assert.equal(found?.uri, 'sip:caller@10.0.0.5:5070');
    assert.equal(found?.flow, phone.flow, 'not to the address in the Contact');
    assert.equal(found?.userAgent, 'Desk phone');
    assert.deepEqual(found?.expiresAt, new Date(on.date.getTime() + 600_000));
    assert.deepEqual(urisOf(on, 'bob'), []);
    assert.equal(on.count('registration registered'), 1);
  });

  test('is gone when its time is up, unless it comes again', () => {
    const on = bench();
    const phone = phoneOf(on);
    register(phone);
    on.clock.advance(599_000);
    register(phone);
    on.clock.advance(599_000);
    assert.equal(on.contacts.size, 1);
    on.clock.advance(1000);
    assert.equal(on.contacts.size, 0);
    assert.equal(on.clock.pending, 0, 'nothing is left of it');
  });

  test('may ask who is registered', () => {
    const on = bench();
    register(phoneOf(on), contact(1));
    on.clock.advance(100_000);
    const answer = register(phoneOf(on), { Contact: null });
    assert.deepEqual(answer.headers('contact'), ['<sip:ana@10.0.0.1:5070>;expires=500']);
    assert.equal(on.count('registration asked'), 1);
  });

  test('stands beside the others of its user, the last one first', () => {
    const on = bench();
    for (const n of [1, 2, 3]) register(phoneOf(on), contact(n));
    assert.deepEqual(urisOf(on), ['sip:ana@10.0.0.3:5070', 'sip:ana@10.0.0.2:5070', 'sip:ana@10.0.0.1:5070']);
  });

  test('gives way to newer ones when there are too many', () => {
    const on = bench({ limits: { contactsPerUser: 2 } });
    for (const n of [1, 2, 3]) register(phoneOf(on), contact(n));
    assert.deepEqual(urisOf(on), ['sip:ana@10.0.0.3:5070', 'sip:ana@10.0.0.2:5070']);
    assert.equal(on.count('contact displaced'), 1);
  });

  test('may give several contacts, each with a time of its own', () => {
    const on = bench();
    const answer = register(phoneOf(on), {
      Contact: '<sip:ana@10.0.0.1>;expires=60, <sip:ana@10.0.0.2>;expires=99999, <sip:ana@10.0.0.3>;expires=soon',
    });
    assert.deepEqual(
      answer.headers('contact').map((text) => text.split('expires=')[1]),
      ['600', '3600', '60'],
    );
  });

  test('signs off with expires=0 and with an asterisk', () => {
    const on = bench();
    for (const n of [1, 2, 3]) register(phoneOf(on), contact(n));
    register(phoneOf(on), { ...contact(2), Expires: '0' });
    assert.deepEqual(urisOf(on), ['sip:ana@10.0.0.3:5070', 'sip:ana@10.0.0.1:5070']);
    const answer = register(phoneOf(on), { Contact: '*', Expires: '0' });
    assert.deepEqual([answer.status, answer.header('contact')], [200, undefined]);
    assert.equal(on.contacts.size, 0);
    assert.equal(on.count('registration removed'), 2);
  });

  test('is the same one when the case of its host differs', () => {
    const on = bench();
    register(phoneOf(on), { Contact: '<sip:ana@Phone.Example:5070>' });
    register(phoneOf(on), { Contact: '<SIP:ana@phone.example:5070;ob>' });
    assert.equal(on.contacts.size, 1);
  });

  test('by TCP is held open, and gone with its connection', () => {
    const on = bench();
    const flow = new FakeFlow({ transport: 'TCP', address: AWAY });
    register(phoneOf(on, flow));
    assert.equal(flow.holders, 1);
    assert.ok(!on.kept.has('ana'), 'a connection does not outlive the server');
    flow.close();
    assert.equal(on.contacts.size, 0);
    assert.equal(flow.holders, 0);
  });

  test('is answered the same again when its request comes twice', () => {
    const on = bench();
    const phone = phoneOf(on);
    register(phone);
    const text = phone.script.request('REGISTER', { headers: { To: '<sip:ana@example.com>' } });
    on.receive(phone.flow, text);
    const challenge = phone.flow.last;
    const authorization = authorizationFor(challenge, {
      user: 'ana',
      password: USERS.ana,
      method: 'REGISTER',
      uri: URI,
    });
    const again = phone.script.request('REGISTER', {
      headers: { To: '<sip:ana@example.com>', Authorization: authorization },
    });
    on.receive(phone.flow, again);
    on.receive(phone.flow, again);
    assert.deepEqual(phone.flow.statuses.slice(-2), [200, 200]);
    assert.equal(on.count('registration registered'), 2);
  });

  test('may send OPTIONS as a sign of life without a password, from its own port', () => {
    const on = bench();
    const phone = phoneOf(on);
    register(phone);
    phone.send('OPTIONS');
    assert.equal(phone.flow.last.status, 200);
    const other = phoneOf(on, new FakeFlow({ address: AWAY, port: 6001 }));
    other.send('OPTIONS');
    assert.equal(other.flow.last.status, 401);
    phone.send('MESSAGE');
    assert.equal(phone.flow.last.status, 401);
    on.contacts.clear('ana');
    phone.send('OPTIONS');
    assert.equal(phone.flow.last.status, 401);
  });

  test('behind proxies is called through them', () => {
    const on = bench();
    const path = '<sip:edge.example.com;lr>, <sip:inner.example.com;lr>';
    const answer = register(phoneOf(on), { Path: path, Supported: 'path, outbound', Require: 'path' });
    assert.equal(answer.header('path'), path);
    assert.deepEqual(
      on.contacts.of('ana')[0]?.routes.map(({ uri }) => uri),
      ['sip:edge.example.com;lr', 'sip:inner.example.com;lr'],
    );
  });

  test('from a trusted address needs no password, but a user', () => {
    const on = bench();
    const phone = phoneOf(on, new FakeFlow());
    phone.send('REGISTER', { headers: { To: '<sip:bob@example.com>' } });
    assert.equal(phone.flow.last.status, 200);
    assert.equal(urisOf(on, 'bob').length, 1);
    phone.send('REGISTER', { headers: { To: '<sip:carl@example.com>' } });
    assert.equal(phone.flow.last.status, 404);
  });
});

suite('a REGISTER is refused', () => {
  for (const [what, headers, status] of [
    ['for somebody else', { To: '<sip:bob@example.com>' }, 403],
    ['for nobody', { To: '<sip:example.com>' }, 400],
    ['with an asterisk and a time', { Contact: '*', Expires: '60' }, 400],
    ['with an asterisk and no time', { Contact: '*', Expires: null }, 400],
    ['with an asterisk among others', { Contact: '*, <sip:a@b>', Expires: '0' }, 400],
    ['with a contact that is no SIP address', { Contact: '<tel:+4930123>' }, 400],
    ['with a contact for TLS that did not come by it', { Contact: '<sips:ana@10.0.0.1>' }, 400],
    ['with a contact that is too long', { Contact: `<sip:${'a'.repeat(300)}@10.0.0.1>` }, 400],
    ['with a Path that cannot be read', { Path: '<sip:edge' }, 400],
    ['with an extension that we lack', { Require: 'gruu' }, 420],
    ['within a call', { To: '<sip:ana@example.com>;tag=x' }, 481],
  ] as const)
    test(`${what}, and nothing changes`, () => {
      const on = bench();
      register(phoneOf(on), contact(1));
      assert.equal(register(phoneOf(on), headers).status, status);
      assert.deepEqual(urisOf(on), ['sip:ana@10.0.0.1:5070']);
    });

  test('for less than a minute, and it is told so', () => {
    const on = bench();
    for (const headers of [{ Expires: '59' }, { Contact: '<sip:a@b>;expires=1' }]) {
      const answer = register(phoneOf(on), headers);
      assert.deepEqual([answer.status, answer.header('min-expires')], [423, '60']);
    }
    assert.equal(on.contacts.size, 0);
    assert.equal(on.count('registration refused'), 2);
  });

  test('when it is older than the last of its phone', () => {
    const on = bench();
    const phone = phoneOf(on);
    register(phone);
    // The first one's transactions are over.
    on.clock.advance(40_000);
    phone.script.cseq -= 2;
    const answer = register(phone, { Expires: '0' });
    assert.equal(answer.startLine, 'SIP/2.0 500 Out Of Order');
    assert.equal(on.contacts.size, 1);
  });
});

suite('after a restart', () => {
  test('phones by UDP are where they were, for as long as they had left', () => {
    const before = bench();
    register(phoneOf(before), { ...contact(1), Path: '<sip:edge.example.com;lr>' });
    register(phoneOf(before, new FakeFlow({ transport: 'TCP', address: AWAY, port: 7 })), contact(2));
    const kept = before.kept.get('ana') ?? [];
    before.contacts.close();
    assert.equal(before.clock.pending > 0 && before.contacts.size, 0);

    const after = bench();
    after.clock.advance(500_000);
    const flows: FakeFlow[] = [];
    after.contacts.restore('ana', JSON.parse(JSON.stringify(kept)), (address, port) => {
      const flow = new FakeFlow({ address, port });
      flows.push(flow);
      return flow;
    });
    const [found, ...more] = after.contacts.of('ana');
    assert.equal(more.length, 0);
    assert.deepEqual([found?.uri, found?.flow], ['sip:ana@10.0.0.1:5070', flows[0]]);
    assert.deepEqual([flows[0]?.address, flows[0]?.port], [AWAY, 5999]);
    assert.equal(found?.routes[0]?.uri, 'sip:edge.example.com;lr');
    after.clock.advance(99_999);
    assert.equal(after.contacts.size, 1);
    after.clock.advance(1);
    assert.equal(after.contacts.size, 0);
    assert.ok(!after.kept.has('ana'), 'nor is it kept');
  });
});
