import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { G711 } from '../../../../server/sip/codecs.ts';
import { Negotiation } from '../../../../server/sip/negotiation.ts';
import type { CallEnd } from '../../../../server/sip/outgoing-call.ts';
import type { SrtpPolicy } from '../../../../server/sip/sdes.ts';
import { readSdp } from '../../../../server/sip/sdp-reader.ts';
import { answerTo } from '../../../support/sip-answer.ts';
import { type SipText, sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, FakeRtpLeg, SipBench } from './doubles.ts';

const LONG = 'AES_CM_128_HMAC_SHA1_80';
const SHORT = 'AES_CM_128_HMAC_SHA1_32';
const TLS = { transport: 'TLS', address: '192.0.2.9' } as const;
const UDP = { transport: 'UDP', address: '192.0.2.9' } as const;

function keyOf(byte: number): string {
  return Buffer.alloc(30, byte).toString('base64');
}

function crypto(tag: number, suite: string, byte: number, more = ''): string {
  return `a=crypto:${tag} ${suite} inline:${keyOf(byte)}${more}`;
}

/** One audio line with these lines of keys. */
function described(protocol: string, ...lines: string[]): string {
  const options = { address: '198.51.100.1', payloads: '0', more: lines };
  return sdpText(options).replace('RTP/AVP', protocol);
}

class Talk {
  readonly negotiation: Negotiation;
  #keys = 100;

