import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';
import { termsOf } from '../../../support/terms.ts';

const UUID_1 = 'dddddddd-0000-4000-8000-000000000001';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
});
afterEach(() => app.close());

test('a live MPC has exactly the fields of Plivo', async () => {
  await app.join('standup');
  const { status, body, headers } = await app.api('GET', '/MultiPartyCall/name_standup/');
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/json');
  assert.match(body.api_id, /^[0-9a-f-]{36}$/);
  const path = '/v1/Account/MAUNITTESTUNITTESTUN/MultiPartyCall/name_standup/';
  assert.deepEqual(body, {
    api_id: body.api_id,
    billed_amount: null,
    billed_duration: null,
    creation_time: '2026-03-04 05:06:07+00:00',
    duration: null,
    end_time: null,
    friendly_name: 'standup',
    mpc_uuid: UUID_1,
    participants: `${path}Participant/`,
    recording: 'not-recording',
    resource_uri: path,
    start_time: '2026-03-04 05:06:07+00:00',
    status: 'Active',
    stay_alone: true,
    sub_account: null,
    termination_cause: null,
    termination_cause_code: null,
    max_duration: null,
    max_participants: null,
  });
});

test('the slash at the end is optional, and links have the form the client asked with', async () => {
  await app.join('a b/c');
  const byName = await app.api('GET', '/MultiPartyCall/name_a%20b%2Fc');
  assert.equal(byName.body.friendly_name, 'a b/c');
  assert.match(byName.body.resource_uri, /MultiPartyCall\/name_a%20b%2Fc\/$/);
  const byUuid = await app.api('GET', `/MultiPartyCall/uuid_${UUID_1.toUpperCase()}/`);
  assert.match(byUuid.body.participants, new RegExp(`/MultiPartyCall/uuid_${UUID_1}/Participant/$`));
});

test('an ended MPC is found by its UUID only, with its cause and length', async () => {
  await app.join('standup');
  app.date = new Date(app.date.getTime() + 61_400);
  assert.equal((await app.api('DELETE', '/MultiPartyCall/name_standup/')).status, 204);
  assert.deepEqual(app.hungUp, ['mpc_ended']);
  assert.equal((await app.api('GET', '/MultiPartyCall/name_standup/')).status, 404);
  const { body } = await app.api('GET', `/MultiPartyCall/uuid_${UUID_1}/`);
  assert.equal(body.status, 'Ended');
  assert.equal(body.duration, 61);
  assert.equal(body.end_time, '2026-03-04 05:07:09+00:00');
  assert.equal(body.termination_cause, 'Hangup API Triggered');
  assert.equal(body.termination_cause_code, 3000);
  assert.equal((await app.api('DELETE', `/MultiPartyCall/uuid_${UUID_1}/`)).status, 404, 'it cannot end twice');
});

test('an MPC ends with its last member', async () => {
  const { mpc, member } = await app.join('standup');
  app.directory.leave(mpc, member, 'hangup', false);
  const { body } = await app.api('GET', `/MultiPartyCall/uuid_${UUID_1}/`);
  assert.deepEqual([body.termination_cause, body.termination_cause_code], ['No Active Participants', 1000]);
});

test('an MPC whose members wait is started by a request, and asking again does no harm', async () => {
  await app.join('standup', termsOf({ start_mpc_on_enter: false, stay_alone: false, max_duration: '600' }));
  const { body } = await app.api('GET', '/MultiPartyCall/name_standup/');
  assert.deepEqual([body.status, body.start_time, body.stay_alone], ['Initialized', null, false]);
  assert.deepEqual([body.max_duration, body.max_participants], [600, 10]);
  for (const status of ['active', 'Active', ['active']])
    assert.equal((await app.api('POST', '/MultiPartyCall/name_standup/', { status })).status, 204);
  assert.equal((await app.api('GET', '/MultiPartyCall/name_standup/')).body.status, 'Active');
  assert.equal(app.engine.legs[0]?.changes.held, false, 'she is let in');
  assert.equal((await app.api('POST', '/MultiPartyCall/name_standup/', { status: 'ended' })).status, 400);
  assert.equal((await app.api('POST', '/MultiPartyCall/name_standup/', {})).status, 400);
  assert.equal((await app.api('POST', '/MultiPartyCall/name_other/', { status: 'active' })).status, 404);
});

test('the list is empty before anybody calls, in the envelope that all SDKs read', async () => {
  const { body } = await app.api('GET', '/MultiPartyCall/');
  assert.deepEqual(body, {
    api_id: body.api_id,
    meta: { count: 0, limit: 20, next: null, offset: 0, previous: null, total_count: 0 },
    objects: [],
  });
});

