import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, SipBench, settle } from './doubles.ts';

suite('a call', () => {
  test('is tried, rings and is answered, and the caller is a member of the MPC that the URI names', async () => {
    const bench = new SipBench();
    const phone = bench.caller({ uri: 'sip:sales%20team@127.0.0.1:5060', user: 'ana' });
    const answer = await phone.invite();

    assert.deepEqual(phone.flow.statuses, [100, 180, 200]);
    const mpc = bench.directory.find({ by: 'name', name: 'sales team' });
    const [member] = mpc?.presentMembers ?? [];
    assert.equal(member?.kind, 'sip');
    assert.equal(member?.role, 'customer');
    assert.equal(member?.address, 'sip:ana@127.0.0.1:5999');
    assert.match(answer.body, /^m=audio 20002 RTP\/AVP 0 101\r$/m);
    assert.equal(answer.header('contact'), '<sip:127.0.0.1:5060>');
    assert.equal(answer.header('content-length'), String(answer.body.length));
  });

  test('keeps one To tag from ringing to answer', async () => {
    const phone = new SipBench().caller();
    await phone.invite();
    const [, ringing, answer] = phone.flow.sent;
    assert.match(ringing?.header('to') ?? '', /;tag=token1$/);
    assert.equal(answer?.header('to'), ringing?.header('to'));
  });

  test('starts its leg when the ACK comes, and not before', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    assert.deepEqual(bench.engine.leg.changes, []);
    phone.send('ACK');
    assert.deepEqual(bench.engine.leg.changes, [{ started: true }]);
  });

  test('trusts RTP from where its signalling comes from as well as from its SDP', async () => {
    const bench = new SipBench({ trusted: ['0.0.0.0/0'], publicAddress: '192.0.2.1' });
    const phone = bench.caller({ flow: new FakeFlow({ address: '198.51.100.7' }) });
    await phone.invite({ body: sdpText({ address: '203.0.113.9', port: 41_000 }) });
    assert.deepEqual(bench.engine.leg.options.remote, { address: '203.0.113.9', port: 41_000 });
    assert.deepEqual(bench.engine.leg.options.alsoTrusted, ['198.51.100.7']);
  });

  test('repeats its 200 at 0.5, 1.5, 3.5, 7.5 s and then every 4 s until the ACK comes', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    phone.flow.take();
    const times: number[] = [];
    for (let ms = 0; ms < 16_000; ms += 100) {
      bench.clock.advance(100);
      if (phone.flow.take().length > 0) times.push(bench.clock.now());
    }
    assert.deepEqual(times, [500, 1500, 3500, 7500, 11_500, 15_500]);
    phone.send('ACK');
    bench.clock.advance(20_000);
    assert.deepEqual(phone.flow.take(), []);
  });

  test('repeats its 200 over TCP too, where only the hop is reliable', async () => {
    const bench = new SipBench();
    const phone = bench.caller({ transport: 'TCP' });
    const answer = await phone.invite();
    assert.equal(answer.header('contact'), '<sip:127.0.0.1:5060;transport=tcp>');
    phone.flow.take();
    bench.clock.advance(1500);
    assert.deepEqual(phone.flow.statuses, [200, 200]);
  });

  test('is hung up with BYE when no ACK comes for 32 s, and its member leaves', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    phone.flow.take();
    bench.clock.advance(31_900);
    assert.equal(bench.directory.memberCount, 1);
    phone.flow.take();
    bench.clock.advance(100);
    assert.equal(phone.flow.last.method, 'BYE');
    assert.equal(bench.directory.memberCount, 0);
    assert.equal(bench.engine.leg.closed, true);
  });

  test('absorbs copies of its INVITE: one member, and the last answer again', async () => {
    const bench = new SipBench();
    bench.engine.slow = true;
    const phone = bench.caller();
    const text = phone.send('INVITE', { body: sdpText() });
    bench.receive(phone.flow, text);
    bench.engine.release();
    await settle();
    assert.deepEqual(phone.flow.statuses, [100, 180, 180, 200]);
    bench.receive(phone.flow, text);
    await settle();
    assert.equal(bench.directory.memberCount, 1);
    assert.equal(bench.engine.legs.length, 1);
  });

  test('ends with the BYE of its caller, whose copies get 200 again', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    phone.flow.take();
    const bye = phone.send('BYE');
    bench.receive(phone.flow, bye);
    assert.deepEqual(phone.flow.statuses, [200, 200]);
    assert.equal(bench.directory.memberCount, 0);
    assert.equal(bench.engine.leg.closed, true);
    assert.equal(bench.count('dialogs'), 0);
    bench.clock.advance(60_000);
    assert.equal(bench.clock.pending, 0, 'no timer outlives the call');
  });

  test('ends with a BYE that comes before the ACK', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    phone.send('BYE');
    assert.equal(phone.flow.last.status, 200);
    phone.flow.take();
    bench.clock.advance(40_000);
    assert.deepEqual(phone.flow.take(), []);
    assert.equal(bench.directory.memberCount, 0);
  });

  test('is hung up from our side with BYE to its Contact, repeated until it is answered', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    phone.flow.take();
    const [mpc] = bench.directory.live;
    assert.ok(mpc);
    bench.directory.leave(mpc, mpc.presentMembers[0]!, 'kicked', true);
    const bye = phone.flow.last;
    assert.equal(bye.startLine, 'BYE sip:caller@127.0.0.1:5999 SIP/2.0');
    assert.equal(bye.header('reason'), 'Q.850;cause=16;text="kicked"');
    assert.equal(bye.header('cseq'), '1 BYE');
    assert.match(bye.header('to') ?? '', new RegExp(`;tag=${phone.script.tag}$`));
    bench.clock.advance(1500);
    assert.deepEqual(
      phone.flow.take().map(({ method }) => method),
      ['BYE', 'BYE', 'BYE'],
    );
    bench.receive(phone.flow, phone.script.respond(bye, '200 OK'));
    bench.clock.advance(60_000);
    assert.deepEqual(phone.flow.take(), []);
    assert.equal(bench.endpoint.dialogs, 0);
    assert.equal(bench.clock.pending, 0);
  });

  test('is hung up only after its ACK when we want to hang up before', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    const [mpc] = bench.directory.live;
    bench.directory.end(mpc!, 'hangup_api');
    assert.equal(phone.flow.last.status, 200, 'no BYE yet');
    phone.send('ACK');
    assert.equal(phone.flow.last.method, 'BYE');
  });

  test('takes a BYE that crosses ours', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    bench.directory.hangUpAll();
    phone.send('BYE');
    assert.equal(phone.flow.last.status, 200);
  });

  test('ends when the engine reports that no RTP comes any more', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    bench.engine.leg.report({ type: 'no-rtp', forMs: 120_000, expired: true });
    assert.equal(phone.flow.last.method, 'BYE');
    assert.equal(phone.flow.last.header('reason'), 'Q.850;cause=102;text="no_rtp"');
  });

  test('is taken back by CANCEL while it joins: 200, 487 until its ACK, nobody left behind', async () => {
    const bench = new SipBench();
    bench.engine.slow = true;
    const phone = bench.caller();
    phone.send('INVITE', { body: sdpText() });
    phone.send('CANCEL');
    assert.deepEqual(phone.flow.statuses, [100, 180, 200, 487]);
    assert.equal(phone.flow.sent[2]?.header('cseq'), '1 CANCEL');
    bench.engine.release();
    await settle();
    assert.equal(bench.directory.memberCount, 0);
    assert.equal(bench.engine.leg.closed, true);

    phone.flow.take();
    bench.clock.advance(500);
    assert.deepEqual(phone.flow.statuses, [487]);
    phone.send('ACK', { branch: phone.script.inviteBranch });
    bench.clock.advance(40_000);
    assert.deepEqual(phone.flow.statuses, [487]);
    assert.equal(bench.clock.pending, 0);
  });

  test('cannot be taken back once it is answered', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    phone.send('CANCEL');
    assert.equal(phone.flow.last.status, 200);
    assert.equal(bench.directory.memberCount, 1);
  });

  test('keeps its routes: requests of ours go through the proxies it came by', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    const answer = await phone.establish({
      body: sdpText(),
      headers: { 'Record-Route': '<sip:p2.example.com;lr>, <sip:p1.example.com;lr>' },
    });
    assert.equal(answer.header('record-route'), '<sip:p2.example.com;lr>,  <sip:p1.example.com;lr>');
    bench.directory.hangUpAll();
    assert.equal(phone.flow.last.header('route'), '<sip:p2.example.com;lr>,  <sip:p1.example.com;lr>');
  });

  test('is followed to the connection its last request came by, and holds only that one open', async () => {
    const bench = new SipBench();
    const first = new FakeFlow({ transport: 'TCP' });
    const second = new FakeFlow({ transport: 'TCP', port: 6001 });
    const phone = bench.caller({ transport: 'TCP', flow: first });
    await phone.establish();
    assert.equal(first.holders, 1);
    bench.receive(second, phone.script.request('INFO'));
    assert.deepEqual([first.holders, second.holders], [0, 1]);
    bench.directory.hangUpAll();
    assert.equal(second.last.method, 'BYE');
    bench.receive(second, phone.script.respond(second.last, '200 OK'));
    assert.equal(second.holders, 0);
  });

  test('is called back at its own address when its connection has closed', async () => {
    const bench = new SipBench();
    const phone = bench.caller({ transport: 'TCP' });
    await phone.establish({ body: sdpText(), headers: { Contact: '<sip:caller@203.0.113.1:6070;transport=tcp>' } });
    phone.flow.open = false;
    bench.directory.hangUpAll();
    const [flow] = bench.connected;
    assert.deepEqual([flow?.address, flow?.port], ['127.0.0.1', 6070], 'never an address that only Contact names');
    assert.equal(flow?.last.method, 'BYE');
  });
});

suite('closing', () => {
  test('hangs up every call and waits for the answers', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    const closed = bench.endpoint.close(2000);
    assert.equal(phone.flow.last.method, 'BYE');
    bench.receive(phone.flow, phone.script.respond(phone.flow.last, '200 OK'));
    await closed;
    assert.equal(bench.clock.pending, 0);
  });

  test('waits no longer than it should for a phone that is gone, and takes no new call', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    const closed = bench.endpoint.close(2000);
    const late = bench.caller({ flow: new FakeFlow({ port: 6002 }) });
    late.send('INVITE', { body: sdpText() });
    assert.equal(late.flow.last.status, 503);
    assert.equal(late.flow.last.header('retry-after'), '30');
    bench.clock.advance(2000);
    await closed;
    assert.equal(bench.clock.pending, 0);
  });

  test('refuses a call that is still joining', async () => {
    const bench = new SipBench();
    bench.engine.slow = true;
    const phone = bench.caller();
    phone.send('INVITE', { body: sdpText() });
    await bench.endpoint.close(2000);
    assert.equal(phone.flow.last.status, 503);
    bench.engine.release();
    await settle();
    assert.equal(bench.directory.memberCount, 0);
  });
});
