import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signaturesV3, signedText } from '../../../../server/callbacks/signature.ts';

const TOKEN = 'my_auth_token';
const NONCE = '12345';

for (const [method, url, fields, text, signature] of [
  [
    'GET',
    'https://answer.url/cb?b=2&a=1',
    { CallUUID: '97ceeb52-58b6-11e1-86da-77300b68f8bb', Duration: '300' },
    'https://answer.url/cb?CallUUID=97ceeb52-58b6-11e1-86da-77300b68f8bb&Duration=300&a=1&b=2.12345',
    'r4eUlhnBVqG4QlLPGdwU4gGWVV3WFkaVcWBxIlrzfAY=',
  ],
  [
    'POST',
    'https://answer.url/cb/',
    { EventName: 'MPCStart', MPCName: 't', MemberID: '1' },
    'https://answer.url/cb/?EventNameMPCStartMPCNametMemberID1.12345',
    'spYpDGbrdHJVOS54F6sWCxuPd9nIuK0vT1YbpLLd8tQ=',
  ],
  [
    'POST',
    'https://answer.url:8443/cb?x=1',
    { EventName: 'MPCStart', MPCName: 't m' },
    'https://answer.url:8443/cb?x=1.EventNameMPCStartMPCNamet m.12345',
    '/kVzMSMepSLib2211t4fZBib7NdtGOYS/+adRnS6xps=',
  ],
  ['POST', 'https://answer.url/cb', {}, 'https://answer.url/cb.12345', 'VcX7GVgiJ4PEp3XoZuY3/lQXiXwZyaU8GIlHndAVxYw='],
  ['GET', 'https://answer.url/cb', {}, 'https://answer.url/cb.12345', 'VcX7GVgiJ4PEp3XoZuY3/lQXiXwZyaU8GIlHndAVxYw='],
] as const)
  test(`${method} ${url} with ${Object.keys(fields).length} fields is signed as Plivo's SDKs check it`, () => {
    const parts = [method, new URL(url), new Map<string, string>(Object.entries(fields)), NONCE] as const;
    assert.equal(signedText(...parts), text);
    assert.equal(signaturesV3(...parts, TOKEN).split(',')[0], signature);
  });

test('the order of fields does not matter, and values of one name are sorted', () => {
  const url = new URL('https://answer.url/cb?b=2&b=10&a=%20x');
  const forth = new Map([
    ['Zeta', '1'],
    ['alpha', '2'],
  ]);
  const back = new Map([...forth].reverse());
  assert.equal(signedText('GET', url, forth, NONCE), 'https://answer.url/cb?Zeta=1&a= x&alpha=2&b=10&b=2.12345');
  assert.equal(signedText('POST', url, forth, NONCE), 'https://answer.url/cb?a= x&b=10&b=2.Zeta1alpha2.12345');
  for (const method of ['GET', 'POST'] as const)
    assert.equal(signedText(method, url, back, NONCE), signedText(method, url, forth, NONCE));
});

test('a POST without fields keeps its query', () => {
  assert.equal(
    signedText('POST', new URL('https://answer.url/cb?x=1'), new Map(), NONCE),
    'https://answer.url/cb?x=1.12345',
  );
});

test('where SDKs sign another text than Plivo, their signatures come behind it: without the port, and encoded twice', () => {
  const fields = new Map([['MPCName', 'B\u00fcro']]);
  const sign = (url: string, known = fields) => signaturesV3('POST', new URL(url), known, NONCE, TOKEN).split(',');
  const plain = new Map([['MPCName', 'office']]);
  assert.equal(sign('https://answer.url/cb', plain).length, 1, 'nobody differs');
  const [own, portless, ...none] = sign('https://answer.url:8443/cb', plain);
  assert.deepEqual([portless, none], [sign('https://answer.url/cb', plain)[0], []]);
  assert.notEqual(own, portless);
  const [, twice] = sign('https://answer.url/cb');
  assert.equal(twice, sign('https://answer.url/cb', new Map([['MPCName', 'B\u00c3\u00bcro']]))[0]);
  assert.equal(sign('https://answer.url:8443/cb').length, 3);
});
