import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answeredSubprotocol,
  checkHandshake,
  isOriginAllowed,
  parseParameters,
  parseTarget,
} from '../../../../server/ws/upgrade.ts';

const UUID = '6d7f2b6e-6f5e-4f1f-8d0c-4d5a0c7a0001';

test('the path names the account and the MPC, percent-encoded or not, with or without the last slash', () => {
  const path = '/v1/Account/MA1/MultiPartyCall';
  for (const [url, mpc] of [
    [`${path}/name_demo/Stream/`, { by: 'name', name: 'demo' }],
    [`${path}/name_demo/Stream`, { by: 'name', name: 'demo' }],
    [`${path}/name_team%20a%2Fb/Stream/?x`, { by: 'name', name: 'team a/b' }],
    [`${path}/name_%E2%98%8E/Stream/`, { by: 'name', name: '☎' }],
    [`${path}/uuid_${UUID.toUpperCase()}/Stream/`, { by: 'uuid', uuid: UUID }],
  ] as const) {
    const target = parseTarget(url);
    assert.ok(target.ok, url);
    assert.deepEqual(target.value.mpc, mpc);
    assert.equal(target.value.authId, 'MA1');
  }
});

test('every other path is refused: 404 for other places, 400 for a wrong name', () => {
  const path = '/v1/Account/MA1/MultiPartyCall';
  for (const [url, status] of [
    ['/', 404],
    ['*', 404],
    [`${path}/name_a/Stream/more`, 404],
    [`${path}/name_a/b/Stream/`, 404],
    [`${path}//Stream/`, 404],
    [`/x${path}/name_a/Stream/`, 404],
    [`${path}/name_a/stream/`, 404],
    [`${path}/demo/Stream/`, 400],
    [`${path}/name_/Stream/`, 400],
    [`${path}/name_%/Stream/`, 400],
    [`${path}/name_%ff/Stream/`, 400],
    [`${path}/name_%00/Stream/`, 400],
    [`${path}/name_${'a'.repeat(129)}/Stream/`, 400],
    [`${path}/uuid_1/Stream/`, 400],
  ] as const) {
    const target = parseTarget(url);
    assert.equal(target.ok ? 101 : target.status, status, url);
  }
});

test('content_type, framing and role are read whether ; and / are encoded or raw', () => {
  for (const query of [
    'content_type=audio/x-l16;rate=16000&framing=binary&role=agent',
    'content_type=audio%2Fx-l16%3Brate%3D16000&framing=binary&role=Agent&unknown=1',
    'role=agent&framing=binary&content_type=audio/x-l16%3B%20rate=16000',
  ])
    assert.deepEqual(parseParameters(query), {
      ok: true,
      value: { format: { encoding: 'L16', sampleRate: 16000 }, framing: 'binary', role: 'agent' },
    });
});

test('who asks for nothing gets L16 at 8 kHz in JSON as a customer, and mu-law needs no rate', () => {
  assert.deepEqual(parseParameters(''), {
    ok: true,
    value: { format: { encoding: 'L16', sampleRate: 8000 }, framing: 'json', role: 'customer' },
  });
  const mulaw = parseParameters('content_type=audio/x-mulaw');
  assert.deepEqual(mulaw.ok && mulaw.value.format, { encoding: 'PCMU', sampleRate: 8000 });
});

test('a wrong parameter is refused by name', () => {
  for (const [query, expected] of [
    ['content_type=audio/mpeg', /^content_type/],
    ['content_type=', /^content_type/],
    ['content_type=audio/x-mulaw;rate=16000', /^content_type/],
    ['content_type=audio/x-l16;rate=48000', /^content_type/],
    ['content_type=audio/x-l16;rate=8000;rate=16000', /^content_type/],
    ['content_type=audio/x-l16;rate=-8000', /^content_type/],
    ['content_type=audio/x-l16&content_type=audio/x-l16', /content_type is given twice/],
    ['framing=xml', /^framing/],
    ['framing=json&framing=binary', /framing is given twice/],
    ['role=boss', /^role/],
  ] as const) {
    const parsed = parseParameters(query);
    assert.match(parsed.ok ? 'fine' : parsed.error, expected, query);
  }
});

const HANDSHAKE = {
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
};

test('a handshake that could not be completed is refused before anybody joins', () => {
  assert.ok(checkHandshake('GET', HANDSHAKE).ok);
  assert.ok(checkHandshake('GET', { ...HANDSHAKE, upgrade: 'WebSocket' }).ok);
  assert.equal(checkHandshake('POST', HANDSHAKE).ok, false);
  for (const wrong of [
    { upgrade: 'h2c' },
    { 'sec-websocket-key': '' },
    { 'sec-websocket-key': 'short==' },
    { 'sec-websocket-version': '8' },
    { 'sec-websocket-protocol': 'partyline,' },
    { 'sec-websocket-protocol': 'partyline, partyline' },
    { 'sec-websocket-protocol': 'party line' },
    { 'sec-websocket-protocol': 'partyline.token.abc' },
    { 'sec-websocket-protocol': 'partyline, partyline.token.a, partyline.token.b' },
  ])
    assert.equal(checkHandshake('GET', { ...HANDSHAKE, ...wrong }).ok, false, JSON.stringify(wrong));
});

test('a token comes as a subprotocol and never goes back as one', () => {
  const protocol = 'partyline, partyline.token.AbC-_9';
  const checked = checkHandshake('GET', { ...HANDSHAKE, 'sec-websocket-protocol': protocol });
  assert.equal(checked.ok && checked.value.token, 'AbC-_9');
  assert.equal(answeredSubprotocol(new Set(['partyline.token.AbC-_9', 'partyline'])), 'partyline');
  assert.equal(answeredSubprotocol(new Set(['chat'])), false);
});

test('a page may connect from our own host or from a listed origin, compared whole', () => {
  const allowed = ['https://console.example.com'];
  const may = (origin?: string, host = '127.0.0.1:8080'): boolean => isOriginAllowed(origin, host, allowed);
  assert.ok(may(undefined));
  assert.ok(may('http://127.0.0.1:8080'));
  assert.ok(may('https://voice.example.com', 'voice.example.com'));
  assert.ok(may('https://console.example.com'));
  for (const origin of [
    '',
    'null',
    'http://127.0.0.1:80801',
    'http://127.0.0.1',
    'http://evil.example/127.0.0.1:8080',
    'https://console.example.com.evil.example',
    'https://console.example.co',
    'http://console.example.com',
    'https://evil.example',
    'ws://127.0.0.1:8080',
  ])
    assert.equal(may(origin), false, origin);
  assert.equal(isOriginAllowed('http://', undefined, []), false);
});
