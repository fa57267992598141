import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CODEC_NAMES, codecsNamed, G711, type SupportedCodec } from '../../../../server/sip/codecs.ts';
import { judgeTarget } from '../../../../server/sip/media-target.ts';
import { Negotiation } from '../../../../server/sip/negotiation.ts';
import type { MediaTerms } from '../../../../server/sip/sdp.ts';
import { sdpText } from '../../../support/sip-script.ts';

const OPUS = codecsNamed(['opus']);
const ALL = codecsNamed(CODEC_NAMES);

function negotiation(codecs: readonly SupportedCodec[] = G711, publicAddress = '192.0.2.1'): Negotiation {
  return new Negotiation({
    codecs,
    publicAddress,
    sessionId: 42,
    srtp: 'optional',
    newMaster: () => new Uint8Array(30),
  });
}

/** What an offer leads to: terms and answer, or the status of the refusal. */
function answer(
  offer: string,
  codecs?: readonly SupportedCodec[],
): { terms: MediaTerms; text: string } | { status: number; reason: string } {
  const result = negotiation(codecs).offered(Buffer.from(offer, 'latin1'), PEER);
  return result.ok ? { terms: result.terms, text: result.accept(20_000).toString() } : result;
}

function agreed(offer: string, codecs?: readonly SupportedCodec[]): { terms: MediaTerms; text: string } {
  const result = answer(offer, codecs);
  assert.ok('terms' in result, JSON.stringify(result));
  return result;
}

const AT = { address: '198.51.100.1' };
const PEER = { transport: 'UDP', address: '192.0.2.9' } as const;