  constructor(srtp: SrtpPolicy = 'optional') {
    const newMaster = (): Uint8Array => {
      this.#keys += 1;
      return new Uint8Array(30).fill(this.#keys);
    };
    this.negotiation = new Negotiation({ codecs: G711, publicAddress: '192.0.2.1', sessionId: 1, srtp, newMaster });
  }

  /** The answer to an offer, or the reason of the refusal. */
  offered(sdp: string, signalling: typeof TLS | typeof UDP = TLS): string {
    const result = this.negotiation.offered(Buffer.from(sdp, 'latin1'), signalling);
    return result.ok ? result.accept(20_000).toString() : `${result.status} ${result.reason}`;
  }

  offers(signalling: typeof TLS | typeof UDP = TLS): string {
    return this.negotiation.offer(20_000, signalling).toString();
  }

  answered(sdp: string, signalling: typeof TLS | typeof UDP = TLS) {
    return this.negotiation.answered(Buffer.from(sdp, 'latin1'), signalling);
  }
}

/** `RTP/SAVP` and the key lines of a description. */
function protection(sdp: string): readonly string[] {
  return [/^m=audio \d+ (\S+)/m.exec(sdp)?.[1] ?? sdp, ...(sdp.match(/^a=crypto.*(?=\r$)/gm) ?? [])];
}

suite('an offer with keys', () => {
  test('by TLS is answered with a key of our own under the tag of the first line that we can use', () => {
    const offer = described(
      'RTP/SAVP',
      crypto(1, 'AEAD_AES_256_GCM', 1),
      crypto(2, LONG, 2, '|2^20|1:4'),
      crypto(3, LONG, 3, ' UNENCRYPTED_SRTP'),
      crypto(4, SHORT, 4, '|2^31'),
      crypto(5, LONG, 5),
    );
    assert.deepEqual(protection(new Talk().offered(offer)), ['RTP/SAVP', crypto(4, SHORT, 101)]);
  });

  test('tells the leg both keys', () => {
    const result = new Talk().negotiation.offered(Buffer.from(described('RTP/SAVPF', crypto(7, LONG, 9))), TLS);
    assert.ok(result.ok, 'it is taken');
    const { tag, suite, send, receive } = result.terms.srtp!;
    assert.deepEqual([tag, suite, send[0], receive[0], send.length, receive.length], [7, LONG, 101, 9, 30, 30]);
    assert.deepEqual(protection(result.accept(20_000).toString()), ['RTP/SAVPF', crypto(7, LONG, 101)]);
  });

  const cases: readonly (readonly [
    what: string,
    policy: SrtpPolicy,
    signalling: typeof TLS | typeof UDP,
    protocol: string,
    lines: readonly string[],
    outcome: readonly string[],
  ])[] = [
    [
      'RTP/AVP with a key is encrypted',
      'optional',
      TLS,
      'RTP/AVP',
      [crypto(1, LONG, 1)],
      ['RTP/AVP', crypto(1, LONG, 101)],
    ],
    ['RTP/AVP without one is not', 'optional', TLS, 'RTP/AVP', [], ['RTP/AVP']],
    ['nor is one that nobody can use', 'optional', TLS, 'RTP/AVP', [crypto(1, 'F8_128_HMAC_SHA1_80', 1)], ['RTP/AVP']],
    ['a key in the open is passed over', 'optional', UDP, 'RTP/AVP', [crypto(1, LONG, 1)], ['RTP/AVP']],
    ['and not taken where it has to be', 'optional', UDP, 'RTP/SAVP', [crypto(1, LONG, 1)], ['SRTP needs SIP by TLS']],
    ['RTP/SAVP needs a key', 'optional', TLS, 'RTP/SAVP', [], ['no a=crypto that can be used']],
    ['off is plain', 'off', TLS, 'RTP/AVP', [crypto(1, LONG, 1)], ['RTP/AVP']],
    ['or nothing', 'off', TLS, 'RTP/SAVP', [crypto(1, LONG, 1)], ['SRTP is off']],
    ['required takes keys', 'required', TLS, 'RTP/SAVP', [crypto(1, LONG, 1)], ['RTP/SAVP', crypto(1, LONG, 101)]],
    ['with RTP/AVP as well', 'required', TLS, 'RTP/AVP', [crypto(1, LONG, 1)], ['RTP/AVP', crypto(1, LONG, 101)]],
    ['but nothing plain', 'required', TLS, 'RTP/AVP', [], ['SRTP is required: offer RTP/SAVP']],
    ['and nothing without TLS', 'required', UDP, 'RTP/AVP', [], ['SRTP is required: call by TLS']],
    [
      'DTLS is another thing',
      'optional',
      TLS,
      'UDP/TLS/RTP/SAVP',
      [crypto(1, LONG, 1)],
      ['protocol RTP/AVP or RTP/SAVP'],
    ],
  ];
  for (const [what, policy, signalling, protocol, lines, outcome] of cases) {
    test(`${policy} by ${signalling.transport}: ${what}`, () => {
      const answer = new Talk(policy).offered(described(protocol, ...lines), signalling);
      if (outcome[0]?.startsWith('RTP/')) assert.deepEqual(protection(answer), outcome);
      else assert.match(answer, new RegExp(`^488 Not Acceptable Here: ${outcome[0]}`));
    });
  }

  test('has its choice among lines: the encrypted one, or the plain one where keys are worth nothing', () => {
    const both = `${described('RTP/SAVP', crypto(1, LONG, 1))}m=audio 40002 RTP/AVP 0\r\n`;
    assert.match(new Talk().offered(both), /^m=audio 20000 RTP\/SAVP 0\r\n.*m=audio 0 RTP\/AVP 0\r\n/ms);
    assert.match(new Talk().offered(both, UDP), /^m=audio 0 RTP\/SAVP 0\r\nm=audio 20000 RTP\/AVP 0\r\n/m);
  });

  for (const [what, line] of [
    ['a key of 29 bytes', `a=crypto:1 ${LONG} inline:${Buffer.alloc(29).toString('base64')}`],
    ['a key of 31 bytes', `a=crypto:1 ${LONG} inline:${Buffer.alloc(31).toString('base64')}`],
    ['no base64', `a=crypto:1 ${LONG} inline:${'%'.repeat(40)}`],
    ['another method', `a=crypto:1 ${LONG} uri:${keyOf(1)}`],
    ['two keys', `${crypto(1, LONG, 1)};inline:${keyOf(2)}`],
    ['tag 0', crypto(0, LONG, 1)],
    ['a tag of 10 digits', crypto(1_000_000_000, LONG, 1)],
    ['a changed key derivation', crypto(1, LONG, 1, ' KDR=1')],
    ['two parameters, of which one matters', crypto(1, LONG, 1, ' WSH=64 UNAUTHENTICATED_SRTP')],
    ['text behind it', crypto(1, LONG, 1, ' ')],
  ] as const) {
    test(`has none that counts with ${what}`, () => {
      const read = readSdp(Buffer.from(described('RTP/SAVP', line.replace(/ $/, ' x')), 'latin1'));
      assert.ok(read.ok, 'the description is read');
      assert.deepEqual(read.media[0]?.crypto, []);
    });
  }

  test('may hint at the window and at the life of the key', () => {
    const lines = [crypto(1, LONG, 1, '|2^48 WSH=128'), crypto(2, SHORT, 2, '|1048576')];
    const read = readSdp(Buffer.from(described('RTP/SAVP', ...lines), 'latin1'));
    assert.ok(read.ok, 'the description is read');
    assert.deepEqual(
      read.media[0]?.crypto.map(({ tag, suite, master }) => [tag, suite, master.length, master[0]]),
      [
        [1, LONG, 30, 1],
        [2, SHORT, 30, 2],
      ],
    );
  });
});

suite('a further offer with keys', () => {
  test('of the same key keeps ours, and one of another key brings us a new one', () => {
    const talk = new Talk();
    const first = talk.offered(described('RTP/SAVP', crypto(1, LONG, 1)));
    const again = described('RTP/SAVP', crypto(1, LONG, 1), 'a=sendonly');
    assert.deepEqual(protection(talk.offered(again)), protection(first), 'a hold changes no key');
    assert.deepEqual(protection(talk.offered(described('RTP/SAVP', crypto(1, LONG, 2)))).at(1), crypto(1, LONG, 102));
    assert.deepEqual(protection(talk.offered(described('RTP/SAVP', crypto(1, SHORT, 2)))).at(1), crypto(1, SHORT, 103));
    assert.deepEqual(protection(talk.offered(described('RTP/AVP'))), ['RTP/AVP'], 'they may go on without');
    assert.deepEqual(
      protection(talk.offered(described('RTP/SAVP', crypto(1, SHORT, 2)))).at(1),
      crypto(1, SHORT, 104),
      'and a key that was given up does not come back',
    );
  });

  test('that is refused changes nothing', () => {
    const talk = new Talk('required');
    const first = talk.offered(described('RTP/SAVP', crypto(1, LONG, 1)));
    assert.match(talk.offered(described('RTP/AVP')), /^488 /);
    assert.deepEqual(protection(talk.offered(described('RTP/SAVP', crypto(1, LONG, 1)))), protection(first));
  });

  test('that switches the stream off brings no key', () => {
    const talk = new Talk('required');
    talk.offered(described('RTP/SAVP', crypto(1, LONG, 1)));
    assert.match(talk.offered(described('RTP/SAVP').replace('40000', '0')), /^m=audio 0 RTP\/SAVP 0\r$/m);
    assert.equal(protection(talk.offered(described('RTP/SAVP', crypto(1, LONG, 1)))).at(1), crypto(1, LONG, 101));
  });

  test('of ours says the key in use again', () => {
    const talk = new Talk();
    talk.offered(described('RTP/SAVP', crypto(3, SHORT, 1)));
    assert.deepEqual(protection(talk.offers()), ['RTP/SAVP', crypto(1, SHORT, 101)]);
    const answered = talk.answered(described('RTP/SAVP', crypto(1, SHORT, 1)));
    assert.equal(answered.ok && answered.terms.srtp?.send[0], 101);
  });
});

suite('an offer of our own', () => {
  test('in a 200 is one that all can take, unless SRTP is required or has no TLS', () => {
    assert.deepEqual(protection(new Talk().offers()), ['RTP/AVP', crypto(1, LONG, 101)]);
    assert.deepEqual(protection(new Talk('required').offers()), ['RTP/SAVP', crypto(1, LONG, 101)]);
    assert.deepEqual(protection(new Talk('off').offers()), ['RTP/AVP']);
    assert.deepEqual(protection(new Talk().offers(UDP)), ['RTP/AVP']);
  });

  test('takes the key of the answer, and none of an answer that does not fit it', () => {
    const talk = new Talk();
    talk.offers();
    const answered = talk.answered(described('RTP/AVP', crypto(1, LONG, 5)));
    assert.ok(answered.ok, 'it is taken');
    assert.deepEqual([answered.terms.srtp?.send[0], answered.terms.srtp?.receive[0]], [101, 5]);
    for (const wrong of [[crypto(2, LONG, 5)], [crypto(1, SHORT, 5)], []]) {
      const other = new Talk();
      other.offers();
      const plain = other.answered(described('RTP/AVP', ...wrong));
      assert.ok(plain.ok && plain.terms.srtp === undefined, 'plain RTP was an answer to this offer');
      const strict = new Talk('required');
      strict.offers();
      assert.equal(strict.answered(described('RTP/SAVP', ...wrong)).ok, false, `${wrong}`);
    }
    const open = new Talk('off');
    open.offers();
    const uninvited = open.answered(described('RTP/AVP', crypto(1, LONG, 5)));
    assert.ok(uninvited.ok && uninvited.terms.srtp === undefined, 'a key that nobody asked for');
  });
});

interface Dialled {
  readonly told: (string | CallEnd)[];
  readonly leg: FakeRtpLeg;
  invites(): readonly SipText[];
  answer(invite: SipText, status: number, reason: string, body?: string): void;
}

function dial(srtp: SrtpPolicy, transport: 'UDP' | 'TLS' = 'TLS'): Dialled | undefined {
  const bench = new SipBench({ srtp });
  const leg = new FakeRtpLeg(
    1,
    { codec: bench.codec, remote: { address: '127.0.0.1', port: 9 }, direction: 'inactive' },
    () => {},
  );
  const told: (string | CallEnd)[] = [];
  const flow = new FakeFlow({ transport });
  const call = bench.endpoint.dial({
    uri: 'sip:bob@127.0.0.1',
    way: flow,
    from: { name: undefined, uri: 'sip:1@127.0.0.1', params: new Map() },
    headers: {},
    credentials: undefined,
    leg,
    onRinging: () => told.push('ringing'),
    onAnswered: () => told.push('answered'),
    onEnded: (end) => told.push(end),
  });
  if (!call) return undefined;
  return {
    told,
    leg,
    invites: () => flow.sent.filter(({ method }) => method === 'INVITE'),
    answer: (invite, status, reason, body) =>
      bench.receive(
        flow,
        answerTo(invite, status, reason, { tag: 'far', contact: 'sip:bob@127.0.0.1', ...(body && { body }) }),
      ),
  };
}

suite('a call of ours by TLS', () => {
  test('is offered with SRTP, and its keys go to the leg', () => {
    const call = dial('optional')!;
    const [invite] = call.invites();
    assert.deepEqual(protection(invite!.body), ['RTP/SAVP', crypto(1, LONG, 1)]);
    call.answer(
      invite!,
      200,
      'OK',
      sdpText({ payloads: '0', more: [crypto(1, LONG, 9)] }).replace('RTP/AVP', 'RTP/SAVP'),
    );
    assert.deepEqual(call.told, ['answered']);
    const { srtp } = call.leg.changes.at(-1)!;
    assert.deepEqual([srtp?.send[0], srtp?.receive[0], srtp?.suite], [1, 9, LONG]);
  });

  for (const status of [415, 488, 606]) {
    test(`that is refused with ${status} is made once more with plain RTP, and ends when that is refused too`, () => {
      const call = dial('optional')!;
      call.answer(call.invites()[0]!, status, 'No');
      const [first, second, ...more] = call.invites();
      assert.equal(more.length, 0);
      assert.deepEqual(protection(second!.body), ['RTP/AVP']);
      assert.notEqual(second!.header('call-id'), first!.header('call-id'));
      assert.deepEqual(call.told, []);
      call.answer(second!, status, 'No');
      assert.equal(call.invites().length, 2);
      assert.deepEqual(call.told, [{ kind: 'refused', status, reason: 'No' }]);
    });
  }

  test('is not made again for any other refusal, nor where SRTP is required or off', () => {
    for (const [policy, status] of [
      ['optional', 486],
      ['required', 488],
      ['off', 488],
    ] as const) {
      const call = dial(policy)!;
      call.answer(call.invites()[0]!, status, 'No');
      assert.equal(call.invites().length, 1, policy);
      assert.deepEqual(call.told, [{ kind: 'refused', status, reason: 'No' }]);
    }
  });

  test('is not made at all without TLS where SRTP is required', () => {
    assert.equal(dial('required', 'UDP'), undefined);
    assert.deepEqual(protection(dial('optional', 'UDP')!.invites()[0]!.body), ['RTP/AVP']);
  });
});

test('where SRTP is required a call without TLS is refused before it rings, with an offer and without', async () => {
  for (const changes of [{}, { body: sdpText() }]) {
    const bench = new SipBench({ srtp: 'required' });
    const phone = bench.caller();
    const refusal = await phone.invite(changes);
    assert.equal(refusal.status, 488);
    assert.match(refusal.header('warning') ?? '', /"Not Acceptable Here: SRTP is required: call by TLS"$/);
    assert.equal(bench.engine.legs.length, 0);
  }
});
