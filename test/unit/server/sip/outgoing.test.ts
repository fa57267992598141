import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Credentials } from '../../../../server/sip/challenge.ts';
import type { CallEnd, OutgoingCall } from '../../../../server/sip/outgoing-call.ts';
import { seededRandom } from '../../../support/random.ts';
import { answerTo, requestWithin } from '../../../support/sip-answer.ts';
import { type SipText, sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, FakeRtpLeg, SipBench, settle } from './doubles.ts';

interface Dialled {
  readonly bench: SipBench;
  readonly flow: FakeFlow;
  readonly call: OutgoingCall;
  readonly leg: FakeRtpLeg;
  /** What its owner was told. */
  readonly told: (string | CallEnd)[];
  /** The last request of that method that was sent. */
  sent(method: string): SipText;
  answer(status: number, reason: string, parts?: Parameters<typeof answerTo>[3], request?: SipText): void;
}

/** A call to somebody at 192.0.2.7, whom nothing but the call itself lets in. */
function dial(options: { readonly transport?: 'UDP' | 'TCP'; readonly credentials?: Credentials } = {}): Dialled {
  const bench = new SipBench({ publicAddress: '192.0.2.1' });
  const leg = new FakeRtpLeg(
    1,
    { codec: bench.codec, remote: { address: '192.0.2.7', port: 9 }, direction: 'inactive' },
    () => {},
  );
  const told: (string | CallEnd)[] = [];
  const call = bench.endpoint.dial({
    uri: 'sip:bob@192.0.2.7',
    way: { transport: options.transport ?? 'UDP', address: '192.0.2.7', port: 5060 },
    from: { name: '"Team"', uri: 'sip:4930123@192.0.2.1', params: new Map() },
    headers: { 'x-ph-ticket': '7' },
    credentials: options.credentials,
    leg,
    onRinging: () => told.push('ringing'),
    onAnswered: () => told.push('answered'),
    onEnded: (end) => told.push(end),
  });
  assert.ok(call, 'the call was refused');
  const flow = bench.connected[0];
  assert.ok(flow, 'no flow was opened');
  const all: SipText[] = [];
  const sent = (method: string): SipText => {
    all.push(...flow.take());
    const found = all.findLast((message) => message.method === method);
    assert.ok(found, `no ${method} was sent`);
    return found;
  };
  const answer: Dialled['answer'] = (status, reason, parts, request) =>
    bench.receive(flow, answerTo(request ?? sent('INVITE'), status, reason, parts));
  return { bench, flow, call, leg, told, sent, answer };
}

const TAKEN = { tag: 'far', contact: 'sip:bob@192.0.2.7:5070', body: sdpText({ address: '192.0.2.7', port: 4000 }) };
const ALONE = { tag: 'far' };

/** When something was sent, in ms, looked at every 100 ms. */
function timesOf({ bench, flow }: Dialled, ms: number): number[] {
  const times: number[] = [];
  flow.take();
  for (const end = bench.clock.now() + ms; bench.clock.now() < end; ) {
    bench.clock.advance(100);
    for (const _ of flow.take()) times.push(bench.clock.now());
  }
  return times;
}

