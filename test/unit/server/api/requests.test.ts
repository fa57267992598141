import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AppUnderTest } from '../../../support/app.ts';

const PLAY = '/MultiPartyCall/name_standup/Member/1/Play/';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest({ AUTH_FAILURES_PER_MINUTE: '5' }).listen();
  await app.join('standup');
});
afterEach(() => app.close());

const list = () => `/v1/Account/${app.account.authId}/MultiPartyCall/`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

test('strangers get 401 in JSON, with a challenge, and no word of which half was wrong', async () => {
  const answers = [];
  for (const authorization of [
    undefined,
    'Basic',
    'Bearer x',
    basic(`${app.account.authId}:wrong`),
    basic(`wrong:${app.account.authToken}`),
  ])
    answers.push(await app.raw('GET', list(), { headers: authorization === undefined ? {} : { authorization } }));
  for (const { status, body, headers } of answers) {
    assert.equal(status, 401);
    assert.deepEqual(body, { api_id: body.api_id, error: 'authentication failed' });
    assert.match(headers.get('www-authenticate') ?? '', /^Basic realm=/);
  }
});

test('strangers are refused before their body is read', async () => {
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1024)) });
  const { status } = await app.raw('POST', `${list()}name_x/Member/1/Play/`, {
    body: endless,
    duplex: 'half',
  } as RequestInit);
  assert.equal(status, 401);
});

test('guessing is slowed down, also for whoever then guesses right', async () => {
  for (let i = 0; i < 5; i += 1)
    assert.equal((await app.raw('GET', list(), { headers: { authorization: basic(`a:${i}`) } })).status, 401);
  const { status, headers, body } = await app.api('GET', '/MultiPartyCall/');
  assert.equal(status, 429);
  assert.equal(headers.get('retry-after'), '60');
  assert.equal(typeof body.error, 'string');
  app.nowMs += 60_000;
  assert.equal((await app.api('GET', '/MultiPartyCall/')).status, 200);
});

test('another account in the path is as unknown as one that does not exist', async () => {
  const headers = { authorization: app.authorization };
  for (const id of ['MAOTHEROTHEROTHEROTH', 'x', '__proto__', app.account.authId.toLowerCase()]) {
    const { status, body } = await app.raw('GET', `/v1/Account/${id}/MultiPartyCall/`, { headers });
    assert.deepEqual([status, body.error], [404, 'not found']);
  }
});

test('every answer has its own api_id and gives nothing away', async () => {
  const ids = new Set<string>();
  for (const path of ['/MultiPartyCall/', '/MultiPartyCall/name_none/', '/Nothing/', '/MultiPartyCall/%/']) {
    const { body, headers, text } = await app.api('GET', path);
    ids.add(body.api_id);
    assert.equal(headers.get('x-powered-by'), null);
    assert.equal(headers.get('etag'), null);
    assert.equal(headers.get('content-type'), 'application/json');
    assert.doesNotMatch(text, /node_modules|at .*\(|Error/);
  }
  assert.equal(ids.size, 4);
});

test('unknown paths are 404 in JSON, within the account and without', async () => {
  assert.equal((await app.api('GET', '/Nothing/')).body.error, 'not found');
  assert.equal((await app.api('GET', '/')).status, 404);
  for (const path of ['/nothing', '/v1', '/v2/Account/', '/favicon.ico', '/v1/Account/']) {
    const { status, body } = await app.raw('GET', path);
    assert.deepEqual([status, body.error], [404, 'not found'], path);
  }
  assert.equal(
    (await app.raw('GET', `/v1/Account/${app.account.authId}/Nothing/`)).status,
    401,
    'strangers learn no paths',
  );
});

test('a wrong method is 405 and names the right ones', async () => {
  for (const [method, path, allow] of [
    ['PUT', '/MultiPartyCall/', 'HEAD, GET'],
    ['DELETE', '/MultiPartyCall/', 'HEAD, GET'],
    ['GET', PLAY, 'POST, DELETE'],
    ['PATCH', '/MultiPartyCall/name_standup/Participant/1/', 'HEAD, GET, POST, DELETE'],
    ['OPTIONS', '/Call/x/Play/', 'POST, DELETE'],
    ['DELETE', '/MultiPartyCall/name_standup/Participant/', 'HEAD, GET, POST'],
  ] as const) {
    const { status, headers, body } = await app.api(method, path);
    assert.deepEqual(
      [status, headers.get('allow'), body.error],
      [405, allow, 'method not allowed'],
      `${method} ${path}`,
    );
  }
});

test('HEAD is GET without a body', async () => {
  const { status, text, headers } = await app.api('HEAD', '/MultiPartyCall/');
  assert.deepEqual([status, text, headers.get('content-type')], [200, '', 'application/json']);
});

for (const [name, body, type, status] of [
  ['a list', '[]', 'application/json', 400],
  ['a string', '"x"', 'application/json', 400],
  ['a number', '1', 'application/json', 400],
  ['null', 'null', 'application/json', 400],
  ['half an object', '{"url":', 'application/json', 400],
  ['NaN', '{"loop":NaN}', 'application/json', 400],
  ['a key twice', '{"url":"https://a.example/x","url":"https://b.example/x"}', 'application/json', 400],
  ['a byte order mark', '\ufeff{}', 'application/json', 400],
  ['deep lists', `{"a":${'['.repeat(5000)}`, 'application/json', 400],
  [
    'many keys',
    JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, i]))),
    'application/json',
    400,
  ],
  ['a form with 5000 brackets', `a=${'&a[][]=1'.repeat(5000)}`, 'application/x-www-form-urlencoded', 400],
  ['invalid UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'application/json', 400],
  ['a prototype', '{"__proto__":{"url":"https://a.example/x.mp3"}}', 'application/json', 400],
  ['UTF-16', Buffer.from('{}', 'utf16le'), 'application/json; charset=utf-16', 415],
  ['text', '{}', 'text/plain', 415],
  ['XML', '<a/>', 'application/xml', 415],
  ['multipart', '--x--', 'multipart/form-data; boundary=x', 415],
  ['no type at all', '{}', '', 415],
  ['65 kB', `{"url":"${'x'.repeat(65_536)}"}`, 'application/json', 413],
] as const)
  test(`a body with ${name} is ${status}`, async () => {
    const { status: got, body: answer } = await app.api('POST', PLAY, undefined, {});
    assert.equal(got, 400, answer.error);
    const response = await app.raw('POST', `/v1/Account/${app.account.authId}${PLAY}`, {
      headers: { authorization: app.authorization, 'content-type': type },
      body,
    });
    assert.equal(response.status, status, response.text);
    assert.equal(typeof response.body.error, 'string');
    assert.equal(app.engine.plays.length, 0);
  });