suite('the answer to an offer', () => {
  test('is written line for line', () => {
    const { text } = agreed(sdpText({ ...AT, payloads: '0 8 101' }));
    assert.equal(
      text,
      [
        'v=0',
        'o=- 42 1 IN IP4 192.0.2.1',
        's=-',
        'c=IN IP4 192.0.2.1',
        't=0 0',
        'm=audio 20000 RTP/AVP 0 101',
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:101 telephone-event/8000',
        'a=fmtp:101 0-15',
        'a=ptime:20',
        'a=sendrecv',
        '',
      ].join('\r\n'),
    );
  });

  const choices: readonly (readonly [what: string, payloads: string, more: readonly string[], codec: string])[] = [
    ['the first codec of the offer that we have', '18 8 0', [], 'PCMA 8'],
    ['a codec by its name where its number is free', '96 18', ['a=rtpmap:96 pcmu/8000'], 'PCMU 96'],
    ['a static number that rtpmap gives to another codec', '0 8', ['a=rtpmap:0 SPEEX/8000'], 'PCMA 8'],
    ['a codec at another clock rate', '96 8', ['a=rtpmap:96 PCMU/16000'], 'PCMA 8'],
    ['a codec with two channels', '96 8', ['a=rtpmap:96 PCMU/8000/2'], 'PCMA 8'],
    ['a payload type over 127', '200 8', ['a=rtpmap:200 PCMU/8000'], 'PCMA 8'],
    ['a clock rate of 0', '96 8', ['a=rtpmap:96 PCMU/0'], 'PCMA 8'],
  ];
  for (const [what, payloads, more, codec] of choices) {
    test(`weighs ${what}`, () => {
      const { terms } = agreed(sdpText({ ...AT, payloads, more }));
      assert.equal(`${terms.codec.name} ${terms.codec.payloadType}`, codec);
    });
  }

  test('takes codecs beyond G.711 when they are given, with channels and parameters', () => {
    const offer = sdpText({ ...AT, payloads: '96 0', more: ['a=rtpmap:96 opus/48000/2'] });
    const { terms, text } = agreed(offer, [...OPUS, ...G711]);
    assert.deepEqual([terms.codec.name, terms.codec.clockRate, terms.codec.channels], ['opus', 48_000, 2]);
    assert.match(text, /a=rtpmap:96 opus\/48000\/2\r\n.*a=fmtp:96 useinbandfec=1\r\n/s);
  });

  const wide: readonly (readonly [what: string, payloads: string, more: readonly string[], agreed: string])[] = [
    ['G.722 by its static number', '9 0', [], 'G722/8000 9'],
    ['G.722 by a number of theirs', '97 0', ['a=rtpmap:97 G722/8000'], 'G722/8000 97'],
    ['L16 at each of its rates', '98', ['a=rtpmap:98 L16/16000'], 'L16/16000 98'],
    ['L16 that says it is mono', '98', ['a=rtpmap:98 L16/48000/1'], 'L16/48000 98'],
    ['Opus under any number', '127', ['a=rtpmap:127 OPUS/48000/2'], 'opus/48000 127'],
    ['the order of the offer, not ours', '9 96 0', ['a=rtpmap:96 opus/48000/2'], 'G722/8000 9'],
    ['past L16 in stereo', '98 10 0', ['a=rtpmap:98 L16/16000/2'], 'PCMU/8000 0'],
    ['past L16 at 44.1 kHz', '11 0', [], 'PCMU/8000 0'],
    ['past Opus that is not written as it must be', '96 0', ['a=rtpmap:96 opus/48000'], 'PCMU/8000 0'],
  ];
  for (const [what, payloads, more, expected] of wide) {
    test(`takes ${what}`, () => {
      const { terms } = agreed(sdpText({ ...AT, payloads, more }), ALL);
      assert.equal(`${terms.codec.name}/${terms.codec.clockRate} ${terms.codec.payloadType}`, expected);
    });
  }

  test('reads what the peer wants of Opus, and takes strange values for none', () => {
    const wants = (fmtp: string) =>
      agreed(sdpText({ ...AT, payloads: '96', more: ['a=rtpmap:96 opus/48000/2', `a=fmtp:96 ${fmtp}`] }), OPUS).terms
        .codec.opus;
    assert.deepEqual(wants('minptime=10; useinbandfec=1;usedtx=1; maxaveragebitrate=16000'), {
      fec: true,
      dtx: true,
      maxBitrate: 16_000,
    });
    assert.deepEqual(wants('stereo=1'), { fec: false, dtx: false });
    for (const strange of ['maxaveragebitrate=1e9', 'maxaveragebitrate=-1', 'useinbandfec=yes;;=;=1', 'x'.repeat(300)])
      assert.deepEqual(wants(strange), { fec: false, dtx: false }, strange);
    const none = agreed(sdpText({ ...AT, payloads: '96', more: ['a=rtpmap:96 opus/48000/2'] }), OPUS);
    assert.deepEqual(none.terms.codec.opus, { fec: false, dtx: false });
  });

  test('takes comfort noise on the clock of the codec only', () => {
    const more = ['a=rtpmap:96 opus/48000/2', 'a=rtpmap:98 L16/16000', 'a=rtpmap:99 CN/16000'];
    const noise = (payloads: string) => agreed(sdpText({ ...AT, payloads, more }), ALL).terms.comfortNoisePayloadType;
    assert.equal(noise('9 13 99'), 13);
    assert.equal(noise('98 13 99'), 99);
    assert.equal(noise('96 13 99'), undefined);
  });

  test('takes telephone-event on the clock of the codec, or else the first there is', () => {
    const events = ['a=rtpmap:100 telephone-event/8000', 'a=rtpmap:102 telephone-event/48000'];
    const offer = (payloads: string) => sdpText({ ...AT, payloads, more: ['a=rtpmap:96 opus/48000/2', ...events] });
    assert.equal(agreed(offer('96 100 102'), OPUS).terms.telephoneEvent?.payloadType, 102);
    assert.equal(agreed(offer('0 102 100')).terms.telephoneEvent?.payloadType, 100);
    assert.equal(agreed(offer('0 102')).terms.telephoneEvent?.payloadType, 102);
    assert.equal(agreed(offer('0')).terms.telephoneEvent, undefined);
  });

  test('notes comfort noise and does not ask for it', () => {
    const { terms, text } = agreed(sdpText({ ...AT, payloads: '0 13' }));
    assert.equal(terms.comfortNoisePayloadType, 13);
    assert.match(text, /^m=audio 20000 RTP\/AVP 0\r$/m);
  });

  test('reads packet time and the port of RTCP', () => {
    const { terms } = agreed(sdpText({ ...AT, more: ['a=ptime:30', 'a=rtcp:53020 IN IP4 126.16.64.4'] }));
    assert.equal(terms.codec.ptimeMs, 30);
    assert.deepEqual(terms.remote, { address: AT.address, port: 40_000, rtcpPort: 53_020 });
  });

  for (const ptime of ['0', 'NaN', '-20', '20.5', '1e9', '']) {
    test(`ignores a packet time of "${ptime}"`, () => {
      assert.equal(agreed(sdpText({ ...AT, more: [`a=ptime:${ptime}`] })).terms.codec.ptimeMs, undefined);
    });
  }

  for (const [theirs, ours] of [
    ['sendrecv', 'sendrecv'],
    ['sendonly', 'recvonly'],
    ['recvonly', 'sendonly'],
    ['inactive', 'inactive'],
  ] as const) {
    test(`mirrors ${theirs} as ${ours}`, () => {
      const { terms, text } = agreed(sdpText({ ...AT, direction: theirs }));
      assert.equal(terms.direction, ours);
      assert.match(text, new RegExp(`^a=${ours}\r$`, 'm'));
    });
  }

  test('takes a direction for all media unless a line says otherwise', () => {
    const all = sdpText(AT).replace('m=audio', 'a=sendonly\r\nm=audio');
    assert.equal(agreed(all).terms.direction, 'recvonly');
    assert.equal(agreed(`${all}a=sendrecv\r\n`).terms.direction, 'sendrecv');
  });

  test('takes the address of the line before that of all media', () => {
    const { terms } = agreed(sdpText({ address: '224.0.0.1', more: ['c=IN IP4 198.51.100.7'] }));
    assert.equal(terms.remote?.address, '198.51.100.7');
  });

  test('refuses every other line in its place', () => {
    const { text } = agreed(
      [
        'v=0',
        'c=IN IP4 198.51.100.1',
        'm=video 5000 RTP/AVP 34 96',
        'm=audio 0 RTP/AVP 0',
        'm=audio 5002 RTP/SAVP 0',
        'm=audio 5004/2 RTP/AVP 8',
        'm=audio 5006 RTP/AVP 0',
        'm=application 9 UDP/BFCP *',
        '',
      ].join('\n'),
    );
    assert.deepEqual(text.match(/^m=.*(?=\r$)/gm), [
      'm=video 0 RTP/AVP 34',
      'm=audio 0 RTP/AVP 0',
      'm=audio 0 RTP/SAVP 0',
      'm=audio 20000 RTP/AVP 8',
      'm=audio 0 RTP/AVP 0',
      'm=application 0 UDP/BFCP *',
    ]);
  });

  test('takes an offer of the kind browsers-turned-phones send: dozens of attributes, most of them strange', () => {
    const strange = [
      'a=ice-ufrag:x',
      'a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host',
      'a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss',
      'a=fmtp:0 x',
      'b=AS:64',
      'k=clear:x',
      'i=x',
    ];
    assert.equal(agreed(sdpText({ ...AT, more: strange })).terms.codec.name, 'PCMU');
  });
});

