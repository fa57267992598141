import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../../server/sip/limits.ts';
import { readDatagram } from '../../../../server/sip/reader.ts';
import { readSdp } from '../../../../server/sip/sdp-reader.ts';
import { holds } from '../../../fuzz/run.ts';
import { SIP_TARGETS } from '../../../fuzz/targets/sip.ts';
import { CallScript, sdpText } from '../../../support/sip-script.ts';

/** The best of three, in ms of this process's own time: what the message costs, not what else the machine does. */
function cost(bytes: Buffer, read: (bytes: Buffer) => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    read(bytes);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

suite('whatever comes in', () => {
  test('a message is read, refused or dropped', () => holds(SIP_TARGETS.message, 5000));

  test('an endpoint neither throws, nor answers with 500, nor answers twice', () => holds(SIP_TARGETS.endpoint, 300));

  test('a stream reader neither throws nor hangs, and reads the same however the stream is cut', () =>
    holds(SIP_TARGETS.stream, 2000));

  test('a session description is read or refused', () => holds(SIP_TARGETS.sdp, 3000));
});

suite('64 kB', () => {
  const SIZE = 65_000;
  const request = new CallScript({ uri: 'sip:demo@127.0.0.1:5060' }).request('INVITE', { body: sdpText() });
  const [head = ''] = request.split('\r\n\r\n');

  const datagram = (bytes: Buffer) => readDatagram(bytes, DEFAULT_LIMITS);

  test('of any one byte are read or refused in a few milliseconds, alone and in every header', () => {
    readDatagram(Buffer.from(request), DEFAULT_LIMITS);
    const slow: string[] = [];
    const look = (what: string, text: string): void => {
      const ms = cost(Buffer.from(text, 'latin1'), datagram);
      // A quadratic reader needs seconds.
      if (ms > 25) slow.push(`${what}: ${ms.toFixed(1)} ms`);
    };
    for (let byte = 0; byte < 256; byte++) {
      const run = String.fromCharCode(byte).repeat(SIZE);
      look(`byte ${byte}`, run);
      if (byte % 8 === 0 || ' \t":;,<>@[]%\\/=.a'.includes(run.charAt(0)))
        for (const name of ['Via', 'From', 'To', 'Contact', 'Call-ID', 'CSeq', 'Route', 'Content-Length', 'X-Other'])
          look(
            `${name} of byte ${byte}`,
            `${head.replace(new RegExp(`^${name}: .*\r\n`, 'm'), '')}\r\n${name}: ${run}\r\n\r\n`,
          );
    }
    assert.deepEqual(slow, []);
  });

  test('of any short pattern are read or refused in a few milliseconds', () => {
    const slow: string[] = [];
    for (const pattern of [
      '\r\n',
      '\r\n ',
      '\r\n\t',
      'a:b\r\n',
      'a: b\r\n c\r\n',
      ' a',
      '"a',
      '\\"',
      ';a=b',
      ';a="b',
      '<a>',
      '<a>,',
      'SIP/2.0/',
      'SIP/2.0/UDP a;',
      '[::',
      '%41',
      '0',
      '9',
    ])
      for (const name of ['Via', 'To', 'Contact', 'Record-Route', 'X-Other']) {
        const run = pattern.repeat(Math.floor(SIZE / pattern.length));
        const ms = cost(Buffer.from(`${head}\r\n${name}: ${run}\r\n\r\n`, 'latin1'), datagram);
        if (ms > 25) slow.push(`${name} of ${JSON.stringify(pattern)}: ${ms.toFixed(1)} ms`);
      }
    assert.deepEqual(slow, []);
  });

  test('of session description are refused in a few milliseconds, and so are 16 kB', () => {
    const slow: string[] = [];
    for (const pattern of [
      'a',
      ' ',
      '\n',
      'a=x\n',
      'm=audio 1 RTP/AVP 0\n',
      'a=rtpmap:0 ',
      'a=imageattr:97 send [x=',
      'a=simulcast:send ',
      '\r',
      '0 ',
      ';',
      '/',
    ])
      for (const size of [16_000, SIZE]) {
        const text = `v=0\r\nm=audio 1 RTP/AVP 0\r\n${pattern.repeat(size / pattern.length)}`;
        const ms = cost(Buffer.from(text, 'latin1'), readSdp);
        if (ms > 25) slow.push(`${size} of ${JSON.stringify(pattern)}: ${ms.toFixed(1)} ms`);
      }
    assert.deepEqual(slow, []);
  });
});