for (const encoding of ['gzip', 'br', 'deflate', 'x'])
  test(`a body in Content-Encoding ${encoding} is refused unread`, async () => {
    const { status } = await app.raw('POST', `/v1/Account/${app.account.authId}${PLAY}`, {
      headers: { authorization: app.authorization, 'content-type': 'application/json', 'content-encoding': encoding },
      body: gzipSync(Buffer.alloc(1_000_000)),
    });
    assert.equal(status, 415);
  });

test('JSON types with a charset, without a body, and DELETE with one are fine', async () => {
  const url = 'https://media.test.example/x.mp3';
  for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])
    assert.equal((await app.api('POST', PLAY, { url }, { 'content-type': type })).status, 202);
  assert.equal((await app.api('DELETE', PLAY, undefined, { 'content-type': 'application/json' })).status, 204);
  assert.equal((await app.api('DELETE', PLAY, { record_track_type: 'all' })).status, 204);
  assert.equal((await app.api('DELETE', PLAY, '{oops')).status, 400);
});

for (const [path, status] of [
  ['/MultiPartyCall/%/', 400],
  ['/MultiPartyCall/%ff/', 400],
  ['/MultiPartyCall/name_%E0%A4%A/', 400],
  ['/MultiPartyCall/name_%00/', 400],
  ['/MultiPartyCall/name_%0d%0a/', 400],
  ['/MultiPartyCall/name_/', 400],
  [`/MultiPartyCall/name_${'x'.repeat(129)}/`, 400],
  [`/MultiPartyCall/${'x'.repeat(4096)}/`, 400],
  ['/MultiPartyCall/standup/', 400],
  ['/MultiPartyCall/uuid_1/', 400],
  ['/MultiPartyCall/uuid_dddddddd-0000-4000-8000-000000000099/', 404],
  ['/MultiPartyCall/name_..%2f..%2fetc/', 404],
  ['/MultiPartyCall/name_%252e/', 404],
  ['/MultiPartyCall/name___proto__/', 404],
  ['/MultiPartyCall/constructor/', 400],
  ['/MultiPartyCall/name_standup/Play/__proto__/', 404],
] as const)
  test(`GET ${path.slice(0, 50)} is ${status}, never 500`, async () => {
    const answer = await app.api('GET', path);
    assert.equal(answer.status, status, answer.text);
  });

test('200 member ids are a request, 201 are not', async () => {
  const ids = (count: number) => Array.from({ length: count }, (_, i) => i + 1).join(',');
  const body = { url: 'https://media.test.example/x.mp3' };
  assert.equal((await app.api('POST', `/MultiPartyCall/name_standup/Member/${ids(200)}/Play/`, body)).status, 202);
  assert.equal((await app.api('POST', `/MultiPartyCall/name_standup/Member/${ids(201)}/Play/`, body)).status, 400);
});

test('however many requests come, none is refused for their number', async () => {
  const statuses = new Set<number>();
  for (let sent = 0; sent < 320; sent += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.api('GET', '/MultiPartyCall/')));
    for (const { status } of answers) statuses.add(status);
  }
  assert.deepEqual([...statuses], [200]);
});