suite('an INVITE of ours', () => {
  test('offers every codec with telephone-event, and says who calls', () => {
    const { sent } = dial();
    const invite = sent('INVITE');
    assert.equal(invite.startLine, 'INVITE sip:bob@192.0.2.7 SIP/2.0');
    assert.match(invite.header('from') ?? '', /^"Team" <sip:4930123@192\.0\.2\.1>;tag=\w+$/);
    assert.equal(invite.header('to'), '<sip:bob@192.0.2.7>');
    assert.equal(invite.header('x-ph-ticket'), '7');
    assert.equal(invite.header('contact'), '<sip:192.0.2.1:5060>');
    assert.match(invite.body, /^m=audio 20002 RTP\/AVP 0 8 101\r$/m);
    assert.match(invite.body, /^a=rtpmap:101 telephone-event\/8000\r$/m);
  });

  test('is repeated at doubling intervals without a bound, and given up after 32 s', () => {
    const dialled = dial();
    assert.deepEqual(timesOf(dialled, 40_000), [500, 1500, 3500, 7500, 15_500, 31_500]);
    assert.deepEqual(dialled.told, [{ kind: 'timeout' }]);
    assert.equal(dialled.bench.endpoint.dialogs, 0);
    assert.equal(dialled.bench.clock.pending, 0);
  });

  test('is not repeated any more once somebody said anything, and then waits for as long as it rings', () => {
    const dialled = dial();
    dialled.answer(100, 'Trying');
    dialled.answer(180, 'Ringing', ALONE);
    assert.deepEqual(timesOf(dialled, 120_000), []);
    assert.deepEqual(dialled.told, ['ringing']);
  });

  test('goes out once over TCP, and fails at once when nobody listens there', () => {
    const dialled = dial({ transport: 'TCP' });
    assert.match(dialled.sent('INVITE').header('contact') ?? '', /;transport=tcp/);
    assert.deepEqual(timesOf(dialled, 1000), []);
    dialled.flow.close();
    assert.deepEqual(dialled.told, [{ kind: 'unreachable' }]);
    assert.equal(dialled.bench.endpoint.dialogs, 0);
  });

  test('that is refused is acknowledged in its own transaction, every time the refusal comes, for 32 s', () => {
    const dialled = dial();
    const invite = dialled.sent('INVITE');
    for (let copies = 0; copies < 3; copies++) dialled.answer(486, 'Busy Here', ALONE, invite);
    const acks = dialled.flow.take().filter(({ method }) => method === 'ACK');
    assert.equal(acks.length, 3);
    assert.equal(acks[0]?.header('via'), invite.header('via'));
    assert.equal(acks[0]?.header('to'), '<sip:bob@192.0.2.7>;tag=far');
    assert.equal(acks[0]?.header('cseq'), '1 ACK');
    assert.deepEqual(dialled.told, [{ kind: 'refused', status: 486, reason: 'Busy Here' }]);
    dialled.bench.clock.advance(32_000);
    assert.equal(dialled.bench.endpoint.dialogs, 0);
    assert.equal(dialled.bench.clock.pending, 0);
  });

  test('that comes back to us joins nothing: it gets 482', () => {
    const { bench, sent } = dial();
    const back = new FakeFlow();
    const [start, via, ...rest] = sent('INVITE').text.split('\r\n');
    bench.receive(back, [start, 'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKproxy', via, ...rest].join('\r\n'));
    assert.deepEqual(back.statuses, [482]);
  });

  test('is not led elsewhere by a redirect', () => {
    const { answer, told, bench } = dial();
    answer(302, 'Moved', { tag: 'far', contact: 'sip:premium@203.0.113.9' });
    assert.deepEqual(told, [{ kind: 'refused', status: 302, reason: 'Moved' }]);
    assert.equal(bench.connected.length, 1, 'nobody else was called');
  });
});

suite('a call of ours that is answered', () => {
  test('is acknowledged where the INVITE went, and its leg is told what was agreed', () => {
    const { answer, sent, told, leg } = dial();
    answer(180, 'Ringing', ALONE);
    answer(200, 'OK', TAKEN);
    const ack = sent('ACK');
    assert.equal(ack.startLine, 'ACK sip:bob@192.0.2.7:5070 SIP/2.0');
    assert.equal(ack.header('cseq'), '1 ACK');
    assert.notEqual(ack.header('via'), sent('INVITE').header('via'));
    assert.deepEqual(told, ['ringing', 'answered']);
    const [change] = leg.changes;
    assert.equal(change?.started, true);
    assert.equal(change?.direction, 'sendrecv');
    assert.deepEqual(change?.remote, { address: '192.0.2.7', port: 4000 });
    assert.equal(change?.dtmfPayloadType, 101);
  });

  test('acknowledges its 200 again, with the same ACK, whenever it comes again', () => {
    const { answer, flow, told, sent } = dial();
    const invite = sent('INVITE');
    for (let copies = 0; copies < 3; copies++) answer(200, 'OK', TAKEN, invite);
    const acks = flow.take();
    assert.deepEqual(
      acks.map(({ method }) => method),
      ['ACK', 'ACK', 'ACK'],
    );
    assert.equal(new Set(acks.map((ack) => ack.header('via'))).size, 1);
    assert.deepEqual(told, ['answered']);
  });

  test('belongs to the first who answers: a second one is acknowledged and hung up', () => {
    const { answer, flow, told, sent } = dial();
    const invite = sent('INVITE');
    answer(200, 'OK', TAKEN, invite);
    flow.take();
    answer(200, 'OK', { ...TAKEN, tag: 'late', contact: 'sip:bob@192.0.2.8' }, invite);
    const [ack, bye] = flow.take();
    assert.equal(ack?.startLine, 'ACK sip:bob@192.0.2.8 SIP/2.0');
    assert.equal(bye?.startLine, 'BYE sip:bob@192.0.2.8 SIP/2.0');
    assert.match(bye?.header('to') ?? '', /;tag=late$/);
    assert.match(bye?.header('reason') ?? '', /cause=200/);
    assert.deepEqual(told, ['answered']);
  });

  test('is hung up from here by a BYE, and then nothing of it is left', () => {
    const { answer, call, sent, told, bench } = dial();
    answer(200, 'OK', TAKEN);
    call.hangUp('Q.850;cause=16;text="kicked"');
    const bye = sent('BYE');
    assert.equal(bye.header('cseq'), '2 BYE');
    answer(200, 'OK', {}, bye);
    assert.equal(bench.endpoint.dialogs, 0);
    assert.deepEqual(told, ['answered']);
  });

  test('is hung up from there, though the peer is not among the trusted', () => {
    const { answer, bench, flow, sent, told } = dial();
    answer(200, 'OK', TAKEN);
    const invite = sent('INVITE');
    bench.receive(new FakeFlow({ address: '203.0.113.9' }), requestWithin(invite, 'far', 'BYE', 1));
    assert.deepEqual(told, ['answered'], 'a stranger who knows the dialog still has to pass the guard');
    bench.receive(flow, requestWithin(invite, 'far', 'BYE', 1));
    assert.equal(flow.last.status, 200);
    assert.deepEqual(told, ['answered', { kind: 'hangup' }]);
    assert.equal(bench.endpoint.dialogs, 0);
  });

  test('takes a re-INVITE: hold and resume work as in a call that came in', () => {
    const { answer, bench, flow, sent, leg } = dial();
    answer(200, 'OK', TAKEN);
    const invite = sent('INVITE');
    const hold = sdpText({ address: '192.0.2.7', port: 4000, direction: 'sendonly' });
    bench.receive(flow, requestWithin(invite, 'far', 'INVITE', 1, hold));
    assert.equal(flow.last.status, 200);
    assert.match(flow.last.body, /a=recvonly/);
    bench.receive(flow, requestWithin(invite, 'far', 'ACK', 1));
    assert.equal(leg.changes.at(-2)?.direction, 'recvonly');
    assert.match(flow.last.body, /^o=- 7 2 /m, 'the version counts on from the offer');
  });

  test('ends when the answer has no codec of ours', () => {
    const { answer, sent, told } = dial();
    answer(200, 'OK', { ...TAKEN, body: sdpText({ address: '192.0.2.7', payloads: '18' }) });
    sent('ACK');
    sent('BYE');
    assert.deepEqual(told, [{ kind: 'no-media', reason: 'no common codec' }]);
  });
});

