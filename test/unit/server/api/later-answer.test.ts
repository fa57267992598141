import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

const CALLBACK = { callback_url: 'https://app.example/answers', callback_method: 'GET' };
const HEAD = { url: 'https://app.example/answers', method: 'GET' };
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
});
afterEach(() => app.close());

test('with a callback_url a request acts, is acknowledged, and its answer is told to the callback', async () => {
  const { member } = await app.join('standup');
  const { status, body } = await app.api('POST', '/MultiPartyCall/name_standup/Participant/1/', {
    mute: true,
    ...CALLBACK,
  });
  assert.deepEqual([status, body], [200, { api_id: body.api_id, message: 'async api spawned' }]);
  assert.equal(member.muted, true);
  assert.deepEqual(app.calledBack, [
    { ...HEAD, api_id: body.api_id, status_code: '202', mute: 'MPC: standup mute/unmute member(s) succeeded' },
  ]);
  const stopped = await app.api('DELETE', '/MultiPartyCall/name_standup/', CALLBACK);
  assert.deepEqual([stopped.status, stopped.body.message], [200, 'async api spawned']);
  assert.deepEqual(app.calledBack[1], { ...HEAD, api_id: stopped.body.api_id, status_code: '204' });
  assert.equal(app.directory.live.length, 0);
});

test('a refusal is told as well', async () => {
  const { status, body } = await app.api('DELETE', '/MultiPartyCall/name_nobody/', CALLBACK);
  assert.equal(status, 200);
  assert.deepEqual(app.calledBack, [{ ...HEAD, api_id: body.api_id, status_code: '404', error: 'not found' }]);
});

test('a callback that may not be called is refused at once, and nothing is done', async () => {
  await app.join('standup');
  const { status, body } = await app.api('DELETE', '/MultiPartyCall/name_standup/', {
    callback_url: 'http://169.254.169.254/',
  });
  assert.equal(status, 400);
  assert.match(body.error, /callback_url cannot be called/);
  assert.deepEqual([app.directory.live.length, app.calledBack], [1, []]);
});

test('recordings and calls of Add Participant can be asked for that way as well', async () => {
  await app.join('standup');
  const record = await app.api('POST', '/MultiPartyCall/name_standup/Record/', CALLBACK);
  assert.deepEqual([record.status, record.body.message], [200, 'async api spawned']);
  assert.equal(app.calledBack[0]?.message, 'MPC: standup record started');
  await app.api('POST', '/MultiPartyCall/name_standup/Participant/', { ...CALLBACK, role: 'agent' });
  assert.equal(app.calledBack[1]?.status_code, '400', 'whom to call is not said');
});
