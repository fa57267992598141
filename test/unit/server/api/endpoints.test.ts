import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

const ANA = { username: 'ana', password: 'correct horse', alias: 'front-desk' };
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
});
afterEach(() => app.close());

const flow = {
  transport: 'UDP',
  address: '198.51.100.1',
  port: 5070,
  reliable: false,
  open: true,
  send: () => {},
  hold: () => () => {},
  onClose: () => () => {},
} as const;

test('an endpoint is made, and shown as Plivo shows one', async () => {
  const made = await app.api('POST', '/Endpoint/', { ...ANA, app_id: '33406267401237901' });
  const { api_id, endpoint_id, ...rest } = made.body;
  assert.equal(made.status, 201);
  assert.equal(typeof api_id, 'string');
  assert.match(endpoint_id, /^\d{14}$/);
  assert.deepEqual(rest, { alias: 'front-desk', message: 'created', username: 'ana' });
  assert.equal(made.headers.get('location'), `/v1/Account/${app.account.authId}/Endpoint/${endpoint_id}/`);

  const shown = await app.api('GET', `/Endpoint/${endpoint_id}/`);
  assert.equal(shown.status, 200);
  assert.deepEqual(shown.body, {
    api_id: shown.body.api_id,
    alias: 'front-desk',
    application: `/v1/Account/${app.account.authId}/Application/33406267401237901/`,
    endpoint_id,
    resource_uri: `/v1/Account/${app.account.authId}/Endpoint/${endpoint_id}/`,
    sip_contact: null,
    sip_expires: null,
    sip_registered: 'false',
    sip_uri: 'sip:ana@example.com',
    sip_user_agent: null,
    sub_account: null,
    username: 'ana',
  });
});

test('neither the password nor its hashes are ever shown', async () => {
  const made = await app.api('POST', '/Endpoint/', ANA);
  const texts = [made.text];
  for (const path of ['/Endpoint/', `/Endpoint/${made.body.endpoint_id}/`])
    texts.push((await app.api('GET', path)).text);
  const [user] = app.users.all;
  for (const secret of [ANA.password, user?.ha1.md5 ?? '-', user?.ha1.sha256 ?? '-']) {
    assert.ok(!texts.join().includes(secret), 'in no answer');
    assert.ok(!app.logged.join().includes(secret), 'in no log');
  }
});

test('a phone that is registered shows', async () => {
  const { body } = await app.api('POST', '/Endpoint/', ANA);
  const source = { flow, callId: 'x', cseq: 1, path: '', userAgent: 'Desk phone 2' };
  app.contacts.bind('ana', [{ uri: 'sip:ana@10.0.0.5:5070', expires: 60 }], source);
  const shown = await app.api('GET', `/Endpoint/${body.endpoint_id}/`);
  const { sip_registered, sip_contact, sip_expires, sip_user_agent } = shown.body;
  assert.deepEqual(
    { sip_registered, sip_contact, sip_expires, sip_user_agent },
    {
      sip_registered: 'true',
      sip_contact: 'sip:ana@10.0.0.5:5070',
      sip_expires: '2026-03-04 05:07:07',
      sip_user_agent: 'Desk phone 2',
    },
  );
});

test('the list has the newest first, in pages', async () => {
  for (const username of ['ana', 'bob', 'carl']) await app.api('POST', '/Endpoint/', { ...ANA, username });
  const { body } = await app.api('GET', '/Endpoint/?limit=2');
  assert.deepEqual(
    body.objects.map(({ username }: { username: string }) => username),
    ['carl', 'bob'],
  );
  assert.equal(body.meta.total_count, 3);
  assert.match(body.meta.next, /\/Endpoint\/\?limit=2&offset=2$/);
});

test('a name that is taken gets digits, and the answer says which', async () => {
  await app.api('POST', '/Endpoint/', ANA);
  const { status, body } = await app.api('POST', '/Endpoint/', ANA);
  assert.equal(status, 201);
  assert.match(body.username, /^ana\d{12}$/);
});

