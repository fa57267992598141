import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../../server/sip/limits.ts';
import type { SipRequest } from '../../../../server/sip/message.ts';
import { type ReadResult, readDatagram } from '../../../../server/sip/reader.ts';

/* After the classes of RFC 4475: valid but unusual, broken, and what only looks like SIP. */

function read(text: string): ReadResult {
  return readDatagram(Buffer.from(text, 'latin1'), DEFAULT_LIMITS);
}

function request(text: string): SipRequest {
  const result = read(text);
  assert.equal(result.outcome, 'message', JSON.stringify(result));
  assert.ok(result.outcome === 'message' && result.message.kind === 'request');
  return result.message;
}

/** An OPTIONS whose headers are replaced, added to (`undefined` name) or left out. */
function options(
  changes: Readonly<Record<string, string | null>> = {},
  startLine = 'OPTIONS sip:x@example.com SIP/2.0',
  body = '',
): string {
  const headers: Record<string, string | null> = {
    Via: 'SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKabc',
    From: '<sip:a@example.com>;tag=1',
    To: '<sip:b@example.com>',
    'Call-ID': 'id@example.com',
    CSeq: '1 OPTIONS',
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : `${name}: ${value}`));
  return [startLine, ...lines, '', body].join('\r\n');
}

suite('understood, though unusual:', () => {
  test('folded lines, compact names, blanks before colons and around every mark', () => {
    const message = request(
      [
        'INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0',
        'TO :',
        ' sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n',
        'f   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>',
        '  ;',
        '  tag = 98asjd8',
        'MaX-fOrWaRdS: 0068',
        'i: wsinv.ndaksdj@192.0.2.1',
        'Content-Length   : 3',
        'cseq: 0009',
        '  INVITE',
        'Via  : SIP  /   2.0',
        ' /UDP',
        '    192.0.2.2;branch=390skdjuw',
        's :',
        'NewFangledHeader:   newfangled value',
        ' continued newfangled value',
        'UnknownHeaderWithUnusualValue: ;;,,;;,;',
        'c: application/sdp',
        'Route:',
        ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
        'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
        '  branch  =   z9hG4bK9ikj8  ,',
        ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
        ' z9hG4bK30239',
        'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =',
        '      newvalue ;',
        '  secondparam ; q = 0.33',
        '',
        'v=0 and more than the length says',
      ].join('\r\n'),
    );
    assert.equal(message.method, 'INVITE');
    assert.equal(message.uri, 'sip:vivekg@chair-dnrc.example.com;unknownparam');
    assert.deepEqual(
      [message.to.uri, message.to.params.get('tag')],
      ['sip:vivekg@chair-dnrc.example.com', '1918181833n'],
    );
    assert.equal(message.from.name, '"J Rosenberg \\\\\\""');
    assert.equal(message.from.params.get('tag'), '98asjd8');
    assert.deepEqual(message.cseq, { number: 9, method: 'INVITE' });
    assert.deepEqual(
      message.vias.map(({ transport, host, params }) => [transport, host, params.get('branch')]),
      [
        ['UDP', '192.0.2.2', '390skdjuw'],
        ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
        ['UDP', '192.168.255.111', 'z9hG4bK30239'],
      ],
    );
    assert.deepEqual(
      [...(message.contacts[0]?.params ?? [])],
      [
        ['newparam', 'newvalue'],
        ['secondparam', null],
        ['q', '0.33'],
      ],
    );
    assert.equal(message.headers.get('newfangledheader'), 'newfangled value continued newfangled value');
    assert.equal(message.body.toString(), 'v=0');
  });

  test('every mark that a token may hold, also in a method', () => {
    const method = "!interesting-Method0123456789_*+`.%indeed'~";
    assert.equal(request(options({ CSeq: `1 ${method}` }, `${method} sip:x@y SIP/2.0`)).method, method);
  });

  test('escapes in a method stay as they are: RE%47ISTER is not REGISTER', () => {
    assert.equal(request(options({ CSeq: '1 RE%47ISTER' }, 'RE%47ISTER sip:x@y SIP/2.0')).method, 'RE%47ISTER');
  });

  const texts: readonly (readonly [
    what: string,
    headers: Readonly<Record<string, string>>,
    look: (message: SipRequest) => unknown,
    found: unknown,
  ])[] = [
    [
      'a display name right before its bracket',
      { From: 'caller<sip:a@b>;tag=x' },
      ({ from }) => [from.name, from.uri],
      ['caller', 'sip:a@b'],
    ],
    [
      'a display name of several words',
      { From: 'Ann  B. Lee <sip:a@b>;tag=x' },
      ({ from }) => from.name,
      'Ann  B. Lee',
    ],
    [
      'a comma and a bracket in quotes',
      { From: '"<sip:x>, y" <sip:a@b>;tag=x' },
      ({ from }) => [from.name, from.uri],
      ['"<sip:x>, y"', 'sip:a@b'],
    ],
    [
      'an address without brackets, its parameters the header’s',
      { To: 'sip:a@b;tag=q' },
      ({ to }) => [to.uri, to.params.get('tag')],
      ['sip:a@b', 'q'],
    ],
    [
      'parameters inside brackets, which are the URI’s',
      { To: '<sip:a@b;tag=q>' },
      ({ to }) => [to.uri, to.params.get('tag')],
      ['sip:a@b;tag=q', undefined],
    ],
    ['an address of another scheme', { To: 'isbn:2983792873' }, ({ to }) => to.uri, 'isbn:2983792873'],
    [
      'IPv6 in Via, bracketed or in received',
      { Via: 'SIP/2.0/UDP [2001:db8::9:1]:5070;received=[2001:db8::9:255];branch=z9hG4bKas3' },
      ({ vias }) => [vias[0]?.host, vias[0]?.port, vias[0]?.params.get('branch')],
      ['[2001:db8::9:1]', 5070, 'z9hG4bKas3'],
    ],
    [
      'bare IPv6 in received',
      { Via: 'SIP/2.0/UDP [::1];received=2001:db8::9;branch=z9' },
      ({ vias }) => vias[0]?.params.get('branch'),
      'z9',
    ],
    [
      'an unknown transport',
      { Via: 'SIP/2.0/UNKNOWN a.example.com;branch=z9' },
      ({ vias }) => vias[0]?.transport,
      'UNKNOWN',
    ],
    [
      'a To of prototype names',
      { To: '<sip:a@b>;__proto__=x;constructor=y' },
      ({ to }) => to.params.get('__proto__'),
      'x',
    ],
    [
      'a header called __proto__',
      { __proto__x: '1', constructor: 'y' },
      ({ headers }) => headers.get('constructor'),
      'y',
    ],
    ['an empty header', { Subject: '' }, ({ headers }) => headers.get('subject'), ''],
    [
      'an Authorization of unknown kind',
      { Authorization: 'NoOneKnowsThisScheme opaque-data=here' },
      ({ headers }) => headers.has('authorization'),
      true,
    ],
  ];
  for (const [what, headers, look, found] of texts) {
    test(what, () => assert.deepEqual(look(request(options(headers))), found));
  }

  test('line ends before the message, as a keep-alive leaves them', () => {
    const withBreaks = Buffer.from(`\r\n\r\n${options()}`);
    assert.equal(readDatagram(withBreaks.subarray(4), DEFAULT_LIMITS).outcome, 'message');
  });

  test('a datagram without Content-Length, whose body is all the rest', () => {
    assert.equal(request(options({}, undefined, 'rest')).body.toString(), 'rest');
  });

  test('a sender of RFC 2543: no branch, no From tag, no Max-Forwards', () => {
    const message = request(options({ Via: 'SIP/2.0/UDP old.example.com', From: 'sip:a@b' }));
    assert.equal(message.from.params.size, 0);
  });

  test('an answer with a reason in any bytes, or without one', () => {
    for (const line of ['SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe', 'SIP/2.0 100 ', 'SIP/2.0 699']) {
      const result = read(options({}, line));
      assert.ok(result.outcome === 'message' && result.message.kind === 'response', line);
    }
  });
});

