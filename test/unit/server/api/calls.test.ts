import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Call } from '../../../../server/calls/index.ts';
import { plainTerms } from '../../../../server/mpc/index.ts';
import { AppUnderTest } from '../../../support/app.ts';

let app: AppUnderTest;
const hungUp: string[] = [];

before(async () => {
  app = await new AppUnderTest().listen();
});

after(() => app.close());

async function inMpc(name: string): Promise<string> {
  const rung = app.calls.ring({
    kind: 'sip',
    direction: 'inbound',
    from: 'sip:ana@example.com',
    to: `sip:${name}@example.com`,
    hangUp: (cause) => hungUp.push(cause),
  });
  assert.ok(rung.ok, 'there is room for a call');
  const { call } = rung;
  await app.calls.openInMpc(call, name, plainTerms('customer'), (id, onEvent) =>
    app.engine.openRtpLeg(id, {}, onEvent),
  );
  app.calls.answered(call);
  return call.uuid;
}

test('live calls are listed and shown, and others are not found', async () => {
  const uuid = await inMpc('lists');
  const list = await app.api('GET', '/Call/?status=live');
  assert.deepEqual([list.status, list.body.calls], [200, [uuid]]);
  const { status, body } = await app.api('GET', `/Call/${uuid.toUpperCase()}?status=live`);
  assert.equal(status, 200);
  const { api_id: _, ...shown } = body;
  assert.deepEqual(shown, {
    call_status: 'in-progress',
    call_uuid: uuid,
    caller_name: 'sip:ana@example.com',
    direction: 'inbound',
    from: 'sip:ana@example.com',
    request_uuid: uuid,
    session_start: '2026-03-04 05:06:07.890000',
    to: 'sip:lists@example.com',
  });
  assert.equal((await app.api('GET', '/Call/nobody/')).status, 404);
  assert.deepEqual((await app.api('GET', '/Call/?status=queued')).body.calls, []);
  assert.equal((await app.api('GET', '/Call/?status=ringing')).status, 400);
  const early = await app.api('GET', `/Call/${uuid}/`);
  assert.equal(early.status, 404);
  assert.match(early.body.error, /status=live/);
  assert.equal((await app.api('DELETE', `/Call/${uuid}/`)).status, 204);
  assert.deepEqual(hungUp.splice(0), ['hangup_api']);
  assert.equal((await app.api('DELETE', `/Call/${uuid}/`)).status, 404);
});