suite('a further offer', () => {
  test('keeps the line in use, and says the same again under the same version', () => {
    const call = negotiation();
    const lines = (first: string) =>
      `v=0\r\nc=IN IP4 198.51.100.1\r\nm=audio ${first} RTP/AVP 0\r\nm=audio 5002 RTP/AVP 0\r\n`;
    const one = call.offered(Buffer.from(lines('0')), PEER);
    assert.ok(one.ok);
    const first = one.accept(20_000).toString();
    const two = call.offered(Buffer.from(lines('5000')), PEER);
    assert.ok(two.ok);
    assert.equal(two.accept(20_000).toString(), first);
    assert.match(first, /m=audio 0 .*\r\nm=audio 20000 /s);
  });

  test('of ours keeps lines and numbers as they were agreed', () => {
    const call = negotiation([...OPUS, ...G711]);
    const theirs = `v=0\r\nc=IN IP4 198.51.100.1\r\nm=video 5000 RTP/AVP 34\r\nm=audio 5002 RTP/AVP 96 99\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:99 telephone-event/48000\r\n`;
    const offered = call.offered(Buffer.from(theirs), PEER);
    assert.ok(offered.ok);
    offered.accept(20_000);
    const ours = call.offer(20_000, PEER).toString();
    assert.match(ours, /m=video 0 RTP\/AVP 34\r\nm=audio 20000 RTP\/AVP 96 0 8 99 101\r\n/);
    assert.match(ours, /^o=- 42 2 /m);
  });
});

