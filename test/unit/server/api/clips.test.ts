import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';
import { until } from '../../../support/server.ts';
import { tone } from '../../../support/tones.ts';

const MP3 = 'https://media.test.example/hello.mp3?key=secret';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
});
afterEach(() => app.close());

const warm = (url: unknown = MP3) => app.api('POST', '/Clip/', { url });
const get = (id: string) => app.api('GET', `/Clip/${id}/`);

/** A second of 1 kHz at -20 dBFS: -23 LUFS. */
const SECOND = tone(8000, 8000, { hz: 1000, db: -20 });

async function measured(id: string) {
  return until('it is measured', async () => {
    const { body } = await get(id);
    return body.loudness_lufs !== null && body;
  });
}

test('a clip is fetched ahead: 202 while it comes, 200 once it is there, with what was measured', async () => {
  const first = await warm();
  assert.equal(first.status, 202);
  const { clip_id: id } = first.body;
  assert.deepEqual(first.body, {
    api_id: first.body.api_id,
    clip_id: id,
    url: 'https://media.test.example/hello.mp3?…',
    status: 'loading',
    reason: null,
    detail: null,
    sample_rate: 8000,
    duration_ms: null,
    size: null,
    loudness_lufs: null,
    peak_db: null,
    truncated: false,
    resource_uri: `/v1/Account/${app.account.authId}/Clip/${id}/`,
  });
  assert.equal(first.headers.get('location'), first.body.resource_uri);
  assert.equal((await warm()).body.clip_id, id, 'the same one for all who ask meanwhile');
  app.clips.arrive(MP3, SECOND);
  const body = await measured(id);
  assert.deepEqual([body.status, body.duration_ms, body.size], ['ready', 1000, 16_000]);
  assert.ok(Math.abs(body.loudness_lufs + 23) < 0.3, String(body.loudness_lufs));
  assert.ok(Math.abs(body.peak_db + 20) < 0.2, String(body.peak_db));
  const again = await warm();
  assert.deepEqual([again.status, again.body.loudness_lufs], [200, body.loudness_lufs]);
  assert.equal(app.clips.held.get(MP3)?.leases, 0, 'nobody holds it any more');
});

test('a clip that is there unmeasured is measured when it is asked for', async () => {
  app.clips.open(new URL(MP3), 8000).release();
  const lease = app.clips.open(new URL(MP3), 8000);
  app.clips.arrive(MP3, SECOND);
  lease.release();
  const { status, body } = await warm();
  assert.equal(status, 200);
  await measured(body.clip_id);
});

test('a clip that cannot be had says why, and stays readable', async () => {
  const { body } = await warm();
  app.clips.fail(MP3, 'http_status', 'the source answered 404');
  const failed = await until('it has failed', async () => {
    const seen = await get(body.clip_id);
    return seen.body.status === 'failed' && app.clips.held.size === 0 && seen.body;
  });
  assert.deepEqual([failed.reason, failed.detail], ['http_status', 'the source answered 404']);
  assert.equal((await app.api('GET', '/Clip/')).body.meta.count, 1);
  assert.equal((await app.api('DELETE', `/Clip/${body.clip_id}/`)).status, 204);
  assert.equal((await get(body.clip_id)).status, 404);
});

test('only the last hundred failures are kept', async () => {
  for (let i = 0; i < 102; i += 1) {
    const url = `https://media.test.example/${i}.mp3`;
    await warm(url);
    app.clips.fail(url, 'timeout', 'no answer');
  }
  await until('all have failed', () => app.clips.held.size === 0);
  const { body } = await app.api('GET', '/Clip/?limit=1');
  assert.equal(body.meta.count, 100);
  assert.match(body.objects[0].url, /101\.mp3$/, 'newest first');
});

test('dropping a clip that is coming ends its fetch', async () => {
  const { body } = await warm();
  const held = app.clips.held.get(MP3);
  assert.equal((await app.api('DELETE', `/Clip/${body.clip_id}/`)).status, 204);
  assert.equal(held?.abandoned, true);
  assert.equal((await get(body.clip_id)).status, 404);
});

test('dropping a clip that is there forgets it, once', async () => {
  const { body } = await warm();
  app.clips.arrive(MP3, SECOND);
  await measured(body.clip_id);
  assert.equal((await app.api('DELETE', `/Clip/${body.clip_id}/`)).status, 204);
  assert.equal((await app.api('DELETE', `/Clip/${body.clip_id}/`)).status, 404);
  assert.equal((await warm()).status, 202, 'it is fetched anew');
});

test('all clips are dropped at once', async () => {
  await warm();
  await warm('https://media.test.example/other.mp3');
  app.clips.arrive(MP3, SECOND);
  assert.equal((await app.api('DELETE', '/Clip/')).status, 204);
  assert.equal((await app.api('GET', '/Clip/')).body.meta.count, 0);
});

for (const url of [
  undefined,
  7,
  'nonsense',
  'file:///etc/passwd',
  'http://127.0.0.1/x.mp3',
  ['https://a.example/a.mp3', 'https://a.example/b.mp3'],
])
  test(`${JSON.stringify(url)} is no URL to fetch ahead`, async () => {
    assert.equal((await app.api('POST', '/Clip/', { url })).status, 400);
    assert.equal(app.clips.held.size, 0);
  });

test('ids that no clip has are 404', async () => {
  for (const id of ['0', '999999', '-1', '1e3', '__proto__', '٣'])
    for (const method of ['GET', 'DELETE'])
      assert.equal((await app.api(method, `/Clip/${encodeURIComponent(id)}/`)).status, 404, `${method} ${id}`);
});
