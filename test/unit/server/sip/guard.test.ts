import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { newBranch, sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, SipBench, settle } from './doubles.ts';

suite('the guard', () => {
  const METHODS = [
    'INVITE',
    'OPTIONS',
    'BYE',
    'CANCEL',
    'INFO',
    'UPDATE',
    'REGISTER',
    'MESSAGE',
    'SUBSCRIBE',
    'NOTIFY',
    'PUBLISH',
    'REFER',
    'PRACK',
    'FOO',
  ];
  for (const method of METHODS) {
    test(`refuses ${method} from an address that is not trusted`, async () => {
      const bench = new SipBench();
      const phone = bench.caller({ flow: new FakeFlow({ address: '198.51.100.1' }) });
      phone.send(method, { branch: newBranch(), body: method === 'INVITE' ? sdpText() : '' });
      await settle();
      assert.deepEqual(phone.flow.statuses, [403]);
      assert.equal(bench.directory.live.length, 0);
      assert.equal(bench.endpoint.transactions, 0);
    });
  }

  test('keeps strangers out of a call that stands, even if they know its tags', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    const stranger = new FakeFlow({ address: '198.51.100.1' });
    bench.receive(stranger, phone.script.request('BYE'));
    assert.deepEqual(stranger.statuses, [403]);
    assert.equal(bench.directory.memberCount, 1);
  });

  test('gives strangers no answer to what is broken, or to an ACK', () => {
    const bench = new SipBench();
    const phone = bench.caller({ flow: new FakeFlow({ address: '198.51.100.1' }) });
    phone.send('OPTIONS', { headers: { CSeq: 'x' } });
    phone.send('ACK');
    assert.deepEqual(phone.flow.sent, []);
    assert.equal(bench.count('dropped untrusted'), 2);
  });
});

suite('a source over its rate', () => {
  test('gets 503 with Retry-After for what is new, and its calls go on', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    const info = phone.script.request('INFO');
    bench.receive(phone.flow, info, 'shed');
    assert.equal(phone.flow.last.status, 200);
    const other = bench.caller();
    for (const method of ['INVITE', 'OPTIONS']) {
      bench.receive(other.flow, other.script.request(method), 'shed');
      assert.deepEqual([other.flow.last.status, other.flow.last.header('retry-after')], [503, '1']);
    }
  });

  test('more open transactions than allowed get 503', async () => {
    const bench = new SipBench({ limits: { transactions: 1 } });
    await bench.caller().establish();
    assert.equal((await bench.caller().invite()).status, 503);
  });
});
