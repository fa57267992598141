import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type RequestChanges, sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, SipBench, settle } from './doubles.ts';

interface Case {
  readonly what: string;
  readonly method?: string;
  readonly uri?: string;
  readonly changes?: RequestChanges;
  readonly status: number;
  /** Header and value that explain the refusal. */
  readonly header?: readonly [name: string, value: RegExp];
}

const MULTIPART = [
  '--cut here',
  'Content-Type: text/plain',
  '',
  'hello',
  '--cut here',
  'content-type : application/sdp',
  '',
  `${sdpText()}`,
  '--cut here--',
  '',
].join('\r\n');

const CASES: readonly Case[] = [
  { what: 'an empty user part', uri: 'sip:@127.0.0.1', status: 404 },
  { what: 'no user part', uri: 'sip:127.0.0.1', status: 404 },
  { what: 'a name of 129 characters', uri: `sip:${'a'.repeat(129)}@127.0.0.1`, status: 404 },
  { what: 'a name with a control character', uri: 'sip:a%00b@127.0.0.1', status: 404 },
  { what: 'a name that is broken UTF-8', uri: 'sip:%ff@127.0.0.1', status: 404 },
  { what: 'a name with a broken escape', uri: 'sip:a%zz@127.0.0.1', status: 404 },
  { what: 'a name in UTF-8', uri: 'sip:caf%C3%A9@127.0.0.1', status: 200 },
  { what: 'a name of 128 characters', uri: `sip:${'a'.repeat(128)}@127.0.0.1`, status: 200 },
  { what: 'a tel: URI', uri: 'tel:+12025550100', status: 416 },
  { what: 'a sips: URI', uri: 'sips:demo@127.0.0.1', status: 416 },
  { what: 'a URI of no known scheme', uri: 'nobodyKnowsThisScheme:totallyopaquecontent', status: 416 },
  { what: 'a sip: URI without a host', uri: 'sip:demo@', status: 400 },
  { what: 'a sip: URI with port 0', uri: 'sip:demo@127.0.0.1:0', status: 400 },
  { what: 'a URI in angle brackets', uri: '<sip:demo@127.0.0.1>', status: 400 },
  {
    what: 'a required extension',
    changes: { headers: { Require: 'nothingSupportsThis, 100rel, timer' } },
    status: 420,
    header: ['unsupported', /^nothingsupportsthis, 100rel$/],
  },
  {
    what: 'an extension for proxies only',
    changes: { headers: { 'Proxy-Require': 'nothingSupportsThis' } },
    status: 200,
  },
  { what: 'a role', changes: { headers: { 'X-PH-Role': 'Supervisor' } }, status: 200 },
  { what: 'an unknown role', changes: { headers: { 'X-PH-Role': 'boss' } }, status: 400 },
  { what: 'two roles', changes: { headers: { 'X-PH-Role': 'agent\r\nX-PH-Role: agent' } }, status: 400 },
  {
    what: 'a body of another type',
    changes: { body: 'text', headers: { 'Content-Type': 'text/plain' } },
    status: 415,
    header: ['accept', /^application\/sdp$/],
  },
  {
    what: 'a body of another type that is optional',
    changes: {
      body: 'text',
      headers: { 'Content-Type': 'text/plain', 'Content-Disposition': 'icon; handling=optional' },
    },
    status: 200,
  },
  {
    what: 'a compressed body',
    changes: { body: 'x', headers: { 'Content-Encoding': 'gzip' } },
    status: 415,
    header: ['accept-encoding', /^identity$/],
  },
  {
    what: 'a session description among other parts',
    changes: { body: MULTIPART, headers: { 'Content-Type': 'multipart/mixed; boundary="cut here"' } },
    status: 200,
  },
  {
    what: 'parts without a session description',
    changes: {
      body: MULTIPART.replace('/sdp', '/pdf'),
      headers: { 'Content-Type': 'multipart/mixed; boundary="cut here"' },
    },
    status: 415,
  },
  { what: 'no common codec', changes: { body: sdpText({ payloads: '18 4' }) }, status: 488 },
  {
    what: 'a multicast address for media',
    changes: { body: sdpText({ address: '239.1.2.3' }) },
    status: 488,
    header: ['warning', /media address cannot be used/],
  },
  { what: 'a session description of another version', changes: { body: 'v=9\r\n' }, status: 400 },
  {
    what: 'a session description over 16 kB',
    changes: { body: sdpText({ more: Array.from({ length: 100 }, () => `a=x:${'y'.repeat(200)}`) }) },
    status: 413,
  },
  { what: 'two Contacts', changes: { headers: { Contact: '<sip:a@127.0.0.1>, <sip:b@127.0.0.1>' } }, status: 400 },
  { what: 'a Contact that is no URI', changes: { headers: { Contact: '*' } }, status: 400 },
  { what: 'no Contact', changes: { headers: { Contact: null } }, status: 200 },
  { what: 'no Max-Forwards', changes: { headers: { 'Max-Forwards': null } }, status: 200 },
  { what: 'Max-Forwards used up', changes: { headers: { 'Max-Forwards': '0' } }, status: 200 },
  {
    what: 'a session time-out that is no number',
    changes: { headers: { Require: 'timer', 'Session-Expires': 'soon' } },
    status: 400,
  },
  {
    what: 'a To tag of a dialog that is unknown',
    changes: { headers: { To: '<sip:demo@127.0.0.1>;tag=gone' } },
    status: 481,
  },
];

