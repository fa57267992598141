import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';
import type { RegisteredPhone } from '../../../../server/dial/index.ts';
import type { NameAddress } from '../../../../server/sip/message.ts';
import { AppUnderTest } from '../../../support/app.ts';
import { FakeFlow } from '../sip/doubles.ts';

let app: AppUnderTest;

const ENV = {
  SIP_DIAL_ALLOW: '192.0.2.7',
  SIP_TRUNK: 'sip:192.0.2.9:5080',
  SIP_TRUNK_USER: 'us',
  SIP_TRUNK_PASSWORD: 'secret',
  DIAL_ALLOW: '49',
  DIAL_CALLS_PER_MINUTE: '4',
  PUBLIC_ADDRESS: '192.0.2.1',
};

beforeEach(async () => {
  app = await new AppUnderTest(ENV).listen();
});
afterEach(() => app.close());

const PATH = '/MultiPartyCall/name_standup/Participant/';
const BOB = { role: 'agent', from: '4930111', to: 'sip:bob@192.0.2.7' };

/** Asks for somebody, and lets the calls begin. */
async function add(body: object, path = PATH) {
  const answer = await app.api('POST', path, body);
  if (answer.status >= 500) throw new Error(app.logged.join(''));
  await begin();
  return answer;
}

/** Runs the timers that are due, and what follows from them at once. */
async function begin(ms = 0): Promise<void> {
  app.clock.advance(ms);
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

const memberIds = async () => {
  const { body } = await app.api('GET', PATH);
  return (body.objects as { member_id: string; exit_time: string | null }[] | undefined)?.map(
    ({ member_id }) => member_id,
  );
};

suite('somebody who is called into an MPC', () => {
  test('has a call_uuid at once, an MPC that waits for her, and joins it when she answers', async () => {
    const { status, body } = await add({ ...BOB, caller_name: 'Zoë "Z"', sip_headers: 'ticket=7,X-PH-lang=de' });
    assert.equal(status, 201);
    const [call] = body.calls;
    assert.deepEqual(body, {
      api_id: body.api_id,
      calls: [{ to: 'sip:bob@192.0.2.7', from: '4930111', call_uuid: call.call_uuid }],
      message: 'add participant action initiated',
      request_uuid: call.call_uuid,
    });
    const order = app.dialled[0];
    assert.ok(order, 'nothing was dialled');
    assert.equal(order.uri, 'sip:bob@192.0.2.7');
    assert.deepEqual(order.way, { transport: 'UDP', address: '192.0.2.7', port: 5060 });
    assert.deepEqual(order.from, {
      name: Buffer.from('"Zoë \\"Z\\""', 'utf8').toString('latin1'),
      uri: 'sip:4930111@192.0.2.1',
      params: new Map(),
    });
    assert.deepEqual(order.headers, { 'x-ph-ticket': '7', 'x-ph-lang': 'de' });
    assert.equal(order.credentials, undefined);
    assert.equal((await app.api('GET', '/MultiPartyCall/name_standup/')).body.status, 'Initialized');
    order.onAnswered();
    await begin();
    const member = (await app.api('GET', `${PATH}1/`)).body;
    assert.equal(member.call_uuid, call.call_uuid);
    assert.equal(member.role, 'agent');
    assert.equal((await app.api('GET', '/MultiPartyCall/name_standup/')).body.status, 'Active');
  });

  test('is gone with her MPC when she does not come', async () => {
    await add(BOB);
    app.dialled[0]?.onEnded({ kind: 'refused', status: 486, reason: 'Busy Here' });
    assert.equal((await app.api('GET', '/MultiPartyCall/name_standup/')).status, 404);
    assert.match(await app.metrics.render(), /partyline_dials_total\{result="busy"\} 1/);
  });

  test('is not waited for longer than ring_timeout, which begins after delay_dial', async () => {
    await add({ ...BOB, ring_timeout: 20, delay_dial: '5' });
    assert.equal(app.dialled.length, 0);
    await begin(5000);
    assert.equal(app.dialled.length, 1);
    await begin(19_999);
    assert.deepEqual(app.hungUp, []);
    await begin(1);
    assert.match(app.hungUp[0] ?? '', /no_answer/);
    assert.match(await app.metrics.render(), /partyline_dials_total\{result="no_answer"\} 1/);
  });

  test('is not called any more when the MPC ends', async () => {
    await add(BOB);
    await app.api('DELETE', '/MultiPartyCall/name_standup/');
    assert.match(app.hungUp[0] ?? '', /cancelled/);
    app.dialled[0]?.onAnswered();
    await begin();
    assert.equal(app.directory.memberCount, 0);
  });

  test('begins no other MPC of that name when hers ends while she comes in', async () => {
    await add({ ...BOB, call_status_callback_url: 'http://127.0.0.1:9000/s' });
    const mpc = app.directory.find({ by: 'name', name: 'standup' });
    assert.ok(mpc, 'an MPC waits for her');
    app.dialled[0]?.onAnswered();
    app.directory.end(mpc, 'hangup_api');
    await begin();
    assert.deepEqual([app.directory.live.length, app.directory.memberCount, app.calls.count], [0, 0, 0]);
    assert.match(app.hungUp[0] ?? '', /mpc_ended/);
    assert.equal(app.told.at(-1)?.get('CallStatus'), 'completed');
  });

  test('has to press the key, if there is one, and 30 s to do so', async () => {
    await add({ ...BOB, confirm_key: 5, confirm_key_sound_url: 'http://127.0.0.1:9000/press-five' });
    app.dialled[0]?.onAnswered();
    await begin();
    const [sound] = app.engine.plays;
    assert.deepEqual(sound?.request.urls, ['http://127.0.0.1:9000/press-five']);
    assert.match(sound?.request.conference ?? '', /^room-/);
    const leg = app.engine.legs.at(-1);
    assert.ok(leg, 'no leg was opened');
    leg.report({ type: 'dtmf', digit: '4' });
    await begin();
    assert.equal(app.directory.memberCount, 0);
    leg.report({ type: 'dtmf', digit: '5' });
    await begin();
    assert.equal(app.directory.memberCount, 1);
    assert.equal(sound?.targets[0]?.end, 'stopped');
    await begin(31_000);
    assert.equal(app.directory.memberCount, 1);
  });

  test('gets the digits that are to be sent, with their pauses, once she answered', async () => {
    await add({ ...BOB, send_digits: '1w2W#' });
    const leg = app.engine.legs.at(-1);
    assert.ok(leg, 'no leg was opened');
    app.dialled[0]?.onRinging();
    await begin();
    assert.deepEqual(leg.digits, []);
    app.dialled[0]?.onAnswered();
    await begin();
    assert.deepEqual(leg.digits, ['1w2W#']);
  });

  test('tells her call’s story to whoever asked for it', async () => {
    const { body } = await add({ ...BOB, call_status_callback_url: 'http://127.0.0.1:9000/status' });
    const order = app.dialled[0];
    order?.onRinging();
    order?.onAnswered();
    await begin();
    order?.onEnded({ kind: 'hangup' });
    assert.deepEqual(
      app.told.map((fields) => [fields.get('Event'), fields.get('CallStatus'), fields.get('CallUUID')]),
      [
        ['Ring', 'ringing', body.request_uuid],
        ['StartApp', 'in-progress', body.request_uuid],
        ['Hangup', 'completed', body.request_uuid],
      ],
    );
    assert.equal(app.directory.memberCount, 0);
  });

  test('is one of several who ring: the first to answer has the place, the others lost the race', async () => {
    const to = 'sip:a@192.0.2.7<sip:b@192.0.2.7<+4930222';
    const { body } = await add({
      ...BOB,
      to,
      ring_timeout: '20<30<40',
      call_status_callback_url: 'http://127.0.0.1:9000/s',
    });
    assert.equal(body.calls.length, 3);
    assert.ok(
      !body.calls.some((call: { call_uuid: string }) => call.call_uuid === body.request_uuid),
      'the request is no call',
    );
    assert.equal(app.dialled.length, 3);
    assert.deepEqual(app.dialled[2]?.credentials, { user: 'us', password: 'secret', realm: undefined });
    assert.equal(app.dialled[2]?.uri, 'sip:+4930222@192.0.2.9:5080');
    const awaited = app.directory.find({ by: 'name', name: 'standup' });
    app.dialled[1]?.onAnswered();
    app.dialled[0]?.onAnswered();
    await begin();
    assert.equal(app.directory.memberCount, 1);
    assert.equal(app.directory.find({ by: 'name', name: 'standup' }), awaited, 'it is the MPC that waited for them');
    assert.equal(app.hungUp.length, 2);
    assert.match(app.hungUp[0] ?? '', /elsewhere/);
    const ends = app.told.filter((fields) => fields.get('Event') === 'Hangup');
    assert.deepEqual(
      ends.map((fields) => fields.get('HangupCause')),
      ['Lost Race', 'Lost Race'],
    );
    assert.deepEqual(app.statusTold, ['AddParticipantByAPIActionInitiated', 'AddParticipantByAPIActionCompleted']);
    assert.deepEqual(await memberIds(), ['1']);
  });
});

suite('a user who is called into an MPC', () => {
  const ALICE = { role: 'agent', from: '4930111', to: 'alice', call_status_callback_url: 'http://127.0.0.1:9000/s' };
  const phone = (port: number, routes: readonly NameAddress[] = []): RegisteredPhone => ({
    uri: `sip:alice-${port}@192.0.2.7`,
    flow: new FakeFlow({ address: '192.0.2.7', port: Math.floor(port) }),
    routes,
  });

  test('is called on all of her phones by one call, that costs no allowance and has one story', async () => {
    app.phones = [phone(5061), phone(5062), phone(5063)];
    const { body } = await add(ALICE);
    assert.equal(body.calls.length, 1);
    assert.deepEqual(
      app.dialled.map(({ way }) => way.port),
      [5061, 5062, 5063],
    );
    const legs = app.engine.legs.slice(-3);
    assert.deepEqual(
      app.dialled.map(({ leg }) => leg),
      legs,
      'each has a leg of its own',
    );
    for (const order of app.dialled) order.onRinging();
    app.dialled[2]?.onEnded({ kind: 'refused', status: 486, reason: 'Busy Here' });
    app.dialled[1]?.onAnswered();
    await begin();
    assert.equal(app.directory.memberCount, 1);
    assert.deepEqual(
      legs.map(({ closed }) => closed),
      [true, false, true],
    );
    assert.equal(app.hungUp.length, 1);
    assert.match(app.hungUp[0] ?? '', /elsewhere/);
    app.dialled[1]?.onEnded({ kind: 'hangup' });
    assert.deepEqual(
      app.told.map((fields) => [fields.get('Event'), fields.get('CallUUID'), fields.get('CallStatus')]),
      [
        ['Ring', body.request_uuid, 'ringing'],
        ['StartApp', body.request_uuid, 'in-progress'],
        ['Hangup', body.request_uuid, 'completed'],
      ],
    );
    assert.match(await app.metrics.render(), /partyline_dials_total\{result="answered"\} 1/);
    for (let calls = 0; calls < 6; calls++) assert.equal((await add(ALICE)).status, 201, 'nobody counts them');
  });

  test('is busy when all of her phones are, and not before', async () => {
    app.phones = [phone(5061), phone(5062)];
    await add(ALICE);
    app.dialled[0]?.onEnded({ kind: 'refused', status: 486, reason: 'Busy Here' });
    assert.equal(app.told.length, 0);
    app.dialled[1]?.onEnded({ kind: 'refused', status: 486, reason: 'Busy Here' });
    assert.deepEqual([app.told[0]?.get('CallStatus'), app.told[0]?.get('HangupCause')], ['busy', 'Busy Line']);
  });

  test('has one phone where two contacts came from one place, unless a proxy is there', async () => {
    app.phones = [phone(5061.2), phone(5061.1), phone(5062)];
    await add(ALICE);
    assert.deepEqual(
      app.dialled.map(({ uri }) => uri),
      ['sip:alice-5061.2@192.0.2.7', 'sip:alice-5062@192.0.2.7'],
    );
    const proxy = [{ name: undefined, uri: 'sip:192.0.2.8;lr', params: new Map() }];
    app.phones = [phone(5061.2, proxy), phone(5061.1, proxy)];
    await add(ALICE);
    assert.equal(app.dialled.length, 4);
  });

  test('is not reached when no phone of hers is registered', async () => {
    await add(ALICE);
    assert.deepEqual([app.dialled.length, app.told[0]?.get('CallStatus')], [0, 'failed']);
  });
});

suite('digits that are to be sent before the answer', () => {
  const DIGITS = { ...BOB, send_digits: '12', send_on_preanswer: true };

  test('go to the first phone that can hear them, once', async () => {
    await add(DIGITS);
    const leg = app.engine.legs.at(-1);
    app.dialled[0]?.onEarlyMedia?.();
    assert.deepEqual(leg?.digits, ['12']);
    app.dialled[0]?.onAnswered();
    await begin();
    assert.deepEqual(leg?.digits, ['12']);
  });

  test('go to who answered when nobody could hear them before', async () => {
    await add(DIGITS);
    const leg = app.engine.legs.at(-1);
    app.dialled[0]?.onAnswered();
    await begin();
    assert.deepEqual(leg?.digits, ['12']);
    await add({ ...DIGITS, send_on_preanswer: false });
    assert.equal(app.dialled[1]?.onEarlyMedia, undefined, 'else nobody hears what comes early');
  });
});

suite('nothing is sent, and the reason is given, when', () => {
  const cases: readonly [what: string, status: number, body: object, error: RegExp][] = [
    ['the number may not be called', 403, { ...BOB, to: '0019001234' }, /DIAL_ALLOW/],
    ['the host may not be called', 403, { ...BOB, to: 'sip:bob@192.0.2.8' }, /SIP_DIAL_ALLOW/],
    ['one of several may not be called', 403, { ...BOB, to: '4930<0019001234' }, /0019001234/],
    ['nobody has that name', 403, { ...BOB, to: 'mallory' }, /no user/],
    ['several are called who are no agents', 400, { ...BOB, role: 'customer', to: '4930<4931' }, /agent/],
    ['too many are called', 400, { ...BOB, to: new Array(20).fill('4930').join('<') }, /at most 19/],
    ['the destination is nonsense', 400, { ...BOB, to: 'sip:@' }, /to "sip:@"/],
    ['the caller is nonsense', 400, { ...BOB, from: 'a b' }, /from must/],
    ['to is missing', 400, { role: 'agent', from: '49' }, /from and to/],
    ['call_uuid comes with to', 400, { ...BOB, call_uuid: 'x' }, /call_uuid/],
    ['no such call stands', 404, { role: 'agent', call_uuid: 'c0000000-0000-4000-8000-000000000000' }, /call_uuid/],
    ['the role is missing', 400, { from: '49', to: '4930' }, /role/],
    [
      'the times do not fit the destinations',
      400,
      { ...BOB, to: '4930<4931<4932', ring_timeout: '20<30' },
      /ring_timeout/,
    ],
    ['a time is out of range', 400, { ...BOB, ring_timeout: 0 }, /ring_timeout/],
    ['a header would be more than one', 400, { ...BOB, sip_headers: 'a=b\r\nRoute: x' }, /sip_headers/],
    ['the name of the caller has line ends', 400, { ...BOB, caller_name: 'a\r\nb' }, /caller_name/],
    [
      'the callback is inside',
      400,
      { ...BOB, call_status_callback_url: 'http://10.0.0.1/' },
      /call_status_callback_url/,
    ],
    ['the music is nonsense', 400, { ...BOB, dial_music: 'loud' }, /dial_music/],
    ['the key is none', 400, { ...BOB, confirm_key: '12' }, /confirm_key/],
    ['the key is an object', 400, { ...BOB, confirm_key: { key: 1 } }, /confirm_key must be one of 0-9, \* and #/],
    ['the digits are none', 400, { ...BOB, send_digits: 'hello' }, /send_digits/],
  ];
  for (const [what, status, body, error] of cases)
    test(what, async () => {
      const answer = await add(body);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.body.error, error);
      await begin(60_000);
      assert.equal(app.dialled.length, 0);
      assert.equal(app.directory.live.length, 0);
    });

  test('too many are called within a minute', async () => {
    for (let i = 0; i < 4; i++) assert.equal((await add(BOB)).status, 201);
    const { status, headers, body } = await add(BOB);
    assert.equal(status, 429);
    assert.match(body.error, /DIAL_CALLS_PER_MINUTE/);
    assert.equal(headers.get('retry-after'), '60');
    assert.match(await app.metrics.render(), /partyline_dials_refused_total\{reason="rate"\} 1/);
  });

  test('the MPC is named by a UUID that does not live, or may not begin with one alone', async () => {
    const gone = '/MultiPartyCall/uuid_d0000000-0000-4000-8000-000000000000/Participant/';
    assert.equal((await add(BOB, gone)).status, 404);
    assert.equal((await add({ ...BOB, create_mpc_with_single_participant: false })).status, 404);
    await app.join('standup', 'customer');
    assert.equal((await add({ ...BOB, create_mpc_with_single_participant: false })).status, 201);
  });
});

suite('a call that stands', () => {
  test('moves into another MPC by its call_uuid', async () => {
    await add(BOB);
    app.dialled[0]?.onAnswered();
    await begin();
    const [call] = app.calls.live;
    assert.ok(call, 'a call stands');
    call.keeper = () => true;
    const { status, body } = await add(
      { role: 'customer', call_uuid: call?.uuid },
      '/MultiPartyCall/name_other/Participant/',
    );
    assert.equal(status, 201);
    assert.deepEqual(body.calls, [{ to: 'sip:bob@192.0.2.7', from: '4930111', call_uuid: call?.uuid }]);
    await begin();
    assert.equal(app.directory.findCall(call?.uuid ?? '')?.mpc.name, 'other');
    assert.equal(app.directory.find({ by: 'name', name: 'standup' }), undefined);
    assert.equal(call.keeper, undefined, 'whoever waited for the way out of the first MPC has lost it');
  });
});

test('nobody is called into an MPC that is full, and no call moved there', async () => {
  await add({ ...BOB, max_participants: 2 });
  app.dialled[0]?.onAnswered();
  await begin();
  await add(BOB);
  app.dialled[1]?.onAnswered();
  await begin();
  await add(BOB, '/MultiPartyCall/name_other/Participant/');
  app.dialled[2]?.onAnswered();
  await begin();
  const [, , third] = app.calls.live;
  const dialled = app.dialled.length;
  for (const body of [BOB, { role: 'customer', call_uuid: third?.uuid }]) {
    const refused = await add(body);
    assert.equal(refused.status, 409);
    assert.match(refused.body.error, /the MPC is full/);
  }
  assert.equal(app.dialled.length, dialled);
  assert.equal(app.directory.findCall(third?.uuid ?? '')?.mpc.name, 'other');
});

test('nobody is transcribed, whatever python and go ask for', async () => {
  const transcription = { transcription_url: 'not a URL', transcript: true };
  assert.equal((await add({ ...BOB, ...transcription })).status, 201);
  app.dialled[0]?.onAnswered();
  await begin();
  for (const whose of ['', 'Participant/1/']) {
    const path = `/MultiPartyCall/name_standup/${whose}Record/`;
    assert.ok((await app.api('POST', path, transcription)).status < 300, `${whose}Record/`);
  }
});

test('an ai-agent is refused by its role, for it has no application here', async () => {
  const { status, body } = await add({ ...BOB, role: 'ai-agent' });
  assert.equal(status, 400);
  assert.match(body.error, /role must be agent, customer or supervisor/);
  assert.deepEqual(app.dialled, []);
});

test('a request that is repeated under its Idempotency-Key calls once', async () => {
  const headers = { 'Idempotency-Key': 'one' };
  const first = await app.api('POST', PATH, BOB, headers);
  const second = await app.api('POST', PATH, BOB, headers);
  assert.equal(second.body.request_uuid, first.body.request_uuid);
  await begin();
  assert.equal(app.dialled.length, 1);
});

test('those in the MPC hear it ring until somebody answers, unless they are to hear nothing', async () => {
  await app.join('standup', 'customer');
  await add(BOB);
  const play = app.engine.plays.at(-1);
  assert.deepEqual(play?.request.urls, ['sound://ring']);
  app.dialled[0]?.onAnswered();
  await begin();
  assert.equal(play?.targets[0]?.end, 'stopped');
  await add({ ...BOB, dial_music: 'none' });
  assert.equal(app.engine.plays.length, 1);
  await add({ ...BOB, dial_music: 'http://127.0.0.1:9000/music' });
  assert.deepEqual(app.engine.plays.at(-1)?.request.urls, ['http://127.0.0.1:9000/music']);
});
