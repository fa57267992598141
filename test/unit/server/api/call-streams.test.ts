import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';
import { until } from '../../../support/server.ts';

let app: AppUnderTest;
let path: string;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
  const { member } = await app.join('m');
  path = `/Call/${member.callUuid}/Stream/`;
});
afterEach(async () => {
  await app.callStreams.streams.close();
  await app.close();
});

/** Nobody listens there, and it may be connected to. */
const NOBODY = 'ws://127.0.0.1:9000/bot?key=secret';

test('an application that is not there is a stream that failed, shown and told', async () => {
  const callback = 'https://example.com/told#rc=1';
  const started = await app.api('POST', path, { service_url: NOBODY, status_callback_url: callback });
  assert.equal(started.status, 201);
  const { stream_id, api_id } = started.body;
  assert.deepEqual(started.body, { api_id, message: 'audio streaming started', stream_id });
  assert.ok(started.headers.get('location')?.endsWith(`${path}${stream_id}/`), 'Location leads to it');
  await until('it has failed', () => app.streamNews.length > 0);
  const { body } = await app.api('GET', `${path}${stream_id}/`);
  assert.deepEqual(
    [body.status, body.reason, body.service_url, body.audio_track, body.bidirectional, body.content_type],
    ['failed', 'not_connected', 'ws://127.0.0.1:9000/bot?…', 'inbound', false, 'audio/x-l16;rate=8000'],
  );
  const [news] = app.streamNews;
  assert.deepEqual([news?.Event, news?.StreamID, news?.Direction], ['DroppedStream', stream_id, 'inbound']);
  assert.equal((await app.api('GET', path)).body.meta.count, 1);
  assert.equal((await app.api('DELETE', `${path}${stream_id}/`)).status, 204, 'what is over may be stopped');
  assert.equal((await app.api('DELETE', path)).status, 204);
});

test('a stream for a cx_bot, as python and go may ask for, is a stream like any other', async () => {
  const { status, body } = await app.api('POST', path, { service_url: NOBODY, cx_bot: true });
  assert.equal(status, 201);
  const shown = await app.api('GET', `${path}${body.stream_id}/`);
  assert.equal(shown.body.cx_bot, undefined);
});

for (const [body, field] of [
  [{}, 'service_url'],
  [{ service_url: 'https://bot.example.com/' }, 'service_url'],
  [{ service_url: 'speech://en-us/woman?hello' }, 'service_url'],
  [{ service_url: 'ws:bot.example.com' }, 'service_url'],
  [{ service_url: 'ws://' }, 'service_url'],
  [{ service_url: 'ws://10.0.0.1/' }, 'service_url'],
  [{ service_url: 'wss://localhost/' }, 'service_url'],
  [{ service_url: 'ws://user:word@bot.example.com/' }, 'service_url'],
  [{ service_url: 'ws://bot.example.com:6379/' }, 'service_url'],
  [{ service_url: `ws://bot.example.com/${'x'.repeat(2100)}` }, 'service_url'],
  [{ service_url: NOBODY, bidirectional: 'maybe' }, 'bidirectional'],
  [{ service_url: NOBODY, bidirectional: true, audio_track: 'both' }, 'audio_track'],
  [{ service_url: NOBODY, audio_track: 'left' }, 'audio_track'],
  [{ service_url: NOBODY, content_type: 'audio/mpeg' }, 'content_type'],
  [{ service_url: NOBODY, content_type: 'audio/x-mulaw;rate=16000' }, 'content_type'],
  [{ service_url: NOBODY, content_type: 'audio/x-l16;rate=8000', protocol: 'twilio' }, 'content_type'],
  [{ service_url: NOBODY, protocol: 'other' }, 'protocol'],
  [{ service_url: NOBODY, stream_timeout: 0 }, 'stream_timeout'],
  [{ service_url: NOBODY, stream_timeout: 86_401 }, 'stream_timeout'],
  [{ service_url: NOBODY, extra_headers: 'no pair' }, 'extra_headers'],
  [{ service_url: NOBODY, extra_headers: `a=${'é'.repeat(300)}` }, 'extra_headers'],
  [{ service_url: NOBODY, status_callback_url: 'http://127.0.0.1/' }, 'status_callback_url'],
  [{ service_url: NOBODY, status_callback_method: 'PUT' }, 'status_callback_method'],
] as const)
  test(`${JSON.stringify(body).slice(0, 90)} is 400 and names ${field}`, async () => {
    const { status, body: answer } = await app.api('POST', path, body);
    assert.equal(status, 400);
    assert.match(answer.error, new RegExp(`a field or parameter is wrong: ${field}`));
    assert.equal(app.callStreams.streams.stats().open, 0);
  });

test('a call that nobody knows has no streams, and streams of another call are not found', async () => {
  const other = '/Call/dddddddd-0000-4000-8000-999999999999/Stream/';
  for (const method of ['GET', 'POST', 'DELETE'])
    assert.equal((await app.api(method, other, method === 'POST' ? { service_url: NOBODY } : undefined)).status, 404);
  const { body } = await app.api('POST', path, { service_url: NOBODY });
  for (const method of ['GET', 'DELETE'])
    assert.equal((await app.api(method, `${other}${body.stream_id}/`)).status, 404, method);
});