test('a bug of ours is 500 without a word of it, and the log has the rest under the same id', async () => {
  app.directory.find = () => {
    throw new Error('the secret reason');
  };
  const { status, body } = await app.api('GET', '/MultiPartyCall/name_standup/');
  assert.deepEqual([status, body.error], [500, 'internal error']);
  const record = app.logged.map((line) => JSON.parse(line)).find((line) => line.apiId === body.api_id && line.err);
  assert.equal(record.err.message, 'the secret reason');
});

test('no secret reaches the log', async () => {
  await app.api('POST', PLAY, { url: 'https://user:hunter2@media.test.example/x.mp3' });
  await app.api('POST', PLAY, { url: 'https://media.test.example/x.mp3?signature=hunter2' });
  const log = app.logged.join('');
  assert.ok(log.length > 0);
  for (const secret of ['hunter2', app.account.authToken, app.authorization.slice(6)]) assert.ok(!log.includes(secret));
});

test('stream tokens are made for MPCs that are or may begin', async () => {
  const { status, body } = await app.api('POST', '/MultiPartyCall/name_new%20one/Stream/');
  assert.equal(status, 201);
  assert.deepEqual(body, {
    api_id: body.api_id,
    token: 'a-token',
    url: `ws://${new URL(app.url).host}/v1/Account/${app.account.authId}/MultiPartyCall/name_new%20one/Stream/`,
    expires_in: 60,
  });
  assert.deepEqual(app.tokensFor, ['new one']);
  assert.equal(
    (await app.api('POST', '/MultiPartyCall/uuid_dddddddd-0000-4000-8000-000000000099/Stream/')).status,
    404,
  );
  await app.api('POST', '/MultiPartyCall/name_a/Stream/');
  await app.api('POST', '/MultiPartyCall/name_a/Stream/');
  const full = await app.api('POST', '/MultiPartyCall/name_a/Stream/');
  assert.deepEqual([full.status, full.headers.get('retry-after')], [429, '60']);
  app.directory.drain();
  const draining = await app.api('POST', '/MultiPartyCall/name_a/Stream/');
  assert.deepEqual([draining.status, draining.headers.get('retry-after')], [503, '5']);
});

test('a stream token takes on terms with a role, and a wrong one makes no token', async () => {
  const path = '/MultiPartyCall/name_demo/Stream/';
  const wrong = await app.api('POST', path, { role: 'agent', wait_music_url: 'http://10.0.0.1/' });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body.error, /wait_music_url cannot be called: the address is not public/);
  const roleless = await app.api('POST', path, { hold: true });
  assert.equal(roleless.status, 400, 'terms without a role would not be kept');
  assert.match(roleless.body.error, /role must be agent, customer or supervisor/);
  assert.equal((await app.api('POST', path, { role: null, hold: '' })).status, 201, 'null and empty are as absent');
  assert.equal((await app.api('POST', path, { role: 'Agent', hold: true })).status, 201);
  assert.equal(app.tokenTerms.length, 2, 'the wrong one made none');
  assert.deepEqual(
    app.tokenTerms.map((terms) => terms?.held),
    [undefined, true],
  );
});

test('behind a proxy of ours each client has her own number of wrong passwords', async () => {
  const app = await new AppUnderTest({ TRUSTED_PROXIES: '127.0.0.0/8', AUTH_FAILURES_PER_MINUTE: '3' }).listen();
  try {
    const ask = (from: string, authorization: string) =>
      app.raw('GET', '/v1/Account/x/MultiPartyCall/', { headers: { authorization, 'x-forwarded-for': from } });
    const wrong = `Basic ${Buffer.from('a:b').toString('base64')}`;
    for (let i = 0; i < 3; i++) assert.equal((await ask('198.51.100.1', wrong)).status, 401);
    assert.equal((await ask('198.51.100.1', wrong)).status, 429);
    assert.equal((await ask('198.51.100.2', wrong)).status, 401, 'another client is not the one who guessed');
  } finally {
    await app.close();
  }
});

test('every answer guards against browsers, and pages of other origins may read none, but for those listed', async () => {
  const app = await new AppUnderTest({ CORS_ORIGINS: 'https://ours.example' }).listen();
  try {
    for (const path of ['/healthz', '/metrics', '/nowhere', '/v1/Account/x/MultiPartyCall/']) {
      const { headers } = await app.raw('GET', path, { headers: { origin: 'https://ours.example.evil.example' } });
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('x-frame-options'), 'DENY', path);
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
      assert.equal(headers.get('access-control-allow-origin'), null, path);
    }
    const asks = { origin: 'https://ours.example', 'access-control-request-method': 'POST' };
    const preflight = await app.raw('OPTIONS', '/v1/Account/x/MultiPartyCall/', { headers: asks });
    assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin')], [204, asks.origin]);
    assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
  } finally {
    await app.close();
  }
});
