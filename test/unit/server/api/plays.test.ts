import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

const MP3 = 'https://media.test.example/hello.mp3';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest({ PLAYS_KEPT: '3' }).listen();
  await app.join('standup');
  await app.join('standup');
});
afterEach(() => app.close());

async function play(members = 'all'): Promise<{ id: string; location: string }> {
  const { body, headers } = await app.api('POST', `/MultiPartyCall/name_standup/Member/${members}/Play/`, { url: MP3 });
  return { id: body.api_id, location: headers.get('location') ?? '' };
}

const get = (path: string) => app.raw('GET', path, { headers: { authorization: app.authorization } });

test('the Location of a play leads to it, from fetching to its end', async () => {
  const { id, location } = await play('2');
  const [engines] = app.engine.plays;
  assert.ok(engines);
  assert.equal((await get(location)).body.status, 'fetching');
  engines.sound(1500);
  const { body } = await get(location);
  assert.deepEqual(body, {
    api_id: body.api_id,
    play_id: id,
    status: 'playing',
    reason: null,
    detail: null,
    mpc_uuid: 'dddddddd-0000-4000-8000-000000000001',
    mpc_name: 'standup',
    members: ['2'],
    except: [],
    role: [],
    call_uuid: null,
    urls: [MP3],
    speech: null,
    loop: 1,
    volume: 0,
    normalize: false,
    start_ms: 0,
    length: null,
    fade_in_ms: 0,
    fade_out_ms: 0,
    mix: true,
    mode: 'queue',
    layer: 'announcement',
    covered: 'dip',
    priority: 0,
    duck: null,
    later_joiners: false,
    callback_url: null,
    callback_method: null,
    cache: 'miss',
    position_ms: 0,
    creation_time: '2026-03-04 05:06:07+00:00',
    end_time: null,
    targets: [{ member_id: '2', status: 'playing', reason: null, played_ms: 1500, start_latency_ms: 40, underruns: 0 }],
    resource_uri: location,
  });
  app.date = new Date('2026-03-04T05:07:00Z');
  engines.end('completed');
  const over = (await get(location)).body;
  assert.deepEqual([over.status, over.end_time], ['completed', '2026-03-04 05:07:00+00:00']);
  assert.deepEqual([over.targets[0].reason, over.targets[0].played_ms], ['completed', 1500]);
});

test('a failed play says why', async () => {
  const { location } = await play();
  app.engine.plays[0]?.fail('http_status', 'the source answered 404');
  const { body } = await get(location);
  assert.deepEqual([body.status, body.reason, body.detail], ['failed', 'http_status', 'the source answered 404']);
  assert.equal(body.members, 'all');
});

test('plays are listed newest first, running and finished together', async () => {
  const first = await play();
  const second = await play('1');
  app.engine.plays[0]?.end('completed');
  const { body } = await app.api('GET', '/MultiPartyCall/name_standup/Play/?limit=20');
  assert.deepEqual(
    body.objects.map((object: { play_id: string }) => object.play_id),
    [second.id, first.id],
  );
  assert.equal(body.meta.count, 2);
});

test('one play can be stopped by its id', async () => {
  const { id } = await play();
  const path = `/MultiPartyCall/name_standup/Play/${id}/`;
  assert.equal((await app.api('DELETE', path)).status, 204);
  assert.deepEqual(
    app.engine.plays[0]?.targets.map((target) => target.end),
    ['stopped', 'stopped'],
  );
  assert.equal((await app.api('DELETE', path)).status, 204, 'it stays readable, and stopping it again is fine');
});

test('plays stay readable after their MPC has ended', async () => {
  const { location } = await play();
  const mpc = app.directory.find({ by: 'name', name: 'standup' });
  assert.ok(mpc);
  app.directory.end(mpc, 'hangup_api');
  const { body } = await get(location);
  assert.equal(body.targets[0].reason, 'conference_ended');
  assert.equal((await app.api('GET', `/MultiPartyCall/uuid_${mpc.uuid}/Play/`)).body.meta.count, 1);
});

test('only so many finished plays are kept, and for an hour', async () => {
  const locations: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    locations.push((await play('1')).location);
    app.engine.plays[i]?.end('completed');
  }
  const statuses = async () => Promise.all(locations.map(async (location) => (await get(location)).status));
  assert.deepEqual(await statuses(), [404, 404, 200, 200, 200]);
  app.date = new Date(app.date.getTime() + 3_600_001);
  assert.deepEqual(await statuses(), [404, 404, 404, 404, 404]);
});

test('a play is found in its own MPC only', async () => {
  const { id } = await play();
  await app.join('other');
  assert.equal((await app.api('GET', `/MultiPartyCall/name_other/Play/${id}/`)).status, 404);
  assert.equal((await app.api('GET', '/MultiPartyCall/name_standup/Play/nothing/')).status, 404);
  assert.equal((await app.api('GET', `/MultiPartyCall/name_gone/Play/${id}/`)).status, 404);
});

test('a request repeated with its Idempotency-Key gets the first answer and no second play', async () => {
  const path = '/MultiPartyCall/name_standup/Member/1/Play/';
  const key = { 'idempotency-key': 'k-1' };
  const first = await app.api('POST', path, { url: MP3 }, key);
  const second = await app.api('POST', path, { url: MP3 }, key);
  assert.deepEqual([second.status, second.body], [202, first.body]);
  assert.equal(second.headers.get('location'), first.headers.get('location'));
  assert.equal(app.engine.plays.length, 1);
  assert.match(await app.metrics.render(), /partyline_idempotent_hits_total 1\n/);

  assert.equal((await app.api('POST', path, { url: `${MP3}?2` }, key)).status, 422, 'the same key for another play');
  assert.equal((await app.api('POST', path.replace('/1/', '/2/'), { url: MP3 }, key)).status, 422);
  await app.api('POST', path, { url: MP3 }, { 'idempotency-key': 'k-2' });
  await app.api('POST', path, { url: MP3 });
  assert.equal(app.engine.plays.length, 3, 'another key or none is another play');
  app.nowMs += 600_000;
  await app.api('POST', path, { url: MP3 }, key);
  assert.equal(app.engine.plays.length, 4, 'ten minutes later the key is new again');
});

test('a refused request does not use up its Idempotency-Key', async () => {
  const path = '/MultiPartyCall/name_standup/Member/1/Play/';
  const key = { 'idempotency-key': 'k-1' };
  app.engine.refusePlays = 'member_queue_full';
  assert.equal((await app.api('POST', path, { url: MP3 }, key)).status, 429);
  app.engine.refusePlays = undefined;
  assert.equal((await app.api('POST', path, { url: MP3 }, key)).status, 202);
});

test('an unusable Idempotency-Key is refused', async () => {
  for (const value of ['x'.repeat(256), 'a b'])
    assert.equal(
      (await app.api('POST', '/MultiPartyCall/name_standup/Member/1/Play/', { url: MP3 }, { 'idempotency-key': value }))
        .status,
      400,
    );
});
