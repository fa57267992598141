import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawHttp } from '../support/raw-http.ts';
import { startServer, type TestServer, until } from '../support/server.ts';

let server: TestServer;

before(async () => {
  server = await startServer({
    HTTP_HEADERS_SECONDS: '1',
    HTTP_REQUEST_SECONDS: '2',
    MAX_HTTP_CONNECTIONS: '150',
    AUTH_FAILURES_PER_MINUTE: '20',
  });
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function metric(line: string): Promise<number> {
  const found = (await server.metrics()).split('\n').find((text) => text.startsWith(`${line} `));
  return Number(found?.slice(line.length) ?? Number.NaN);
}

const head = (extra: string, line = 'POST /healthz HTTP/1.1') => `${line}\r\nHost: x\r\n${extra}\r\n`;

for (const [name, bytes] of [
  ['two lengths', head('Content-Length: 5\r\nContent-Length: 6\r\n')],
  ['a length and chunks', head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
  ['a chunk of 2^64 bytes', `${head('Transfer-Encoding: chunked\r\n')}10000000000000000\r\n`],
  ['a negative length', head('Content-Length: -1\r\n')],
  ['a length that is no number', head('Content-Length: 1e2\r\n')],
  ['blanks before the colon', head('Content-Length : 5\r\n')],
  ['a folded header', head('X-Fold: a\r\n b\r\n')],
  ['a bare carriage return in a header', head('X: a\rb\r\n')],
  ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ['an unknown method', head('', 'BREW /healthz HTTP/1.1')],
  ['another protocol', head('', 'GET /healthz HTTP/9.9')],
  ['a space in the path', head('', 'GET /a b HTTP/1.1')],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['noise', '\x00\x01\x02\x03\r\n\r\n'],
] as const)
  test(`${name} gets 400 in JSON, and the connection ends`, async () => {
    const raw = new RawHttp(server.httpUrl).write(bytes);
    const received = await raw.closed();
    // A body may turn out to be wrong when its headers have already been answered.
    assert.deepEqual(raw.statuses, name.startsWith('a chunk') ? [404, 400] : [400], received);
    const body = JSON.parse(received.slice(received.lastIndexOf('\r\n\r\n') + 4));
    assert.deepEqual(Object.keys(body), ['api_id', 'error']);
  });

test('headers over 16 kB get 431, counted as what never became a request is', async () => {
  const raw = new RawHttp(server.httpUrl).write(head(`X: ${'x'.repeat(100_000)}\r\n`));
  await raw.closed();
  assert.deepEqual(raw.statuses, [431]);
  assert.equal(await metric('partyline_http_refusals_total{error="headers_too_large"}'), 1);
  assert.ok((await metric('partyline_http_refusals_total{error="bad_request"}')) >= 13, 'and so are those above');
});

test('pipelined requests are answered in order, and nothing is smuggled between them', async () => {
  const raw = new RawHttp(server.httpUrl).write(
    `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  await raw.closed();
  assert.deepEqual(raw.statuses, [200, 404]);
});

test('offers of another protocol and unknown expectations are left unheard, also with a body', async () => {
  const basic = Buffer.from(`${server.authId}:${server.authToken}`).toString('base64');
  const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
  const play = `POST /v1/Account/${server.authId}/MultiPartyCall/name_x/Member/1/Play/ HTTP/1.1`;
  const raw = new RawHttp(server.httpUrl).write(head(offer, 'GET /healthz HTTP/1.1'));
  await until('the first answer', () => raw.statuses.length === 1);
  raw.write(`${head(`${offer}Authorization: Basic ${basic}\r\nContent-Length: 2\r\n`, play)}{}`);
  await until('the second answer', () => raw.statuses.length === 2);
  raw.write(head('Expect: miracles\r\nConnection: close\r\n', 'GET /nothing HTTP/1.1'));
  const received = await raw.closed();
  assert.deepEqual(raw.statuses, [200, 404, 404]);
  assert.equal(received.match(/"error":"not found"/g)?.length, 2);
});

test('headers and bodies that drip in are cut off in time, and nobody else is slowed down', async (t) => {
  const drips = Array.from({ length: 100 }, (_, i) => {
    const raw = new RawHttp(server.httpUrl);
    raw.write(
      i % 2 === 0
        ? 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: '
        : `POST /v1/Account/${server.authId}/MultiPartyCall/name_x/Member/1/Play/ HTTP/1.1\r\nHost: x\r\n` +
            `Authorization: Basic ${Buffer.from(`${server.authId}:${server.authToken}`).toString('base64')}\r\n` +
            'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
    );
    return raw;
  });
  const timer = setInterval(() => {
    for (const raw of drips) if (raw.socket.writable) raw.write('x');
  }, 100);
  t.after(() => clearInterval(timer));
  const slowest: number[] = [];
  const open = () => drips.filter((raw) => !raw.socket.destroyed).length;
  await until(
    'every drip is cut off',
    async () => {
      const began = performance.now();
      assert.equal((await server.api('GET', '/MultiPartyCall/')).status, 200);
      slowest.push(performance.now() - began);
      return open() === 0;
    },
    10_000,
  );
  slowest.sort((a, b) => a - b);
  const median = slowest[Math.floor(slowest.length / 2)] ?? 0;
  assert.ok(median < 100, `others waited ${median.toFixed(0)} ms`);
  for (const raw of drips)
    assert.ok(
      raw.statuses.every((status) => status === 408 || status === 400),
      raw.received,
    );
});

test('connections beyond the limit are dropped, and those within it live on', async () => {
  const idle = Array.from({ length: 200 }, () => new RawHttp(server.httpUrl));
  await until('those beyond the limit are dropped', () => idle.filter((raw) => raw.socket.destroyed).length >= 50);
  for (const raw of idle) raw.destroy();
  const room = async () => (await fetch(`${server.httpUrl}/healthz`).catch(() => undefined))?.ok;
  await until('there is room again', room);
  assert.ok((await metric('partyline_http_connections_dropped_total')) >= 50, 'they are counted');
});

test('a hundred guesses are slowed down, and no guess shows in the log', async () => {
  const statuses: number[] = [];
  for (let i = 0; i < 100; i += 1) {
    const authorization = `Basic ${Buffer.from(`${server.authId}:guess-number-${i}`).toString('base64')}`;
    const response = await fetch(`${server.httpUrl}/v1/Account/${server.authId}/MultiPartyCall/`, {
      headers: { authorization },
    });
    statuses.push(response.status);
    await response.text();
  }
  assert.deepEqual(statuses, [...Array(20).fill(401), ...Array(80).fill(429)]);
  assert.doesNotMatch(server.log(), /guess-number|test-token-of/);
});