suite('an offer of our own', () => {
  test('has every codec in the order of the setting, with an event on each clock', () => {
    const text = negotiation(codecsNamed(['opus', 'G722', 'PCMU', 'L16']))
      .offer(20_000, PEER)
      .toString();
    const described = text.match(/^(?:m=audio|a=rtpmap|a=fmtp).*(?=\r$)/gm);
    assert.deepEqual(described, [
      'm=audio 20000 RTP/AVP 111 9 0 112 113 114 110 101 102',
      'a=rtpmap:111 opus/48000/2',
      'a=rtpmap:9 G722/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:112 L16/16000',
      'a=rtpmap:113 L16/8000',
      'a=rtpmap:114 L16/48000',
      'a=rtpmap:110 telephone-event/48000',
      'a=rtpmap:101 telephone-event/8000',
      'a=rtpmap:102 telephone-event/16000',
      'a=fmtp:111 useinbandfec=1',
      'a=fmtp:110 0-15',
      'a=fmtp:101 0-15',
      'a=fmtp:102 0-15',
    ]);
  });

  test('gives no number a second meaning within a call', () => {
    const call = negotiation(ALL);
    const theirs = [
      ...['v=0', 'c=IN IP4 198.51.100.1', 'm=audio 5002 RTP/AVP 112 111'],
      ...['a=rtpmap:112 opus/48000/2', 'a=rtpmap:111 telephone-event/48000', ''],
    ].join('\r\n');
    const offered = call.offered(Buffer.from(theirs), PEER);
    assert.ok(offered.ok);
    offered.accept(20_000);
    const text = call.offer(20_000, PEER).toString();
    const maps = new Map([...text.matchAll(/^a=rtpmap:(\d+) (\S+)\r$/gm)].map(([, number, name]) => [number, name]));
    assert.equal(maps.get('112'), 'opus/48000/2');
    assert.equal(maps.get('111'), 'telephone-event/48000');
    assert.equal(maps.size, text.match(/^a=rtpmap/gm)?.length, 'each number once');
    for (const codec of ALL)
      assert.ok([...maps.values()].some((name) => name?.startsWith(`${codec.name}/${codec.clockRate}`)));
  });

  test('takes the number of the answer for what is sent', () => {
    const call = negotiation(ALL);
    call.offer(20_000, PEER);
    const answer = 'v=0\r\nc=IN IP4 198.51.100.1\r\nm=audio 5002 RTP/AVP 120\r\na=rtpmap:120 opus/48000/2\r\n';
    const answered = call.answered(Buffer.from(answer), PEER);
    assert.ok(answered.ok);
    assert.equal(answered.terms.codec.payloadType, 120);
  });
});

