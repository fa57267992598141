import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Member } from '../../../../server/mpc/index.ts';
import { AppUnderTest } from '../../../support/app.ts';

const MP3 = 'https://media.test.example/hello.mp3';
let app: AppUnderTest;
let member: Member;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
  await app.join('standup');
  ({ member } = await app.join('standup'));
  await app.join('standup');
});
afterEach(() => app.close());

const path = () => `/Call/${member.callUuid}/Play/`;

test('a play on a call is answered in the words of Plivo and goes to that member', async () => {
  const { status, body, headers } = await app.api('POST', path(), { urls: MP3 });
  assert.equal(status, 202);
  assert.deepEqual(body, { api_id: body.api_id, message: 'play started' });
  assert.match(headers.get('location') ?? '', new RegExp(`/Play/${body.api_id}/$`));
  assert.deepEqual(app.engine.plays[0]?.request.legs, [2]);
});

for (const [body, legs] of [
  [{}, [2]],
  [{ legs: 'aleg' }, [2]],
  [{ legs: 'bleg' }, [1, 3]],
  [{ leg: 'bleg' }, [1, 3]],
  [{ legs: 'BOTH' }, [1, 2, 3]],
] as const)
  test(`${JSON.stringify(body)} plays to legs ${legs.join(', ')}`, async () => {
    assert.equal((await app.api('POST', path(), { urls: [MP3], ...body })).status, 202);
    assert.deepEqual(app.engine.plays[0]?.request.legs, legs);
  });

test('length, loop and mix mean what Plivo says', async () => {
  await app.api('POST', path(), { urls: `${MP3},${MP3}?2`, length: '30', loop: 'true', mix: false });
  const request = app.engine.plays[0]?.request;
  assert.deepEqual(request?.urls, [MP3, `${MP3}?2`]);
  assert.deepEqual([request?.options.lengthMs, request?.options.loop, request?.options.mix], [30_000, 0, false]);
  await app.api('POST', path(), { urls: MP3, loop: false });
  assert.deepEqual([app.engine.plays[1]?.request.options.loop, app.engine.plays[1]?.request.options.mix], [1, true]);
});

test('stopping ends what was started on the call, for all its legs, and nothing else', async () => {
  await app.api('POST', path(), { urls: MP3, legs: 'both' });
  await app.api('POST', '/MultiPartyCall/name_standup/Member/2/Play/', { url: MP3 });
  assert.equal((await app.api('DELETE', path())).status, 204);
  assert.equal((await app.api('DELETE', path())).status, 204);
  assert.deepEqual(
    app.engine.plays.map((play) => play.targets.map((target) => target.end)),
    [['stopped', 'stopped', 'stopped'], [undefined]],
  );
});

test('what a call plays to the others can be stopped after it has left', async () => {
  const { mpc } = await app.join('standup');
  await app.api('POST', path(), { urls: MP3, legs: 'bleg', loop: true });
  app.directory.leave(mpc, member, 'hangup', false);
  assert.equal((await app.api('POST', path(), { urls: MP3 })).status, 404);
  assert.equal((await app.api('DELETE', path())).status, 204);
  assert.ok(app.engine.plays[0]?.targets.every((target) => target.end === 'stopped'));
  assert.equal((await app.api('DELETE', path())).status, 404);
});

test('the call UUID may be written in capitals', async () => {
  assert.equal((await app.api('POST', path().toUpperCase().replace('/CALL/', '/Call/'), { urls: MP3 })).status, 202);
});

test('unknown calls, calls that are over and missing partners are not found', async () => {
  assert.equal((await app.api('POST', '/Call/nobody/Play/', { urls: MP3 })).status, 404);
  const alone = await app.join('alone');
  assert.equal(
    (await app.api('POST', `/Call/${alone.member.callUuid}/Play/`, { urls: MP3, legs: 'bleg' })).status,
    404,
  );
  app.directory.leave(alone.mpc, alone.member, 'hangup', false);
  assert.equal((await app.api('POST', `/Call/${alone.member.callUuid}/Play/`, { urls: MP3 })).status, 404);
  assert.equal((await app.api('DELETE', `/Call/${alone.member.callUuid}/Play/`)).status, 404);
});

test('wrong bodies are refused', async () => {
  for (const body of [
    {},
    { urls: '' },
    { urls: MP3, legs: 'cleg' },
    { urls: MP3, length: 'long' },
    { urls: MP3, later_joiners: true },
  ])
    assert.equal((await app.api('POST', path(), body)).status, 400, JSON.stringify(body));
});