suite('a call of ours that is taken back', () => {
  test('is cancelled with the branch of its INVITE, and its 487 is acknowledged', () => {
    const { answer, bench, call, sent, told } = dial();
    answer(180, 'Ringing', ALONE);
    call.hangUp('Q.850;cause=16;text="kicked"');
    const cancel = sent('CANCEL');
    assert.equal(cancel.header('via'), sent('INVITE').header('via'));
    assert.equal(cancel.header('cseq'), '1 CANCEL');
    answer(200, 'OK', ALONE, cancel);
    answer(487, 'Request Terminated', ALONE);
    sent('ACK');
    assert.deepEqual(told, ['ringing']);
    bench.clock.advance(32_000);
    assert.equal(bench.endpoint.dialogs, 0);
    assert.equal(bench.clock.pending, 0);
  });

  test('is not cancelled before something came back, and at once after that', () => {
    const { answer, call, flow, sent } = dial();
    call.hangUp('x');
    assert.deepEqual(
      flow.sent.map(({ method }) => method),
      ['INVITE'],
    );
    answer(100, 'Trying');
    sent('CANCEL');
  });

  test('and answered all the same is acknowledged and hung up', () => {
    const { answer, call, sent, told } = dial();
    answer(180, 'Ringing', ALONE);
    call.hangUp('x');
    answer(200, 'OK', TAKEN);
    sent('ACK');
    sent('BYE');
    assert.deepEqual(told, ['ringing']);
  });

  test('is forgotten 32 s after a CANCEL that changed nothing', () => {
    const { answer, bench, call } = dial();
    answer(180, 'Ringing', ALONE);
    call.hangUp('x');
    bench.clock.advance(33_000);
    assert.equal(bench.endpoint.dialogs, 0);
    assert.equal(bench.clock.pending, 0);
  });

  test('when the server closes, as are those that stand', async () => {
    const ringing = dial();
    ringing.answer(180, 'Ringing', ALONE);
    const closed = ringing.bench.endpoint.close(2000);
    ringing.sent('CANCEL');
    ringing.answer(487, 'Request Terminated', ALONE);
    ringing.bench.clock.advance(2000);
    await closed;
    assert.equal(ringing.bench.endpoint.transactions, 0);
  });
});