test('the list has the newest first and comes in pages with links', async () => {
  for (let i = 1; i <= 5; i += 1) await app.join(`m${i}`);
  const names = (objects: { friendly_name: string }[]) => objects.map((mpc) => mpc.friendly_name);
  const first = await app.api('GET', '/MultiPartyCall/?limit=2&status=active');
  assert.deepEqual(names(first.body.objects), ['m5', 'm4']);
  assert.equal(first.body.meta.count, 5);
  assert.equal(first.body.meta.previous, null);
  const second = await app.raw('GET', first.body.meta.next, { headers: { authorization: app.authorization } });
  assert.deepEqual(names(second.body.objects), ['m3', 'm2']);
  assert.match(second.body.meta.next, /status=active/, 'links keep the filters');
  const back = await app.raw('GET', second.body.meta.previous, { headers: { authorization: app.authorization } });
  assert.deepEqual(names(back.body.objects), ['m5', 'm4']);
  const last = await app.raw('GET', second.body.meta.next, { headers: { authorization: app.authorization } });
  assert.deepEqual(names(last.body.objects), ['m1']);
  assert.equal(last.body.meta.next, null);
  assert.deepEqual((await app.api('GET', '/MultiPartyCall/?offset=99')).body.objects, []);
});

test('filters work alone and together', async () => {
  const early = await app.join('early');
  app.directory.leave(early.mpc, early.member, 'hangup', false);
  app.date = new Date('2026-03-04T06:00:00Z');
  const killed = await app.join('killed');
  app.directory.end(killed.mpc, 'hangup_api');
  app.date = new Date('2026-03-04T07:00:00Z');
  await app.join('late');
  for (const [query, expected] of [
    ['friendly_name=late', ['late']],
    ['friendly_name=none', []],
    ['status=active', ['late']],
    ['status=Ended', ['killed', 'early']],
    ['status=initialized', []],
    ['termination_cause_code=1000', ['early']],
    ['termination_cause_code=3000&friendly_name=early', []],
    ['sub_account=SA123456789012345678', []],
    ['creation_time__gt=2026-03-04 06:00', ['late']],
    ['creation_time_gt=2026-03-04 06:00', ['late']],
    ['creation_time__gte=2026-03-04 06:00:00', ['late', 'killed']],
    ['creation_time__lt=2026-03-04 05:06:07.890', []],
    ['creation_time__lte=2026-03-04 05:06:07.890000', ['early']],
    ['creation_time=2026-03-04 05:06:07', ['early']],
    ['end_time__lt=2026-03-04 06:30&end_time__gt=2026-03-04 05:30:00', ['killed']],
    ['end_time__gte=2020-01-01 00:00', ['killed', 'early']],
    ['unknown=parameter', ['late', 'killed', 'early']],
    ['status=&friendly_name=', ['late', 'killed', 'early']],
  ] as const) {
    const { body } = await app.api('GET', `/MultiPartyCall/?${query}`);
    assert.deepEqual(
      body.objects.map((mpc: { friendly_name: string }) => mpc.friendly_name),
      expected,
      query,
    );
  }
});

for (const query of [
  'limit=0',
  'limit=21',
  'limit=abc',
  'limit=-1',
  'limit=1e1',
  'offset=-1',
  'offset=1.5',
  'status=running',
  'termination_cause_code=many',
  'sub_account=MA1',
  'creation_time__gt=yesterday',
  'creation_time__gt=2026-13-01 00:00',
  'end_time__lt=2026-02-31 00:00',
  'end_time__lt=2026-01-01 25:00',
  `friendly_name=${'x'.repeat(129)}`,
  'friendly_name=%00',
])
  test(`the list refuses ${query.slice(0, 40)} and names the parameter`, async () => {
    const { status, body } = await app.api('GET', `/MultiPartyCall/?${query}`);
    assert.equal(status, 400);
    assert.ok(body.error.includes(query.split('=')[0]), body.error);
  });

test('ended MPCs are forgotten in the order they ended', async () => {
  for (let i = 1; i <= 5; i += 1) {
    const { mpc, member } = await app.join(`m${i}`);
    app.directory.leave(mpc, member, 'hangup', false);
  }
  const { body } = await app.api('GET', '/MultiPartyCall/');
  assert.deepEqual(
    body.objects.map((mpc: { friendly_name: string }) => mpc.friendly_name),
    ['m5', 'm4', 'm3'],
  );
});