suite('refused with 400:', () => {
  const headers: readonly (readonly [what: string, changes: Readonly<Record<string, string | null>>])[] = [
    ['no Call-ID, From and To', { 'Call-ID': null, From: null, To: null }],
    ['no CSeq', { CSeq: null }],
    ['a CSeq of another method', { CSeq: '1 INVITE' }],
    ['a CSeq of 2^31', { CSeq: '2147483648 OPTIONS' }],
    ['a CSeq of 36893488147419103232', { CSeq: '36893488147419103232 OPTIONS' }],
    ['a negative CSeq', { CSeq: '-1 OPTIONS' }],
    ['a CSeq in hexadecimal', { CSeq: '0x1 OPTIONS' }],
    ['Max-Forwards of 256', { 'Max-Forwards': '256' }],
    ['Max-Forwards that is no number', { 'Max-Forwards': '7e1' }],
    ['a negative Content-Length', { 'Content-Length': '-999' }],
    ['a huge Content-Length', { 'Content-Length': '99999999999999999999' }],
    ['a Content-Length beyond the datagram', { 'Content-Length': '9999' }],
    ['two Content-Lengths', { 'Content-Length': '0', 'content-length': '0' }],
    ['two Content-Lengths, one of them compact', { 'Content-Length': '0', l: '5' }],
    ['two Call-IDs', { 'call-id': 'other' }],
    ['two Froms', { f: '<sip:x@y>' }],
    ['an open quote', { To: '"Mr. J. User <sip:j.user@example.com>' }],
    ['an open bracket', { To: '<sip:j.user@example.com' }],
    ['words that are not a display name', { From: 'Bell, Alexander <sip:a.g.bell@example.com>;tag=43' }],
    ['headers of the URI without brackets', { Contact: 'sip:user@example.com?Route=%3Csip:sip.example.com%3E' }],
    ['nothing but separators in Via', { Via: ';,;,,' }],
    ['a Via of another version', { Via: 'SIP/7.0/UDP a.example.com' }],
    ['a Via port of 65536', { Via: 'SIP/2.0/UDP a.example.com:65536;branch=z9hG4bK1' }],
    ['a Via port of 0', { Via: 'SIP/2.0/UDP a.example.com:0;branch=z9hG4bK1' }],
    ['71 Vias', { Via: Array.from({ length: 71 }, () => 'SIP/2.0/UDP a').join(', ') }],
    ['11 Contacts', { Contact: Array.from({ length: 11 }, () => '<sip:a@b>').join(', ') }],
    ['21 Routes', { Route: Array.from({ length: 21 }, () => '<sip:a@b>').join(', ') }],
    ['201 headers', Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`X-${i}`, '1']))],
    ['a header without a colon', { 'Subject hello\r\nX': '1' }],
    ['a header name with a blank inside', { 'Sub ject': '1' }],
    ['a NUL in a header', { Subject: 'a\0b' }],
    ['a lone line feed in a header', { Subject: 'a\nTo: <sip:evil@x>' }],
    ['a lone carriage return in a header', { Subject: 'a\rb' }],
  ];
  for (const [what, changes] of headers) {
    test(what, () => {
      const result = read(options(changes));
      assert.equal(result.outcome, 'broken', JSON.stringify(result));
      assert.ok(result.outcome === 'broken');
      assert.equal(result.refusal.status, 400, result.refusal.reason);
    });
  }

  for (const line of [
    'OPTIONS  sip:x@y SIP/2.0',
    'OPTIONS sip:x@y  SIP/2.0',
    'OPTIONS sip:x@y SIP/2.0 ',
    'OPTIONS sip:x y@z SIP/2.0',
    'OPTIONS sip:x@y; lr SIP/2.0',
    'OPTIONS SIP/2.0',
  ]) {
    test(`the request line "${line}"`, () => {
      const result = read(options({}, line));
      assert.ok(result.outcome === 'broken' && result.refusal.status === 400, JSON.stringify(result));
    });
  }

  test('headers that never end', () => {
    const result = read(options().trimEnd());
    assert.ok(result.outcome === 'broken' && result.refusal.status === 400);
  });
});

suite('otherwise:', () => {
  for (const version of ['SIP/7.0', 'SIP/3.1', 'sip/1.0']) {
    test(`version ${version} is refused with 505`, () => {
      const result = read(options({}, `OPTIONS sip:x@y ${version}`));
      assert.ok(result.outcome === 'broken' && result.refusal.status === 505);
    });
  }

  for (const [what, text] of [
    ['nothing', ''],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a status over 699', options({}, 'SIP/2.0 700 No')],
    ['a status of two digits', options({}, 'SIP/2.0 99 No')],
    ['a status with a sign', options({}, 'SIP/2.0 +20 No')],
    ['a broken answer', options({ CSeq: null }, 'SIP/2.0 200 OK')],
    ['a broken ACK', options({ CSeq: 'x' }, 'ACK sip:x@y SIP/2.0')],
    ['a broken request without Via', options({ Via: null, CSeq: 'x' })],
    ['a method of 65 characters', options({}, `${'A'.repeat(65)} sip:x@y SIP/2.0`)],
    ['a control character in the request line', options({}, 'OPTIONS sip:x\0@y SIP/2.0')],
  ] as const) {
    test(`${what} is dropped`, () => assert.equal(read(text).outcome, 'garbage'));
  }
});