test('calls that are over are listed, found by every filter, and shown with how they ended', async () => {
  const begin = (direction: 'inbound' | 'outbound', from: string, to: string): Call => {
    const rung = app.calls.ring({ kind: 'sip', direction, from, to, hangUp: () => {} });
    assert.ok(rung.ok, 'there is room for a call');
    return rung.call;
  };
  const pass = (seconds: number): void => {
    app.date = new Date(app.date.getTime() + seconds * 1000);
  };
  app.date = new Date('2026-03-05T08:00:00.000Z');
  const talked = begin('inbound', 'sip:+4930111@trunk.example', 'sip:board@example.com');
  pass(5);
  app.calls.answered(talked);
  pass(60);
  app.calls.end(talked, 'hangup', false);
  pass(5);
  const busy = begin('outbound', '4940222', '+4930999');
  assert.deepEqual((await app.api('GET', '/Call/?status=queued')).body.calls, [busy.uuid]);
  assert.equal((await app.api('GET', `/Call/${busy.uuid}/?status=queued`)).body.call_status, 'ringing');
  assert.equal((await app.api('GET', `/Call/${busy.uuid}/?status=live`)).status, 404);
  app.calls.end(busy, 'busy', false);
  const { api_id: _, ...shown } = (await app.api('GET', `/Call/${talked.uuid}`)).body;
  assert.deepEqual(shown, {
    answer_time: '2026-03-05 08:00:05+00:00',
    bill_duration: 60,
    billed_duration: null,
    call_direction: 'inbound',
    call_duration: 60,
    call_uuid: talked.uuid,
    conference_uuid: null,
    end_time: '2026-03-05 08:01:05+00:00',
    from_number: 'sip:+4930111@trunk.example',
    hangup_cause_code: 4000,
    hangup_cause_name: 'Normal Hangup',
    hangup_source: 'Caller',
    initiation_time: '2026-03-05 08:00:00+00:00',
    parent_call_uuid: null,
    resource_uri: `/v1/Account/${app.account.authId}/Call/${talked.uuid}/`,
    to_number: 'sip:board@example.com',
    total_amount: '0.00000',
    total_rate: '0.00000',
    call_status: 'completed',
    end_cause: 'hangup',
  });
  const list = async (query: string) => {
    const { body } = await app.api('GET', `/Call/?end_time__gte=2026-03-05 08:00${query}`);
    return (body.objects as { call_uuid: string }[]).map(({ call_uuid }) =>
      call_uuid === busy.uuid ? 'busy' : 'talked',
    );
  };
  assert.deepEqual(await list(''), ['busy', 'talked']);
  assert.deepEqual(await list('&limit=1&offset=1'), ['talked']);
  for (const [query, expected] of [
    ['call_direction=outbound', 'busy'],
    ['from_number=4930', 'talked'],
    ['from_number=%2B4930111', 'talked'],
    ['from_number=sip:%2B4930111@trunk.example', 'talked'],
    ['to_number=board', 'talked'],
    ['to_number=4930999', 'busy'],
    ['bill_duration=60', 'talked'],
    ['bill_duration__lt=60', 'busy'],
    ['bill_duration__gte=60', 'talked'],
    ['end_time=2026-03-05 08:01:05', 'talked'],
    ['end_time__gt=2026-03-05 08:01:05', 'busy'],
    ['hangup_cause_code=3010', 'busy'],
    ['hangup_source=Callee', 'busy'],
    ['hangup_source=Caller', 'talked'],
    ['from_number=sip:4930111@other.example', ''],
    ['parent_call_uuid=x', ''],
    ['subaccount=SA123456789012345678', ''],
  ] as const)
    assert.equal((await list(`&${query}`)).join(), expected, query);
  for (const query of ['call_direction=up', 'bill_duration=long', 'end_time=today', 'subaccount=us', 'limit=21'])
    assert.equal((await app.api('GET', `/Call/?${query}`)).status, 400, query);
});

test('a transfer hands the call, or the others in its MPC, to the app at a URL', async () => {
  const [ana, ben] = [await inMpc('moves'), await inMpc('moves')];
  const aleg = await app.api('POST', `/Call/${ana}/`, { aleg_url: 'https://a.example/a', aleg_method: 'GET' });
  assert.deepEqual([aleg.status, aleg.body.message, aleg.body.call_uuids], [202, 'transfer executed', [ana]]);
  const both = { legs: 'both', aleg_url: 'https://a.example/a', bleg_url: 'https://a.example/b' };
  assert.equal((await app.api('POST', `/Call/${ana}/`, both)).status, 202);
  assert.deepEqual(app.transfers.splice(0), [
    `${ana} GET https://a.example/a`,
    `${ana} POST https://a.example/a`,
    `${ben} POST https://a.example/b`,
  ]);
  for (const body of [
    {},
    { aleg_url: 'http://10.0.0.1/' },
    { legs: 'bleg', aleg_url: 'https://a.example/' },
    { legs: 'no' },
  ])
    assert.equal((await app.api('POST', `/Call/${ana}/`, body)).status, 400, JSON.stringify(body));
  app.calls.hangUpAll();
  assert.deepEqual(app.transfers, []);
});

test('digits go to the call, or to the others in its MPC', async () => {
  const [ana] = [await inMpc('keys'), await inMpc('keys')];
  const [hers, his] = app.engine.legs.slice(-2);
  const sent = await app.api('POST', `/Call/${ana}/DTMF/`, { digits: '12#' });
  assert.deepEqual([sent.status, sent.body.message], [202, 'digits sent']);
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: '9', leg: 'bleg' })).status, 202);
  assert.equal(
    (await app.api('POST', `/Call/${ana}/DTMF/`, { digits: '1w2W3', legs: 'both' })).status,
    202,
    'as Go calls it',
  );
  assert.deepEqual(
    [hers?.digits, his?.digits],
    [
      ['12#', '1w2W3'],
      ['9', '1w2W3'],
    ],
    'pauses are the leg’s to keep',
  );
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: 4711 })).status, 202, 'a number is its digits');
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: '' })).status, 400);
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: 'hello' })).status, 400);
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: 'w'.repeat(65) })).status, 400);
  app.calls.hangUpAll();
});