suite('an INVITE with', () => {
  for (const { what, uri, changes, status, header } of CASES) {
    test(`${what} gets ${status}`, async () => {
      const bench = new SipBench();
      const phone = bench.caller(uri === undefined ? {} : { uri });
      const answer = await phone.invite({ body: sdpText(), ...changes });
      assert.equal(answer.status, status, answer.startLine);
      if (header) assert.match(answer.header(header[0]) ?? '', header[1]);
      assert.equal(bench.directory.memberCount, status === 200 ? 1 : 0);
      assert.ok(status < 300 || /;tag=/.test(answer.header('to') ?? ''), 'a final answer has a To tag');
    });
  }

  test('a role gives that role to the member', async () => {
    const bench = new SipBench();
    await bench.caller().invite({ body: sdpText(), headers: { 'X-PH-Role': 'Supervisor' } });
    assert.equal(bench.directory.live[0]?.presentMembers[0]?.role, 'supervisor');
  });

  test('a full MPC gets 486, a full server and busy ports 503 with Retry-After', async () => {
    const full = new SipBench({ maxMembersPerMpc: 1 });
    await full.caller().establish();
    assert.equal((await full.caller().invite()).status, 486);

    const crowded = new SipBench({ maxMembers: 1 });
    await crowded.caller().establish();
    const refused = await crowded.caller({ uri: 'sip:other@127.0.0.1' }).invite();
    assert.deepEqual([refused.status, refused.header('retry-after')], [503, '10']);

    const portless = new SipBench();
    portless.engine.busy = true;
    const busy = await portless.caller().invite();
    assert.deepEqual([busy.status, busy.header('retry-after')], [503, '5']);
  });

  test('a server that drains gets 503, and so does OPTIONS; calls that stand go on', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.establish();
    bench.directory.drain();
    const late = bench.caller();
    assert.equal((await late.invite()).status, 503);
    late.send('OPTIONS');
    assert.equal(late.flow.last.status, 503);
    phone.send('INFO');
    assert.equal(phone.flow.last.status, 200);
  });

  test('an engine that fails gets 500 without a word of why', async () => {
    const bench = new SipBench();
    bench.engine.openRtpLeg = () => Promise.reject(new Error('secret path'));
    const answer = await bench.caller().invite();
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.startLine, /secret/);
  });

  test('a copy that came by another way gets 482', async () => {
    const bench = new SipBench();
    const phone = bench.caller();
    await phone.invite();
    phone.send('INVITE', {
      cseq: 1,
      body: sdpText(),
      headers: { To: '<sip:demo@127.0.0.1:5060>' },
      uri: 'sip:demo@127.0.0.1:5060',
    });
    await settle();
    assert.equal(phone.flow.last.status, 482);
    assert.equal(bench.directory.memberCount, 1);
  });

  test('a refusal is repeated until it is acknowledged, over UDP only', async () => {
    for (const transport of ['UDP', 'TCP'] as const) {
      const bench = new SipBench();
      const phone = bench.caller({ uri: 'sip:127.0.0.1', transport });
      await phone.invite();
      phone.flow.take();
      bench.clock.advance(9600);
      // 0.5, 1.5, 3.5 and 7.5 s.
      assert.equal(phone.flow.take().length, transport === 'UDP' ? 4 : 0);
      phone.send('ACK', { branch: phone.script.inviteBranch });
      bench.clock.advance(40_000);
      assert.deepEqual(phone.flow.take(), []);
      assert.equal(bench.clock.pending, 0);
    }
  });
});

