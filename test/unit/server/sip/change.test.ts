import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type SipText, sdpText } from '../../../support/sip-script.ts';
import { SipBench } from './doubles.ts';

suite('a late offer', () => {
  test('is made in the 200, and its answer comes with the ACK', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    const answer = await phone.invite({});
    assert.match(answer.body, /^m=audio 20002 RTP\/AVP 0 8 101\r$/m);
    assert.equal(bench.engine.leg.options.direction, 'inactive');
    phone.send('ACK', { body: sdpText({ port: 42_000, payloads: '8' }) });
    assert.deepEqual(bench.engine.leg.changes, [
      {
        started: true,
        codec: { name: 'PCMA', payloadType: 8, clockRate: 8000, channels: 1 },
        direction: 'sendrecv',
        remote: { address: '127.0.0.1', port: 42_000 },
      },
    ]);
  });

  for (const [what, changes] of [
    ['has no answer', {}],
    ['is refused', { body: sdpText({ port: 0 }) }],
    ['is answered with multicast', { body: sdpText({ address: '224.0.0.1' }) }],
    ['is answered with garbage', { body: 'v=1' }],
  ] as const) {
    test(`that ${what} ends the call`, async () => {
      const bench = new SipBench();
      const phone = bench.caller();
      await phone.invite({});
      phone.send('ACK', changes);
      assert.equal(phone.flow.last.method, 'BYE');
      assert.equal(bench.directory.memberCount, 0);
    });
  }
});

suite('a change within the call', () => {
  for (const method of ['INVITE', 'UPDATE']) {
    test(`by ${method} holds and resumes by direction`, async () => {
      const bench = new SipBench();
      const phone = bench.caller();
      await phone.establish();
      const held = await change(phone, method, { body: sdpText({ direction: 'sendonly' }) });
      assert.match(held.body, /^a=recvonly\r$/m);
      assert.equal(bench.engine.leg.changes.find(({ direction }) => direction)?.direction, 'recvonly');
      const resumed = await change(phone, method, { body: sdpText({ direction: 'sendrecv' }) });
      assert.match(resumed.body, /^a=sendrecv\r$/m);
      assert.equal(bench.engine.leg.changes.filter(({ direction }) => direction).at(-1)?.direction, 'sendrecv');
      assert.match(resumed.body, /^o=- 7 3 /m, 'each description of ours has a new version');
    });

    test(`by ${method} moves the media to another address and codec`, async () => {
      const bench = new SipBench();
      const phone = bench.caller();
      await phone.establish();
      await change(phone, method, { body: sdpText({ port: 45_678, payloads: '8' }) });
      const moved = bench.engine.leg.changes.find(({ remote }) => remote);
      assert.deepEqual(moved?.remote, { address: '127.0.0.1', port: 45_678 });
      assert.equal(moved?.codec?.name, 'PCMA');
    });

    test(`by ${method} that cannot be agreed on leaves the call as it was`, async () => {
      const bench = new SipBench();
      const phone = bench.caller();
      await phone.establish();
      const before = bench.engine.leg.changes.length;
      const refusal = await change(phone, method, { body: sdpText({ payloads: '18' }) });
      assert.equal(refusal.status, 488);
      assert.match(refusal.header('warning') ?? '', /^399 127\.0\.0\.1 "Not Acceptable Here: no common codec"$/);
      assert.equal(bench.engine.leg.changes.length, before);
      assert.equal(bench.directory.memberCount, 1);
    });
  }

  test('by c=0.0.0.0, the old hold, stops our sending and keeps the address', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    const held = await change(phone, 'INVITE', { body: sdpText({ address: '0.0.0.0' }) });
    assert.match(held.body, /^a=recvonly\r$/m);
    const held_ = bench.engine.leg.changes.find(({ direction }) => direction);
    assert.equal(held_?.direction, 'recvonly');
    assert.equal(held_?.remote, undefined);
  });

  test('that switches the stream off with port 0 is silence, answered with port 0', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    const off = await change(phone, 'INVITE', { body: sdpText({ port: 0 }) });
    assert.match(off.body, /^m=audio 0 RTP\/AVP 0\r$/m);
    assert.equal(bench.engine.leg.changes.at(-2)?.direction, 'inactive');
  });

  test('without an offer gets ours, and its answer counts when the ACK brings it', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    phone.flow.take();
    phone.send('INVITE');
    assert.match(phone.flow.last.body, /^m=audio 20002 RTP\/AVP 0 8 101\r$/m);
    const other = phone.script.request('UPDATE', { body: sdpText() });
    bench.receive(phone.flow, other);
    assert.equal(phone.flow.last.status, 491, 'one exchange at a time');
    phone.script.cseq -= 1;
    phone.send('ACK', { body: sdpText({ port: 47_000 }) });
    assert.deepEqual(bench.engine.leg.changes.at(-1)?.remote, { address: '127.0.0.1', port: 47_000 });
  });

  test('gets 491 while the last one waits for its ACK', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    phone.send('INVITE', { body: sdpText() });
    assert.equal(phone.flow.last.status, 491);
  });

  test('moves the target of our requests', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    await change(phone, 'UPDATE', { headers: { Contact: '<sip:other@127.0.0.1:7000>' } });
    bench.directory.hangUpAll();
    assert.equal(phone.flow.last.startLine, 'BYE sip:other@127.0.0.1:7000 SIP/2.0');
  });

  test('with an old sequence number is refused with 500', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    phone.send('INFO', { cseq: 1 });
    assert.equal(phone.flow.last.status, 500);
    phone.send('INFO');
    assert.equal(phone.flow.last.status, 200);
  });

  test('that is not acknowledged ends the call', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    phone.send('INVITE', { body: sdpText() });
    bench.clock.advance(32_000);
    assert.equal(phone.flow.last.method, 'BYE');
    assert.equal(bench.directory.memberCount, 0);
  });
});

