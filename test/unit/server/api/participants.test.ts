import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
});
afterEach(() => app.close());

const ids = (body: { objects: { member_id: string }[] }) => body.objects.map((member) => member.member_id);

test('a participant has the fields of Plivo, with ids as strings', async () => {
  const { mpc, member } = await app.join('standup', 'agent');
  const { status, body } = await app.api('GET', '/MultiPartyCall/name_standup/Participant/1/');
  assert.equal(status, 200);
  assert.deepEqual(body, {
    api_id: body.api_id,
    billed_amount: null,
    billed_duration: null,
    call_uuid: member.callUuid,
    coach_mode: false,
    duration: null,
    end_mpc_on_exit: false,
    exit_cause: null,
    exit_time: null,
    hold: false,
    join_time: '2026-03-04 05:06:07+00:00',
    member_address: 'sip:somebody@example.com',
    member_id: '1',
    mpc_uuid: mpc.uuid,
    mute: false,
    resource_uri: `/v1/Account/MAUNITTESTUNITTESTUN/MultiPartyCall/uuid_${mpc.uuid}/Participant/1/`,
    role: 'agent',
    start_mpc_on_enter: true,
    quality: null,
    talking: false,
  });
});

test('the quality of a call is shown while it runs', async () => {
  const { member } = await app.join('standup');
  assert.ok(member.leg);
  Object.assign(member.leg, {
    stats: {
      codec: 'G722',
      packetsReceived: 50,
      packetsSent: 51,
      packetsLost: 2,
      framesConcealed: 3,
      concealedShare: 0.030_04,
      jitterMs: 1.23456,
      playoutDelayMs: 40,
      roundTripMs: undefined,
      mos: 4.1,
    },
  });
  const { body } = await app.api('GET', '/MultiPartyCall/name_standup/Participant/1/');
  assert.deepEqual(body.quality, {
    codec: 'G722',
    packets_received: 50,
    packets_sent: 51,
    packets_lost: 2,
    frames_concealed: 3,
    concealed_share: 0.03,
    jitter_ms: 1.23,
    playout_delay_ms: 40,
    round_trip_ms: null,
    mos: 4.1,
  });
});

test('the list has everybody in order of joining, and finds one by her call', async () => {
  await app.join('standup', 'agent');
  const { member } = await app.join('standup');
  const all = await app.api('GET', '/MultiPartyCall/name_standup/Participant/');
  assert.deepEqual(ids(all.body), ['1', '2']);
  assert.deepEqual([all.body.meta.count, all.body.meta.total_count], [2, 2]);
  const one = await app.api(
    'GET',
    `/MultiPartyCall/name_standup/Participant/?call_uuid=${member.callUuid.toUpperCase()}`,
  );
  assert.deepEqual(ids(one.body), ['2']);
  const none = await app.api('GET', '/MultiPartyCall/name_standup/Participant/?call_uuid=nobody');
  assert.deepEqual(ids(none.body), []);
});

test('all of a large MPC come at once, in pages when asked', async () => {
  for (let i = 0; i < 30; i += 1) await app.join('large');
  const all = await app.api('GET', '/MultiPartyCall/name_large/Participant/');
  assert.equal(all.body.objects.length, 30);
  const page = await app.api('GET', '/MultiPartyCall/name_large/Participant/?limit=10&offset=25');
  assert.deepEqual(ids(page.body), ['26', '27', '28', '29', '30']);
});

test('who has left stays readable, without mute, hold and coach', async () => {
  const { mpc, member } = await app.join('standup');
  await app.join('standup');
  app.date = new Date(app.date.getTime() + 10_000);
  app.directory.leave(mpc, member, 'hangup', false);
  const { body } = await app.api('GET', '/MultiPartyCall/name_standup/Participant/1/');
  assert.deepEqual([body.mute, body.hold, body.coach_mode, body.quality], [null, null, null, null]);
  assert.equal(body.exit_cause, 'Participant Call Hangup');
  assert.equal(body.exit_time, '2026-03-04 05:06:17+00:00');
  assert.equal(body.duration, 10);
});

test('of those who left only so many are kept, and nobody present is forgotten', async () => {
  const stays = await app.join('busy');
  for (let i = 0; i < 6; i += 1) {
    const { mpc, member } = await app.join('busy');
    app.directory.leave(mpc, member, 'hangup', false);
  }
  const { body } = await app.api('GET', '/MultiPartyCall/name_busy/Participant/');
  assert.deepEqual(ids(body), [stays.member.id, '5', '6', '7']);
});