test('an endpoint changes, and a new password signs its phones off', async () => {
  const { body } = await app.api('POST', '/Endpoint/', ANA);
  const path = `/Endpoint/${body.endpoint_id}/`;
  const source = { flow, callId: 'x', cseq: 1, path: '', userAgent: '' };
  app.contacts.bind('ana', [{ uri: 'sip:ana@10.0.0.5', expires: 60 }], source);
  const before = app.users.ha1('ana');

  const renamed = await app.api('POST', path, { alias: 'hall' });
  assert.equal(renamed.status, 202);
  assert.deepEqual(renamed.body, { api_id: renamed.body.api_id, alias: 'hall', message: 'changed' });
  assert.deepEqual(app.users.ha1('ana'), before);
  assert.equal(app.contacts.size, 1);

  assert.equal((await app.api('POST', path, { password: 'battery staple' })).status, 202);
  assert.notDeepEqual(app.users.ha1('ana'), before);
  assert.equal(app.contacts.size, 0);
});

test('an endpoint is gone once deleted, with its phones', async () => {
  const { body } = await app.api('POST', '/Endpoint/', ANA);
  const path = `/Endpoint/${body.endpoint_id}/`;
  const source = { flow, callId: 'x', cseq: 1, path: '', userAgent: '' };
  app.contacts.bind('ana', [{ uri: 'sip:ana@10.0.0.5', expires: 60 }], source);
  assert.equal((await app.api('DELETE', path)).status, 204);
  assert.equal(app.contacts.size, 0);
  for (const method of ['GET', 'POST', 'DELETE']) assert.equal((await app.api(method, path)).status, 404, method);
});

for (const [field, body] of [
  ['username', { ...ANA, username: undefined }],
  ['username', { ...ANA, username: '' }],
  ['username', { ...ANA, username: '1ana' }],
  ['username', { ...ANA, username: 'ana maria' }],
  ['username', { ...ANA, username: 'a'.repeat(26) }],
  ['username', { ...ANA, username: 'anä' }],
  ['username', { ...ANA, username: ['ana'] }],
  ['password', { ...ANA, password: undefined }],
  ['password', { ...ANA, password: 'four' }],
  ['password', { ...ANA, password: 'a\r\nVia: x' }],
  ['password', { ...ANA, password: 'a'.repeat(129) }],
  ['alias', { ...ANA, alias: undefined }],
  ['alias', { ...ANA, alias: 'front desk' }],
  ['app_id', { ...ANA, app_id: '../1' }],
] as const)
  test(`a wrong ${field} is 400 and makes nobody: ${JSON.stringify(body)}`, async () => {
    const answer = await app.api('POST', '/Endpoint/', body);
    assert.equal(answer.status, 400);
    assert.match(answer.body.error, new RegExp(`: ${field} `));
    assert.equal(app.users.all.length, 0);
  });

test('a change has to change something, and never the name', async () => {
  const { body } = await app.api('POST', '/Endpoint/', ANA);
  const path = `/Endpoint/${body.endpoint_id}/`;
  assert.equal((await app.api('POST', path, {})).status, 400);
  assert.equal((await app.api('POST', path, { username: 'bob', alias: 'x' })).status, 400);
  assert.equal((await app.api('POST', path, { username: 'ana', alias: 'x' })).status, 202);
  assert.equal((await app.api('POST', path, { password: 'four', alias: 'y' })).status, 400);
  assert.equal((await app.api('GET', path)).body.alias, 'x');
});

test('there are not more endpoints than may be', async () => {
  for (let i = 0; i < 3; i++) assert.equal((await app.api('POST', '/Endpoint/', ANA)).status, 201);
  const { status, body } = await app.api('POST', '/Endpoint/', ANA);
  assert.deepEqual([status, body.error], [429, 'too many endpoints']);
});
