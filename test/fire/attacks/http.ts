import { setTimeout as wait } from 'node:timers/promises';
import { mutateText } from '../../fuzz/mutate.ts';
import { pick } from '../../fuzz/target.ts';
import { RawHttp } from '../../support/raw-http.ts';
import { type Attack, type Front, isOver } from '../attack.ts';

const hostOf = (serial: number): string => `127.0.5.${1 + (serial % 200)}`;
const SLOW = 100;
const DRIP_MS = 100;
const PAUSE_MS = 10;
const ANSWER_MS = 4000;

export const http: Attack = {
  name: 'http',
  about:
    'requests that drip, lie about lengths, come in heaps, are deep, huge or of strangers, and guesses of passwords',
  counts: { answered: ['partyline_http_request_seconds_count'], refused: ['partyline_http_refusals_total'] },
  run: async (front) => {
    const { server, random } = front;
    const wrong: string[] = [];
    const slow = Array.from({ length: SLOW }, (_, i) =>
      new RawHttp(server.httpUrl, hostOf(front.serial())).write(
        i % 2 === 0 ? 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ' : post(front, '', 1000),
      ),
    );
    const drip = setInterval(() => {
      for (const raw of slow) if (raw.socket.writable) raw.write('x');
    }, DRIP_MS);
    const latencies: number[] = [];
    let sent = SLOW;
    do {
      const raw = new RawHttp(server.httpUrl, hostOf(front.serial()));
      const [what, allowed, bytes] = pick(random, cases(front));
      raw.write(bytes);
      sent += 1;
      const deadline = performance.now() + ANSWER_MS;
      while (raw.statuses.length === 0 && !raw.socket.destroyed && performance.now() < deadline) await wait(3);
      const odd = raw.statuses.filter((status) => !allowed(status));
      if (odd.length > 0) wrong.push(`${what} got ${odd.join()}`);
      if (raw.statuses.length === 0 && !raw.socket.destroyed) wrong.push(`${what} got no answer`);
      raw.destroy();
      const began = performance.now();
      const { status } = await server.api('GET', '/MultiPartyCall/?limit=1');
      latencies.push(performance.now() - began);
      if (status !== 200) wrong.push(`who has the password got ${status}`);
      await wait(PAUSE_MS);
    } while (!isOver(front));
    clearInterval(drip);
    for (const raw of slow) raw.destroy();
    latencies.sort((a, b) => a - b);
    return {
      sent,
      wrong,
      note: `others waited ${(latencies[Math.floor(latencies.length / 2)] ?? 0).toFixed(0)} ms at the median`,
    };
  },
};

function post(
  { server, rooms }: Front,
  body: string,
  length = Buffer.byteLength(body, 'latin1'),
  password = server.authToken,
): string {
  const authorization = Buffer.from(`${server.authId}:${password}`).toString('base64');
  return (
    `POST /v1/Account/${server.authId}/MultiPartyCall/name_${rooms[0] ?? 'x'}/Member/all/Play/ HTTP/1.1\r\nHost: x\r\n` +
    `Authorization: Basic ${authorization}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`
  );
}

const refused = (status: number): boolean => status >= 400 && status < 500;

function cases(front: Front): [what: string, allowed: (status: number) => boolean, bytes: string][] {
  const { server, random } = front;
  const account = `/v1/Account/${server.authId}`;
  const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
  const body = mutateText(
    '{"url":["https://[::1]/x.mp3"],"loop":true,"duck":{"gain_db":-9},"callback_url":"http://[::1]/"}',
    random,
  );
  return [
    ['two lengths', refused, `${get(account).slice(0, -2)}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`],
    ['a length and chunks', refused, get(account, 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
    ['20 kB of header', refused, get('/', `A: ${'a'.repeat(20_000)}\r\n`)],
    // Node looks at 2000 of them.
    ['3000 headers', (status) => status === 200 || refused(status), get('/', 'A: b\r\n'.repeat(3000))],
    ['a heap of requests', (status) => status === 200, get('/healthz').repeat(50)],
    [
      'odd paths',
      refused,
      get(`${account}/${pick(random, ['%ff%00', '..%2f..%2fetc', '%252e', '__proto__/', 'x'.repeat(4000)])}`),
    ],
    ['deep JSON', refused, post(front, '{"url":'.repeat(300))],
    ['lists in lists', refused, post(front, '['.repeat(60_000))],
    ['a body of 70 kB', refused, post(front, `{"url":"${'a'.repeat(70_000)}"}`)],
    ['a prototype', refused, post(front, '{"__proto__":{"url":1}}')],
    // What is left of it may be a URL of a name that nobody has.
    ['a spoiled body', (status) => refused(status) || status === 202, post(front, body)],
    ['a wrong password', refused, post(front, '{}', 2, `guess-${random()}`)],
    ['TLS', refused, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['noise', refused, '\x00\x01\x02\x03\r\n\r\n'],
    ['a method of nobody', refused, `BREW ${account} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ];
}