test('kicking takes one, several, or all', async () => {
  for (let i = 0; i < 5; i += 1) await app.join('standup');
  const path = '/MultiPartyCall/name_standup/Participant';
  assert.equal((await app.api('DELETE', `${path}/1/`)).status, 204);
  assert.equal((await app.api('DELETE', `${path}/2,3,77/`, {})).status, 204);
  const left = await app.api('GET', `${path}/`);
  assert.deepEqual(
    left.body.objects.map((member: { exit_cause: string | null }) => member.exit_cause),
    [...Array(3).fill('Kicked Out of Multiparty Call'), null, null],
  );
  assert.equal((await app.api('DELETE', `${path}/1/`)).status, 404, 'she is gone already');
  assert.equal((await app.api('DELETE', `${path}/all/`)).status, 204);
  assert.deepEqual(app.hungUp, Array(5).fill('kicked'));
  assert.equal((await app.api('GET', `${path}/`)).status, 404, 'nobody is left, so the MPC is over');
});

test('mute and hold go to those named, and the answer has only what was asked', async () => {
  await app.join('standup');
  await app.join('standup');
  const path = '/MultiPartyCall/name_standup/Participant';
  const muted = await app.api('POST', `${path}/1/`, { mute: true });
  assert.equal(muted.status, 202);
  assert.deepEqual(muted.body, { api_id: muted.body.api_id, mute: 'MPC: standup mute/unmute member(s) succeeded' });
  const held = await app.api('POST', `${path}/all/`, { hold: 'true', mute: false });
  assert.deepEqual(Object.keys(held.body).sort(), ['api_id', 'hold', 'mute']);
  assert.deepEqual(
    app.engine.legs.map(({ changes: { muted = false, held = false } }) => [muted, held]),
    [
      [false, true],
      [false, true],
    ],
  );
  assert.equal((await app.api('GET', `${path}/2/`)).body.hold, true);
});

test('coaching is for supervisors, and agents hear it', async () => {
  await app.join('standup', 'agent');
  await app.join('standup', 'supervisor');
  const path = '/MultiPartyCall/name_standup/Participant';
  const { status, body } = await app.api('POST', `${path}/2/`, { coach_mode: true });
  assert.equal(status, 202);
  assert.equal(body.coach_mode, 'MPC: standup coach_mode enable/disable succeeded');
  assert.deepEqual(
    app.engine.legs.map(({ changes: { hearsWhispers = false, voice } }) => [hearsWhispers, voice]),
    [
      [true, undefined],
      [false, 'whisper'],
    ],
  );
  assert.equal((await app.api('GET', `${path}/2/`)).body.coach_mode, true);
  assert.equal((await app.api('POST', `${path}/1/`, { coach_mode: true })).status, 400);
  assert.equal((await app.api('POST', `${path}/all/`, { coach_mode: true })).status, 400);
});

test('disable_state_change_sound goes with the change it is for', async () => {
  const quiet: boolean[] = [];
  app.directory.subscribe((event) => {
    if (event.type === 'member-changed') quiet.push(event.quiet);
  });
  await app.join('standup', 'supervisor');
  const path = '/MultiPartyCall/name_standup/Participant/1/';
  for (const [index, disable_state_change_sound] of [undefined, false, 'true', true].entries()) {
    const coach_mode = index % 2 === 0;
    assert.equal((await app.api('POST', path, { coach_mode, disable_state_change_sound })).status, 202);
  }
  assert.deepEqual(quiet, [false, false, true, true]);
  assert.equal((await app.api('POST', path, { mute: true, disable_state_change_sound: 'no' })).status, 400);
});

for (const body of [{}, { mute: 'yes' }, { mute: 1 }, { hold: [] }, { mute: null }])
  test(`an update of ${JSON.stringify(body)} is refused and changes nothing`, async () => {
    await app.join('standup');
    const before = { ...app.engine.legs[0]?.changes };
    const { status } = await app.api('POST', '/MultiPartyCall/name_standup/Participant/1/', body);
    assert.equal(status, 400);
    assert.deepEqual(app.engine.legs[0]?.changes, before);
  });

test('nobody by that id is not found, a list or "all" is not one participant', async () => {
  await app.join('standup');
  const path = '/MultiPartyCall/name_standup/Participant';
  for (const [members, status] of [
    ['2', 404],
    ['1,2', 400],
    ['all', 400],
    ['0', 400],
    ['-1', 400],
    ['1e1', 400],
    ['01', 400],
    ['%D9%A1', 400],
    ['__proto__', 400],
    ['99999999999', 400],
  ] as const)
    assert.equal((await app.api('GET', `${path}/${members}/`)).status, status, members);
  assert.equal((await app.api('POST', `${path}/2/`, { mute: true })).status, 404);
});
