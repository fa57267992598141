import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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
  assert.equal((await app.api('GET', '/Call/?status=queued')).status, 400);
  assert.equal((await app.api('DELETE', `/Call/${uuid}/`)).status, 204);
  assert.deepEqual(hungUp.splice(0), ['hangup_api']);
  assert.equal((await app.api('DELETE', `/Call/${uuid}/`)).status, 404);
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
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: '1w2W3', leg: 'both' })).status, 202);
  assert.deepEqual(
    [hers?.digits, his?.digits],
    [
      ['12#', '1w2W3'],
      ['9', '1w2W3'],
    ],
    'pauses are the leg’s to keep',
  );
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: 'hello' })).status, 400);
  assert.equal((await app.api('POST', `/Call/${ana}/DTMF/`, { digits: 'w'.repeat(65) })).status, 400);
  app.calls.hangUpAll();
});
