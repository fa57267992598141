/*
 * Messages that are sound and odd, or unsound in one way each, after the categories of RFC 4475. Each says what it must
 * get for an answer.
 */
import { newBranch, sdpText } from '../support/sip-script.ts';

/** A status, any of several, or no answer at all. `refusal`: any of 400 to 699 but 500. `final`: anything but 500. */
export type Expected = readonly number[] | 'silence' | 'refusal' | 'final';

export interface TortureCase {
  readonly what: string;
  readonly expect: Expected;
  readonly text: string;
  /** Means nothing over a connection, where other rules say where a message ends. */
  readonly datagramOnly?: true;
}

export interface TorturePlace {
  readonly transport: 'UDP' | 'TCP';
  /** Our end, and that of the server, as `host:port`. */
  readonly local: string;
  readonly server: string;
  /** Makes Call-IDs and tags different each time. */
  readonly serial: number;
}

type Headers = Readonly<Record<string, string | null>>;

interface Parts {
  readonly method?: string;
  readonly start?: string;
  readonly headers?: Headers;
  readonly body?: string;
  /** Behind the headers as they are. */
  readonly raw?: string;
}

/** All cases for one peer. */
export function tortureCases(place: TorturePlace): TortureCase[] {
  const { transport, local, server } = place;
  const to = `sip:torture@${server}`;
  let number = 0;
  const message = (parts: Parts): string => {
    const { method = 'OPTIONS', body = method === 'INVITE' ? sdpText({ port: 40_002 }) : '' } = parts;
    number += 1;
    const id = `${place.serial}-${number}`;
    const headers: Record<string, string | null> = {
      Via: `SIP/2.0/${transport} ${local};branch=${newBranch()};rport`,
      From: `"Torture" <sip:tester@${local}>;tag=f${id}`,
      To: `<${to}>`,
      'Call-ID': `torture-${id}@test`,
      CSeq: `1 ${method}`,
      Contact: `<sip:tester@${local}>`,
      'Max-Forwards': '70',
      ...(body === '' ? {} : { 'Content-Type': 'application/sdp' }),
      'Content-Length': String(Buffer.byteLength(body, 'latin1')),
      ...parts.headers,
    };
    const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : `${name}: ${value}`));
    return `${[parts.start ?? `${method} ${to} SIP/2.0`, ...lines].join('\r\n')}\r\n${parts.raw ?? ''}\r\n${body}`;
  };
  const sdp = sdpText({ port: 40_002 });
  const unknown = [405, 501];
  const multipart = [
    '--cut',
    'Content-Type: text/plain',
    '',
    'hello',
    '--cut',
    'Content-Type: application/sdp',
    '',
    sdp,
    '--cut--',
    '',
  ].join('\r\n');
  const branch = newBranch();
  const id = `torture-${place.serial}-odd@test`;
  const odd = [
    `INVITE ${to} SIP/2.0`,
    'T :',
    `  <${to}>`,
    `v:  SIP  / 2.0  / ${transport}`,
    ` ${local}  ;`,
    `   branch = ${branch} ; rport`,
    'CSEQ : 0009',
    '  INVITE',
    `f   : "A \\"quoted\\" \\\\ name"   <sip:odd@${local}> ;   tag    = odd${place.serial}`,
    `i:${id}`,
    'mAx-fOrWaRdS: 0068',
    'NewFangledHeader:   newfangled value',
    ' continued newfangled value',
    'UnknownHeaderWithUnusualValue: ;;,,;;,;',
    `m:"Quoted string \\"\\"" <sip:odd@${local};newparam=newvalue> ; newparam = newvalue`,
    'c: application/sdp',
    `l:${Buffer.byteLength(sdp)}`,
    '',
    sdp,
  ].join('\r\n');

  const valid: [string, Expected, string][] = [
    ['folds, blanks, compact and unknown headers', [200], odd],
    [
      'a method of every character that a method may have',
      unknown,
      message({ method: "!odd-Method0123456789_*+`.%indeed'~" }),
    ],
    ['a method with what looks like an escape', unknown, message({ method: 'RE%47IST%45R' })],
    ['escapes in the user part', [200], message({ start: `OPTIONS sip:%74ort%75re@${server} SIP/2.0` })],
    ['escaped nulls in a user part', 'final', message({ headers: { From: `<sip:null-%00-null@${local}>;tag=n1` } })],
    [
      'parameters in the user part',
      'final',
      message({ start: `OPTIONS sip:user;par=u%40example.net@${server} SIP/2.0` }),
    ],
    [
      'no blank between a name and its brackets',
      [200],
      message({ headers: { From: `caller<sip:x@${local}>;tag=n2` } }),
    ],
    [
      'a name of several bytes a character',
      [200],
      message({ headers: { From: `"J\xc3\xbcrg \xe2\x98\x83" <sip:x@${local}>;tag=n3` } }),
    ],
    [
      'long values',
      [200],
      message({
        headers: {
          To: `"${'I have a long name '.repeat(100)}" <${to}>`,
          'Call-ID': `${'long'.repeat(60)}${place.serial}@test`,
          'X-Long': 'v'.repeat(5000),
        },
      }),
    ],
    [
      'Vias of unknown transports below ours',
      [200],
      message({
        headers: {
          v: 'SIP/2.0/SCTP a.example;branch=z9hG4bKa, SIP/2.0/UNKNOWN b.example:70 ;branch=z9hG4bKb , SIP/2.0/TLS [2001:db8::1]:5061',
        },
      }),
    ],
    [
      'a body in several parts',
      [200],
      message({ method: 'INVITE', headers: { 'Content-Type': 'multipart/mixed; boundary=cut' }, body: multipart }),
    ],
    [
      'unknown parameters everywhere',
      [200],
      message({
        headers: {
          Contact: `<sip:x@${local};a;b=c>;d;e="f;g,h"`,
          Supported: 'x-odd, y-odd',
          Accept: 'application/sdp;q=0.7, */*;level=1',
        },
      }),
    ],
    ['header lines without a value', [200], message({ headers: { Supported: '', Subject: '' } })],
    ['Proxy-Require, which is for proxies', [200], message({ headers: { 'Proxy-Require': 'noProxiesSupportThis' } })],
    ['no hop left, at the end of the way', [200, 483], message({ headers: { 'Max-Forwards': '0' } })],
    ['a date of no known zone', 'final', message({ headers: { Date: 'Fri, 01 Jan 2010 16:00:00 EST' } })],
  ];
  const invalid: [string, Expected, string][] = [
    [
      'empty values in lists',
      'refusal',
      message({
        headers: {
          Via: `SIP/2.0/${transport} ${local};branch=${newBranch()};;,;,,`,
          Contact: `"" <> ;,"Joe" <sip:joe@x>;;,,`,
        },
      }),
    ],
    ['a negative Content-Length', [400], message({ headers: { 'Content-Length': '-999' } })],
    ['numbers beyond all bounds', 'refusal', message({ headers: { CSeq: '36893488147419103232 OPTIONS' } })],
    ['hops beyond their bound', 'final', message({ headers: { 'Max-Forwards': '300' } })],
    ['a name whose quotes do not close', [400], message({ headers: { To: `"Mr. J. User <${to}>` } })],
    ['brackets around the request URI', [400], message({ start: `INVITE <${to}> SIP/2.0`, method: 'INVITE' })],
    [
      'blanks in the request URI',
      [400],
      message({ start: `INVITE sip:torture@${server}; lr SIP/2.0`, method: 'INVITE' }),
    ],
    ['two blanks in the request line', [400], message({ start: `INVITE  ${to}  SIP/2.0`, method: 'INVITE' })],
    ['a blank behind the request line', [400], message({ start: `OPTIONS ${to} SIP/2.0  ` })],
    [
      'headers in the request URI',
      [200, 400],
      message({ start: `INVITE ${to}?Route=%3Csip:example.com%3E SIP/2.0`, method: 'INVITE' }),
    ],
    [
      'a Contact that needs brackets and has none',
      'final',
      message({ headers: { Contact: `sip:user@example.com?Route=%3Csip:x%3E` } }),
    ],
    ['blanks within an address', [200, 400], message({ headers: { To: `<sip:tor ture @${server}>` } })],
    [
      'a name that is no token',
      'final',
      message({ headers: { From: `Bell, Alexander <sip:a.g.bell@${local}>;tag=n4` } }),
    ],
    ['SIP 7', [505], message({ start: `OPTIONS ${to} SIP/7.0` })],
    ['a CSeq of another method', [400], message({ headers: { CSeq: '8 INVITE' } })],
    [
      'an unknown method with a CSeq of another',
      [400, 405, 501],
      message({ method: 'NEWMETHOD', headers: { CSeq: '8 INVITE' } }),
    ],
    ['two CSeqs', [400], message({ raw: 'CSeq: 5 OPTIONS\r\n' })],
    ['two Froms and two Tos', [400], message({ raw: `From: <sip:other@x>;tag=x\r\nTo: <sip:other@x>\r\n` })],
    ['two Call-IDs', [400], message({ raw: 'Call-ID: other@test\r\n' })],
    ['two lengths that differ', [400], message({ raw: 'Content-Length: 7\r\n' })],
    ['no Call-ID', [400], message({ headers: { 'Call-ID': null } })],
    ['no From', [400], message({ headers: { From: null } })],
    ['no To', [400], message({ headers: { To: null } })],
    ['no CSeq', [400], message({ headers: { CSeq: null } })],
    ['300 headers', [400], message({ raw: 'X-Many: x\r\n'.repeat(300) })],
    ['100 Vias', [400], message({ headers: { v: Array(100).fill('SIP/2.0/UDP a.example;branch=z9hG4bKa').join() } })],
    ['a header without a colon', [400], message({ raw: 'this is no header\r\n' })],
    ['nulls in a header', 'final', message({ raw: 'X-Null: a\0b\r\n' })],
  ];
  const applied: [string, Expected, string][] = [
    [
      'a branch of the cookie alone',
      'final',
      message({ headers: { Via: `SIP/2.0/${transport} ${local};branch=z9hG4bK;rport` } }),
    ],
    [
      'a request of RFC 2543: no branch, no tag, no hops',
      'final',
      message({
        headers: { Via: `SIP/2.0/${transport} ${local};rport`, From: `<sip:tester@${local}>`, 'Max-Forwards': null },
      }),
    ],
    ['an unknown scheme', [416], message({ start: 'OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0' })],
    [
      'a known scheme that is not for us',
      [416],
      message({ start: 'INVITE soap.beep://192.0.2.103:3002 SIP/2.0', method: 'INVITE' }),
    ],
    [
      'unknown schemes in headers',
      'final',
      message({ headers: { From: '<http://www.example.com>;tag=n5', Contact: '<name:John_Smith>' } }),
    ],
    [
      'an extension that nobody supports',
      [420],
      message({ method: 'INVITE', headers: { Require: 'nothingSupportsThis, nothingSupportsThisEither' } }),
    ],
    [
      'a body of unknown type',
      [415],
      message({ method: 'INVITE', headers: { 'Content-Type': 'application/unknownformat' }, body: '<audio/>' }),
    ],
    ['a session description that is none', [400, 488], message({ method: 'INVITE', body: 'v=0\r\nnonsense' })],
    [
      'an unknown scheme of authorization',
      'final',
      message({ method: 'REGISTER', headers: { Authorization: 'NoOneKnowsThisScheme opaque-data=here' } }),
    ],
    ['an answer that must be of another kind', 'final', message({ headers: { Accept: 'text/nobodyKnowsThis' } })],
    [
      'a REGISTER with Contacts of every kind',
      'final',
      message({
        method: 'REGISTER',
        headers: { Contact: `<sip:x@${local};a=b>;expires=99999999999, <sip:y@[2001:db8::9:1]>;q=7, *` },
      }),
    ],
    ['a BYE of no call', [481], message({ method: 'BYE', headers: { To: `<${to}>;tag=none` } })],
    ['a CANCEL of nothing', [481], message({ method: 'CANCEL' })],
    ['an INVITE within no call', [481], message({ method: 'INVITE', headers: { To: `<${to}>;tag=none` } })],
    ['an INFO within no call', [481], message({ method: 'INFO', headers: { To: `<${to}>;tag=none` } })],
    [
      'a REFER that would have us call somebody',
      'refusal',
      message({ method: 'REFER', headers: { 'Refer-To': '<sip:900@example.com>' } }),
    ],
    ['an ACK of nothing', 'silence', message({ method: 'ACK' })],
    ['an answer to nothing', 'silence', message({ start: 'SIP/2.0 200 OK' })],
    ['an answer with no reason', 'silence', message({ start: 'SIP/2.0 100 ' })],
    ['an answer of 4294967301', 'silence', message({ start: 'SIP/2.0 4294967301 better not break' })],
    [
      'an answer to a broadcast Via',
      'silence',
      message({ start: 'SIP/2.0 200 OK', headers: { Via: 'SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1' } }),
    ],
  ];
  const datagrams: [string, Expected, string][] = [
    ['bytes behind the body', [200], `${message({})}INVITE sip:x@y SIP/2.0\r\n\r\n`],
    ['a body shorter than it says', [400], message({ headers: { 'Content-Length': '9999' } })],
    ['no end of the headers', 'final', message({}).slice(0, -4)],
    ['line ends of one byte', 'silence', message({}).replaceAll('\r\n', '\n')],
    ['line ends alone', 'silence', '\r\n'.repeat(500)],
    ['nulls', 'silence', '\0'.repeat(1200)],
    ['TLS', 'silence', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['HTTP', 'silence', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['60 kB of one letter', 'silence', 'a'.repeat(60_000)],
    ['no Via', 'silence', message({ headers: { Via: null } })],
  ];
  return [
    ...[...valid, ...invalid, ...applied].map(([what, expect, text]): TortureCase => ({ what, expect, text })),
    ...datagrams.map(([what, expect, text]): TortureCase => ({ what, expect, text, datagramOnly: true })),
  ];
}

/** What is wrong with the answer to a case; undefined when nothing is. */
export function judgeTorture({ what, expect }: TortureCase, status: number | undefined): string | undefined {
  const got = status === undefined ? 'got no answer' : String(status);
  const fits =
    expect === 'silence'
      ? status === undefined
      : status !== undefined &&
        (expect === 'final'
          ? status !== 500
          : expect === 'refusal'
            ? status >= 400 && status !== 500
            : expect.includes(status));
  return fits ? undefined : `${what}: ${got}, not ${Array.isArray(expect) ? expect.join(' or ') : expect}`;
}