suite('refused:', () => {
  const cases: readonly (readonly [what: string, offer: string, status: number])[] = [
    ['nothing in common', sdpText({ ...AT, payloads: '18' }), 488],
    ['no audio', sdpText(AT).replace('m=audio', 'm=video'), 488],
    ['encrypted audio only', sdpText(AT).replace('RTP/AVP', 'RTP/SAVP'), 488],
    ['audio that is switched off', sdpText({ ...AT, port: 0 }), 488],
    ['17 m-lines', `v=0\r\n${'m=audio 4000 RTP/AVP 0\r\n'.repeat(17)}`, 488],
    ['129 attributes', sdpText({ ...AT, more: Array.from({ length: 129 }, () => 'a=x') }), 488],
    ['no c-line', sdpText(AT).replace(/c=.*\r\n/, ''), 488],
    ['a host name for media', sdpText({ address: 'phone.example.com' }), 488],
    ['IPv6 where we have IPv4', sdpText({ address: '2001:db8::1' }), 488],
    ['0.0.0.0 without hold', sdpText({ address: '0.0.0.0' }), 488],
    ['another version', sdpText(AT).replace('v=0', 'v=1'), 400],
    ['no version', sdpText(AT).replace('v=0\r\n', ''), 400],
    ['no m-line', 'v=0\r\n', 400],
    ['a port of 65536', sdpText({ ...AT, port: 65_536 }), 400],
    ['a negative port', sdpText({ ...AT, port: -1 }), 400],
    ['a port of 4e4', sdpText(AT).replace('40000', '4e4'), 400],
    ['an m-line without formats', sdpText(AT).replace(' 0 8 101', ''), 400],
    ['a line that is none', sdpText({ ...AT, more: ['hello'] }), 400],
    ['a NUL', sdpText({ ...AT, more: ['a=x\0y'] }), 400],
    ['nothing at all', '', 400],
    ['a line of 1025 bytes', sdpText({ ...AT, more: [`a=${'x'.repeat(1023)}`] }), 413],
    ['16 385 bytes', sdpText(AT).padEnd(16_385, '\r\n'), 413],
  ];
  for (const [what, offer, status] of cases) {
    test(`${what} with ${status}`, () => {
      const result = answer(offer);
      assert.ok('status' in result, 'it was accepted');
      assert.equal(result.status, status, result.reason);
    });
  }

  test('0.0.0.0 is accepted with a direction of hold, and nothing is sent', () => {
    const { terms } = agreed(sdpText({ address: '0.0.0.0', direction: 'sendonly' }));
    assert.deepEqual([terms.direction, terms.remote], ['recvonly', undefined]);
    assert.equal(agreed(sdpText({ address: '0.0.0.0', direction: 'inactive' })).terms.direction, 'inactive');
  });
});

test('a peer elsewhere that names its own loopback interface is sent sound where its signalling comes from', () => {
  const { terms } = agreed(sdpText({ address: '127.0.0.1' }));
  assert.deepEqual([terms.remote?.address, terms.remote?.port, terms.direction], ['192.0.2.9', 40_000, 'sendrecv']);
});

suite('as a target of media', () => {
  const HERE = '192.0.2.1';
  const table: readonly (readonly [address: string, verdict: string, signalling?: string, ours?: string])[] = [
    ['198.51.100.1', 'usable'],
    ['10.1.2.3', 'usable'],
    ['192.168.1.20', 'usable'],
    ['100.64.0.1', 'usable'],
    ['169.254.7.7', 'usable'],
    ['0.0.0.0', 'unspecified'],
    ['::', 'unspecified'],
    ['0.1.2.3', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['239.255.255.255', 'forbidden'],
    ['240.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['169.254.169.254', 'forbidden'],
    ['100.100.100.200', 'forbidden'],
    ['168.63.129.16', 'forbidden'],
    ['127.0.0.1', 'own'],
    ['127.0.0.1', 'forbidden', '2001:db8::9'],
    ['127.0.0.1', 'usable', '127.0.0.1'],
    ['127.9.9.9', 'usable', '127.0.0.1', '127.0.0.1'],
    ['198.51.100.1', 'usable', '127.0.0.1'],
    ['2001:db8::1', 'forbidden'],
    ['2001:db8::1', 'usable', '::1', '2001:db8::2'],
    ['ff02::1', 'forbidden', '::1', '2001:db8::2'],
    ['fd00:ec2::254', 'forbidden', '::1', '2001:db8::2'],
    ['::ffff:224.0.0.1', 'forbidden', '::1', '2001:db8::2'],
    ['::ffff:224.0.0.1', 'forbidden'],
    ['::1', 'own', '2001:db8::9', '2001:db8::2'],
    ['example.com', 'forbidden'],
  ];
  for (const [address, verdict, signalling = '198.51.100.9', ours = HERE] of table) {
    test(`${address} is ${verdict} for a peer at ${signalling} and us at ${ours}`, () => {
      assert.equal(judgeTarget(address, ours, signalling), verdict);
    });
  }
});
