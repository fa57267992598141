import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { StreamFramer } from '../../../../server/sip/framing.ts';
import { DEFAULT_LIMITS } from '../../../../server/sip/limits.ts';
import { readDatagram } from '../../../../server/sip/reader.ts';
import { readSdp } from '../../../../server/sip/sdp-reader.ts';
import { seededRandom } from '../../../support/random.ts';
import { CallScript, sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, SipBench, settle } from './doubles.ts';

const FUZZ_MS = 1000;
/** Longest time the event loop may be held by one message, in ms; generous, for the machine is shared. */
const MOST_MS = 50;

const PIECES = [
  '\r\n',
  '\r\n ',
  ':',
  ';',
  ',',
  '<',
  '>',
  '"',
  '\\',
  '\0',
  '%',
  '@',
  '[',
  ']',
  '=',
  ' ',
  '\t',
  '/',
  '-1',
  '4294967296',
  '99999999999999999999',
  'SIP/2.0',
  'Via: ',
  'v:',
  'Content-Length: 5\r\n',
  '__proto__',
  'é',
  '\xff',
];

/** One to four changes: bytes flipped, cut out, doubled, or a spiteful piece put in. */
function mutate(text: string, random: () => number): string {
  const below = (limit: number): number => Math.floor(random() * limit);
  let mutated = text;
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(mutated.length + 1);
    const to = Math.min(mutated.length, at + below(20));
    const middle = [
      () => String.fromCharCode(below(256)) + mutated.slice(at + 1, to),
      () => '',
      () => mutated.slice(at, to).repeat(2 + below(3)),
      () => (PIECES[below(PIECES.length)] ?? '') + mutated.slice(at, to),
    ][below(4)];
    mutated = mutated.slice(0, at) + middle?.() + mutated.slice(to);
  }
  return mutated;
}

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
  test('an endpoint neither throws, nor answers with 500, nor answers twice', async () => {
    const random = seededRandom(20_260_101);
    const startedAt = performance.now();
    let bench = new SipBench();
    for (let round = 0; performance.now() - startedAt < FUZZ_MS; round++) {
      if (round % 200 === 0) bench = new SipBench();
      const caller = bench.caller();
      await caller.invite({ body: sdpText() });
      const script = caller.script;
      for (const text of [
        new CallScript({ uri: 'sip:demo@127.0.0.1:5060' }).request('INVITE', {
          body: sdpText({ more: ['a=ptime:20', 'a=rtcp:5001'] }),
        }),
        new CallScript({ uri: 'sip:demo@127.0.0.1:5060' }).request('OPTIONS'),
        script.request('ACK'),
        script.request('INVITE', { body: sdpText({ direction: 'sendonly' }) }),
        script.request('INFO'),
        script.request('BYE'),
      ]) {
        const flow = new FakeFlow();
        const mutated = mutate(text, random);
        const before = performance.now();
        bench.receive(flow, mutated);
        await settle();
        assert.deepEqual(bench.errors, [], JSON.stringify(mutated));
        if (performance.now() - before > MOST_MS) {
          // The message, or the machine?
          const again = cost(Buffer.from(mutated, 'latin1'), (bytes) => readDatagram(bytes, DEFAULT_LIMITS));
          assert.ok(again < MOST_MS, `slow: ${JSON.stringify(mutated)}`);
        }
        const finals = flow.statuses.filter((status) => status >= 200);
        assert.ok(finals.length <= 1, JSON.stringify([mutated, flow.statuses]));
        // 500 is for requests out of order, and for nothing else.
        for (const answer of flow.sent)
          if (answer.status === 500) assert.equal(answer.startLine, 'SIP/2.0 500 Out Of Order');
      }
    }
  });

  test('a stream reader neither throws nor hangs', () => {
    const random = seededRandom(7);
    const startedAt = performance.now();
    while (performance.now() - startedAt < FUZZ_MS / 2) {
      const script = new CallScript({ uri: 'sip:demo@127.0.0.1:5060', transport: 'TCP' });
      const stream = mutate(script.request('INVITE', { body: sdpText() }) + script.request('OPTIONS'), random);
      const framer = new StreamFramer(DEFAULT_LIMITS);
      const cut = Math.floor(random() * stream.length);
      framer.push(Buffer.from(stream.slice(0, cut), 'latin1'));
      framer.push(Buffer.from(stream.slice(cut), 'latin1'));
    }
  });

  test('a session description is read or refused', () => {
    const random = seededRandom(11);
    const startedAt = performance.now();
    const text = sdpText({
      more: ['a=ptime:20', 'a=rtcp:5001 IN IP4 1.2.3.4', 'm=video 5 RTP/AVP 31', 'a=rtpmap:96 opus/48000/2'],
    });
    while (performance.now() - startedAt < FUZZ_MS / 2) {
      const result = readSdp(Buffer.from(mutate(text, random), 'latin1'));
      if (!result.ok) continue;
      for (const line of result.media) {
        assert.ok(line.port >= 0 && line.port <= 65_535);
        for (const { payloadType, clockRate } of line.formats)
          assert.ok(payloadType >= 0 && payloadType <= 127 && clockRate > 0);
      }
    }
  });
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