suite('credentials', () => {
  const credentials = { user: 'trunk', password: 'secret', realm: 'carrier' };
  const ask = (realm: string, more = '') => ({
    ...ALONE,
    headers: { 'Proxy-Authenticate': `Digest realm="${realm}", nonce="n1", qop="auth"${more}` },
  });

  test('are given to the peer that we called, for its realm, in a second INVITE of the same call', () => {
    const { answer, sent, told, flow } = dial({ credentials });
    const first = sent('INVITE');
    answer(407, 'Proxy Authentication Required', ask('carrier'), first);
    sent('ACK');
    const second = sent('INVITE');
    assert.equal(second.header('call-id'), first.header('call-id'));
    assert.equal(second.header('cseq'), '2 INVITE');
    assert.match(second.header('proxy-authorization') ?? '', /^Digest username="trunk", realm="carrier", nonce="n1"/);
    assert.doesNotMatch(second.header('proxy-authorization') ?? '', /secret/);
    answer(200, 'OK', TAKEN, second);
    assert.equal(sent('ACK').header('cseq'), '2 ACK');
    assert.deepEqual(told, ['answered']);
    flow.take();
  });

  test('that were wrong are not given again, unless their nonce was only old', () => {
    const { answer, flow, sent, told } = dial({ credentials });
    answer(407, 'Proxy Authentication Required', ask('carrier'));
    answer(407, 'Proxy Authentication Required', ask('carrier', ', stale=true'));
    assert.equal(sent('INVITE').header('cseq'), '3 INVITE');
    answer(407, 'Proxy Authentication Required', ask('carrier'));
    assert.deepEqual(told, [{ kind: 'refused', status: 407, reason: 'Proxy Authentication Required' }]);
    assert.ok(!flow.take().some(({ method }) => method === 'INVITE'), 'there was a fourth');
  });

  test('are not given for another realm, from another address, or when there are none', () => {
    const refused = [{ kind: 'refused', status: 407, reason: 'Proxy' }];
    const realm = dial({ credentials });
    realm.answer(407, 'Proxy', ask('thief'));
    assert.deepEqual(realm.told, refused);
    const peer = dial({ credentials });
    peer.bench.receive(
      new FakeFlow({ address: '203.0.113.9' }),
      answerTo(peer.sent('INVITE'), 407, 'Proxy', ask('carrier')),
    );
    assert.deepEqual(peer.told, refused);
    const none = dial();
    none.answer(407, 'Proxy', ask('carrier'));
    assert.deepEqual(none.told, refused);
  });

  test('also go with a BYE that is challenged', () => {
    const { answer, call, sent, bench } = dial({ credentials });
    answer(200, 'OK', TAKEN);
    call.hangUp('x');
    answer(407, 'Proxy Authentication Required', ask('carrier'), sent('BYE'));
    const bye = sent('BYE');
    assert.equal(bye.header('cseq'), '3 BYE');
    assert.match(bye.header('proxy-authorization') ?? '', /uri="sip:bob@192\.0\.2\.7:5070"/);
    answer(200, 'OK', {}, bye);
    assert.equal(bench.endpoint.dialogs, 0);
  });
});

suite('two servers with a bad line between them', () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8])
    test(`agree about a call and its end, whatever is lost (${seed})`, async () => {
      const random = seededRandom(seed);
      const caller = new SipBench({ publicAddress: '127.0.0.1' });
      const callee = new SipBench();
      const towards = new FakeFlow({ port: 5060 });
      const back = new FakeFlow({ port: 5061 });
      let ended: CallEnd | undefined;
      let answered = 0;
      const leg = new FakeRtpLeg(
        1,
        { codec: caller.codec, remote: { address: '127.0.0.1', port: 9 }, direction: 'inactive' },
        () => {},
      );
      const call = caller.endpoint.dial({
        uri: 'sip:demo@127.0.0.1:5060',
        way: { transport: 'UDP', address: '127.0.0.1', port: 5060 },
        from: { name: undefined, uri: 'sip:us@127.0.0.1', params: new Map() },
        headers: {},
        credentials: undefined,
        leg,
        onRinging: () => {},
        onAnswered: () => {
          answered += 1;
        },
        onEnded: (end) => {
          ended = end;
        },
      });
      const out = caller.connected[0];
      assert.ok(call && out);
      const run = async (ms: number): Promise<void> => {
        for (let passed = 0; passed < ms; passed += 100) {
          // Four in ten are lost each way.
          for (const message of out.take()) if (random() > 0.4) callee.receive(back, message.text);
          await settle();
          for (const message of back.take()) if (random() > 0.4) caller.receive(towards, message.text);
          for (const message of towards.take()) if (random() > 0.4) callee.receive(back, message.text);
          caller.clock.advance(100);
          callee.clock.advance(100);
        }
      };
      await run(60_000);
      assert.equal(answered, 1);
      assert.equal(callee.directory.memberCount, 1);
      call.hangUp('x');
      await run(60_000);
      assert.equal(ended, undefined);
      assert.equal(callee.directory.memberCount, 0, 'the far side knows that it is over');
      assert.equal(caller.endpoint.dialogs + callee.endpoint.dialogs, 0);
      assert.equal(caller.clock.pending + callee.clock.pending, 0, 'no timer is left');
    });
});