suite('within a call', () => {
  test('INFO and OPTIONS are answered, and methods we do not have get 405 with Allow', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    phone.send('INFO', { body: 'Signal=5', headers: { 'Content-Type': 'application/dtmf-relay' } });
    assert.equal(phone.flow.last.status, 200);
    phone.send('OPTIONS');
    assert.equal(phone.flow.last.header('accept'), 'application/sdp');
    phone.send('REFER', { headers: { 'Refer-To': '<sip:x@y>' } });
    assert.equal(phone.flow.last.status, 405);
    assert.match(phone.flow.last.header('allow') ?? '', /^INVITE, ACK, CANCEL, BYE, OPTIONS/);
  });

  test('a required session timer is granted, and ends a call that is not refreshed', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    const headers = { Require: 'timer', 'Session-Expires': '120;refresher=uac' };
    const answer = await phone.establish({ body: sdpText(), headers });
    assert.equal(answer.header('session-expires'), '120;refresher=uac');
    assert.equal(answer.header('require'), 'timer');
    bench.clock.advance(80_000);
    await change(phone, 'UPDATE', { headers });
    bench.clock.advance(87_000);
    assert.equal(bench.directory.memberCount, 1, 'the refresh counted');
    bench.clock.advance(2000);
    assert.equal(phone.flow.last.method, 'BYE');
  });

  test('a session timer that is only offered is ignored; one under 90 s gets 422', async () => {
    const bench = new SipBench();
    const offered = await bench.caller().invite({
      body: sdpText(),
      headers: { Supported: 'timer', 'Session-Expires': '30' },
    });
    assert.equal(offered.status, 200);
    assert.equal(offered.header('session-expires'), undefined);
    const short = await bench.caller().invite({ headers: { Require: 'timer', 'Session-Expires': '30' } });
    assert.equal(short.status, 422);
    assert.equal(short.header('min-se'), '90');
  });
});

/** A re-INVITE with its ACK, or an UPDATE; gives the answer. */
async function change(
  phone: Awaited<ReturnType<SipBench['caller']>>,
  method: string,
  changes: Parameters<typeof phone.send>[1],
): Promise<SipText> {
  phone.send(method, changes);
  const answer = phone.flow.last;
  if (method === 'INVITE') phone.send('ACK', answer.status === 200 ? {} : { branch: phone.script.inviteBranch });
  return answer;
}
