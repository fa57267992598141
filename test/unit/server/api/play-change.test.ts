import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';
import type { DoublePlay } from '../../../support/engine-double.ts';

const MP3 = 'https://media.test.example/hello.mp3';
const PLAYS = '/MultiPartyCall/name_standup/Play/';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
  await app.join('standup');
});
afterEach(() => app.close());

async function play(): Promise<DoublePlay> {
  await app.api('POST', '/MultiPartyCall/name_standup/Member/all/Play/', { url: MP3, volume: -3 });
  const started = app.engine.plays.at(-1);
  assert.ok(started);
  started.sound(0);
  return started;
}

const change = (id: string, body: unknown, headers?: Record<string, string>) =>
  app.api('POST', `${PLAYS}${id}/`, body, headers);

for (const [body, changes] of [
  [{ action: 'pause' }, ['pause']],
  [{ action: 'RESUME' }, ['resume']],
  [{ position_ms: 1500 }, ['seek 1500']],
  [{ position_ms: '0' }, ['seek 0']],
  [{ by_ms: 1000 }, ['seek 3000']],
  [{ by_ms: -5000 }, ['seek 0']],
  [{ volume: -12 }, ['gain -12 in 200']],
  [{ volume: '6', ramp_ms: 0 }, ['gain 6 in 0']],
  [{ action: 'resume', position_ms: 0, volume: 0, ramp_ms: 50 }, ['gain 0 in 50', 'seek 0', 'resume']],
] as const)
  test(`${JSON.stringify(body)} does ${changes.join(', ')}`, async () => {
    const started = await play();
    started.positionMs = 2000;
    const { status, body: answer } = await change(started.id, body);
    assert.equal(status, 202);
    assert.deepEqual(started.changes, changes);
    assert.equal(answer.play_id, started.id, 'the answer is the play');
    assert.notEqual(answer.api_id, started.id);
  });

test('the volume shown is that of now', async () => {
  const { id } = await play();
  const volume = async () => (await app.api('GET', `${PLAYS}${id}/`)).body.volume;
  assert.equal(await volume(), -3);
  assert.equal((await change(id, { volume: -20 })).body.volume, -20);
  assert.equal(await volume(), -20);
});

for (const body of [
  {},
  { action: 'stop' },
  { action: 1 },
  { position_ms: -1 },
  { position_ms: 'soon' },
  { by_ms: 1e12 },
  { position_ms: 0, by_ms: 1 },
  { volume: 21 },
  { volume: -61 },
  { volume: {} },
  { ramp_ms: 100 },
  { volume: 0, ramp_ms: -1 },
  { volume: 0, ramp_ms: 60_001 },
])
  test(`${JSON.stringify(body)} is 400 and changes nothing`, async () => {
    const started = await play();
    const { status, body: answer } = await change(started.id, body);
    assert.equal(status, 400);
    assert.match(answer.error, /^a field or parameter is wrong: (action|position_ms|by_ms|volume|ramp_ms) /);
    assert.deepEqual(started.changes, []);
  });

test('a play that is over answers 409, one that nobody knows 404', async () => {
  const started = await play();
  started.end('completed');
  const { status, body } = await change(started.id, { action: 'pause' });
  assert.deepEqual([status, body.error], [409, 'the play is over']);
  assert.equal((await change('nothing', { action: 'pause' })).status, 404);
  const [mpc] = app.directory.live;
  assert.ok(mpc);
  app.directory.end(mpc, 'hangup_api');
  const path = `/MultiPartyCall/uuid_${mpc.uuid}/Play/${started.id}/`;
  assert.equal((await app.api('POST', path, { action: 'pause' })).status, 409);
});

test('a relative move repeated with its Idempotency-Key is made once', async () => {
  const started = await play();
  const key = { 'idempotency-key': 'k-1' };
  const first = await change(started.id, { by_ms: 1000 }, key);
  const second = await change(started.id, { by_ms: 1000 }, key);
  assert.deepEqual(second.body, first.body);
  assert.deepEqual(started.changes, ['seek 1000']);
});

test('all plays of an MPC are changed at once, and stopped at once', async () => {
  const [first, second, over] = [await play(), await play(), await play()];
  over.end('completed');
  const { status, body } = await app.api('POST', PLAYS, { action: 'pause' });
  assert.equal(status, 202);
  assert.deepEqual(
    body.objects.map((object: { play_id: string }) => object.play_id),
    [first.id, second.id],
  );
  assert.deepEqual([first.changes, second.changes, over.changes], [['pause'], ['pause'], []]);
  assert.equal((await app.api('POST', PLAYS, {})).status, 400);
  assert.equal((await app.api('DELETE', PLAYS)).status, 204);
  for (const each of [first, second]) assert.equal(each.status, 'stopped');
  assert.deepEqual((await app.api('POST', PLAYS, { action: 'pause' })).body.objects, []);
});

test('plays of another MPC are left alone', async () => {
  const started = await play();
  await app.join('other');
  assert.equal((await app.api('POST', '/MultiPartyCall/name_other/Play/', { action: 'pause' })).status, 202);
  assert.equal((await app.api('DELETE', '/MultiPartyCall/name_other/Play/')).status, 204);
  assert.equal((await app.api('POST', '/MultiPartyCall/name_gone/Play/', { action: 'pause' })).status, 404);
  assert.deepEqual([started.changes, started.status], [[], 'playing']);
});
