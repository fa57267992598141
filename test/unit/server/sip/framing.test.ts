import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { StreamFramer, type StreamItem } from '../../../../server/sip/framing.ts';
import { DEFAULT_LIMITS } from '../../../../server/sip/limits.ts';

function message(id: number, body = '', length = String(body.length)): string {
  return [
    'MESSAGE sip:x@y SIP/2.0',
    'Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1',
    'From: <sip:a@b>;tag=1',
    'To: <sip:b@c>',
    'Call-ID: x',
    `CSeq: ${id} MESSAGE`,
    `Content-Length: ${length}`,
    '',
    body,
  ].join('\r\n');
}

/** What came out, as words: the number and body of a message, or what happened. */
function words(items: readonly StreamItem[]): string[] {
  return items.map((item) => {
    if (item.type === 'keep-alive') return 'keep-alive';
    if (item.type === 'lost') {
      const refusal = item.read?.outcome === 'broken' ? ` ${item.read.refusal.status}` : '';
      return `lost${refusal}${item.oversize ? ' oversize' : ''}`;
    }
    if (item.read.outcome !== 'message') return item.read.outcome;
    return `${item.read.message.cseq.number}:${item.read.message.body.toString()}`;
  });
}

function feed(...pieces: readonly string[]): string[] {
  const framer = new StreamFramer(DEFAULT_LIMITS);
  return pieces.flatMap((piece) => words(framer.push(Buffer.from(piece, 'latin1'))));
}

suite('a stream', () => {
  const two = message(1, 'hello') + message(2);

  test('gives two messages that came in one piece', () => assert.deepEqual(feed(two), ['1:hello', '2:']));

  test('gives messages that came byte by byte', () => assert.deepEqual(feed(...two), ['1:hello', '2:']));

  test('gives the same wherever it is cut in two', () => {
    for (let at = 1; at < two.length; at++)
      assert.deepEqual(feed(two.slice(0, at), two.slice(at)), ['1:hello', '2:'], `cut at ${at}`);
  });

  test('keeps bodies apart from the bytes that come after', () => {
    const framer = new StreamFramer(DEFAULT_LIMITS);
    const [first] = framer.push(Buffer.from(message(1, 'hello')));
    framer.push(Buffer.from(message(2, 'other')));
    assert.deepEqual(words(first ? [first] : []), ['1:hello']);
  });

  test('skips line ends between messages, and tells of a double one', () => {
    assert.deepEqual(feed(`\r\n${message(1)}\r\n\r\n${message(2)}`), ['1:', 'keep-alive', '2:']);
  });

  test('knows a double line end that comes in pieces', () => {
    assert.deepEqual(feed('\r\n', '\r\n', message(1)), ['keep-alive', '1:']);
    assert.deepEqual(feed('\r', '\n\r', '\n', message(1)), ['keep-alive', '1:']);
    assert.deepEqual(feed('\r\n', message(1), '\r\n', message(2)), ['1:', '2:'], 'two single ones are none');
  });

  test('tells once of many keep-alives in one piece', () => {
    assert.deepEqual(feed('\r\n\r\n'.repeat(1000)), ['keep-alive']);
  });

  test('goes on after a message that is broken but framed', () => {
    const broken = message(1).replace('CSeq: 1', 'CSeq: x');
    assert.deepEqual(feed(broken + message(2)), ['broken', '2:']);
  });

  for (const [what, text, found] of [
    ['no Content-Length', message(1).replace(/Content-Length.*\r\n/, ''), 'lost 400'],
    ['a negative Content-Length', message(1, '', '-1'), 'lost 400'],
    ['two Content-Lengths', message(1, '', '0\r\nContent-Length: 5'), 'lost 400'],
    ['a Content-Length of 2 GB', message(1, '', '2147483647'), 'lost 413 oversize'],
    ['a Content-Length of 20 digits', message(1, '', '99999999999999999999'), 'lost 400'],
    ['a head over 64 kB', message(1).replace('Via', `X: ${'x'.repeat(65_536)}\r\nVia`), 'lost 513 oversize'],
    ['a head without end', `MESSAGE sip:x@y SIP/2.0\r\n${'X: y\r\n'.repeat(20_000)}`, 'lost oversize'],
    ['HTTP', 'GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n', 'lost'],
    ['a stray body', `hello\r\n\r\n${message(1)}`, 'lost'],
  ] as const) {
    test(`is given up for ${what}, and nothing after it is read`, () => {
      assert.deepEqual(feed(text, message(2)), [found]);
    });
  }

  test('takes a message of just the size allowed', () => {
    const room = DEFAULT_LIMITS.messageBytes - message(1, '', '65000').length;
    const body = 'x'.repeat(room);
    assert.deepEqual(feed(message(1, body, String(room).padStart(5, '0'))), [`1:${body}`]);
    assert.deepEqual(feed(message(1, `${body}x`, String(room + 1).padStart(5, '0'))), ['lost 413 oversize']);
  });

  test('costs no more in 60 000 pieces than in one', () => {
    const long = Buffer.from(message(1, 'x'.repeat(60_000)));
    const framer = new StreamFramer(DEFAULT_LIMITS);
    const before = process.cpuUsage();
    for (let at = 0; at < long.length; at++) framer.push(long.subarray(at, at + 1));
    const ms = process.cpuUsage(before).user / 1000;
    // Joining at each byte would copy 1.8 GB.
    assert.ok(ms < 1000, `${ms} ms`);
  });
});