suite('outside a call', () => {
  test('OPTIONS says what we can do', () => {
    const bench = new SipBench();
    const phone = bench.caller();
    phone.send('OPTIONS');
    const answer = phone.flow.last;
    assert.equal(answer.status, 200);
    assert.equal(answer.header('allow'), 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REGISTER');
    assert.equal(answer.header('accept'), 'application/sdp');
    assert.equal(answer.body, '');
    assert.equal(bench.endpoint.transactions, 0, 'nothing is remembered for it');
  });

  for (const method of ['BYE', 'INFO', 'UPDATE', 'CANCEL']) {
    test(`${method} gets 481`, () => {
      const phone = new SipBench().caller();
      phone.send(method, { branch: 'z9hG4bKnobody' });
      assert.equal(phone.flow.last.status, 481);
    });
  }

  for (const method of [
    'SUBSCRIBE',
    'NOTIFY',
    'MESSAGE',
    'PUBLISH',
    'REFER',
    'PRACK',
    'FOO',
    'invite',
    "!x-Method_*+`.%'~",
  ]) {
    test(`${method} gets 405 with Allow`, () => {
      const phone = new SipBench().caller();
      phone.send(method);
      assert.equal(phone.flow.last.status, 405);
      assert.match(phone.flow.last.header('allow') ?? '', /^INVITE, /);
    });
  }

  test('an ACK or an answer that belongs to nothing gets no answer', () => {
    const bench = new SipBench();
    const phone = bench.caller();
    phone.send('ACK', { cseq: 1 });
    bench.receive(phone.flow, phone.script.request('OPTIONS').replace(/^OPTIONS .*\r\n/, 'SIP/2.0 200 OK\r\n'));
    assert.deepEqual(phone.flow.sent, []);
    assert.equal(bench.count('dropped stray'), 2);
  });

  test('the same request gets the same answer, with the same tag', () => {
    const bench = new SipBench();
    const phone = bench.caller();
    const text = phone.send('OPTIONS');
    bench.receive(phone.flow, text);
    const [first, second] = phone.flow.sent;
    assert.equal(first?.header('to'), second?.header('to'));
  });

  test('an answer says where the request came from, and goes there whatever Via says', () => {
    const bench = new SipBench();
    const phone = bench.caller({ flow: new FakeFlow({ address: '127.0.0.9', port: 1234 }), local: '192.0.2.1:5060' });
    phone.send('OPTIONS');
    assert.match(
      phone.flow.last.header('via') ?? '',
      /^SIP\/2\.0\/UDP 192\.0\.2\.1:5060;branch=\w+;rport=1234;received=127\.0\.0\.9$/,
    );
  });

  test('display names come back byte for byte', () => {
    const bench = new SipBench();
    const phone = bench.caller();
    const name = Buffer.from('"Zoë \\"Z\\" 東京"', 'utf8').toString('latin1');
    phone.send('OPTIONS', { headers: { From: `${name} <sip:zoe@127.0.0.1>;tag=1` } });
    assert.equal(phone.flow.last.header('from'), `${name} <sip:zoe@127.0.0.1>;tag=1`);
  });

  test('IPv6 hosts in Via and Contact are understood', async () => {
    const bench = new SipBench({ publicAddress: '::1' });
    const phone = bench.caller({
      uri: 'sip:demo@[::1]:5060',
      local: '[::1]:5999',
      flow: new FakeFlow({ address: '::1' }),
    });
    const answer = await phone.establish({ body: sdpText({ address: '::1' }) });
    assert.equal(answer.header('contact'), '<sip:[::1]:5060>');
    assert.match(answer.body, /^c=IN IP6 ::1\r$/m);
    assert.match(answer.header('via') ?? '', /^SIP\/2\.0\/UDP \[::1\]:5999;/);
    bench.directory.hangUpAll();
    assert.equal(phone.flow.last.startLine, 'BYE sip:caller@[::1]:5999 SIP/2.0');
  });
});
