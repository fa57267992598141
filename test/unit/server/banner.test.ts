import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banner, hostOf } from '../../../server/banner.ts';
import { StartError } from '../../../server/start-error.ts';

const ACCOUNT = { authId: 'MA1', authToken: 'sesame' };
const FACTS = {
  httpHost: '127.0.0.1',
  httpPort: 8080,
  sipPort: 5060,
  secure: false,
  sipTlsPort: undefined,
  publicAddress: '127.0.0.1',
  account: { account: ACCOUNT, origin: 'made', path: 'data/credentials.json' },
  decoder: '5.1 at /usr/bin/ffmpeg (PATH)',
  sampleUrl: 'http://127.0.0.1:40000/chime.wav',
} as const;

test('the first start shows everything a person needs, the token included', () => {
  const text = banner(FACTS);
  for (const part of [
    'http://127.0.0.1:8080/v1/Account/MA1/',
    'sip:demo@127.0.0.1:5060',
    'ws://127.0.0.1:8080/v1/Account/MA1/MultiPartyCall/name_demo/Stream/',
    '5.1 at /usr/bin/ffmpeg (PATH)',
    'token sesame',
    'data/credentials.json',
    'curl -u MA1:sesame -d url=http://127.0.0.1:40000/chime.wav http://127.0.0.1:8080/v1/Account/MA1/MultiPartyCall/name_demo/Member/all/Play/\n',
  ])
    assert.ok(text.includes(part), part);
});

test('later starts do not show the token, and the command fetches it from where it is', () => {
  const fromFile = banner({ ...FACTS, account: { account: ACCOUNT, origin: 'file', path: '/data/credentials.json' } });
  assert.doesNotMatch(fromFile, /sesame/);
  assert.ok(
    fromFile.includes(`curl -u "$(node -p "Object.values(require('/data/credentials.json')).join(':')")" -d url=`),
  );
  const fromEnvironment = banner({ ...FACTS, account: { account: ACCOUNT, origin: 'environment', path: undefined } });
  assert.doesNotMatch(fromEnvironment, /sesame/);
  assert.ok(fromEnvironment.includes('curl -u "MA1:$AUTH_TOKEN" -d url='));
});

test('what listens on all addresses is shown by the public one', () => {
  assert.equal(hostOf('0.0.0.0', '192.0.2.7', 80), '192.0.2.7:80');
  assert.equal(hostOf('::', '2001:db8::7', 80), '[2001:db8::7]:80');
  assert.equal(hostOf('::1', '2001:db8::7', 80), '[::1]:80');
  assert.equal(hostOf('10.0.0.1', '192.0.2.7', 80), '10.0.0.1:80');
});

test('a port or address that cannot be had is named by its setting, with what to do', () => {
  const names = { host: 'HTTP_HOST', port: 'HTTP_PORT' };
  const explain = (code: string) =>
    StartError.ofListening(Object.assign(new Error(code), { code }), names, { host: '10.9.9.9', port: 80 });
  assert.match(String(explain('EADDRINUSE')), /HTTP_PORT=80: another program uses that port on 10\.9\.9\.9/);
  assert.match(String(explain('EACCES')), /Set HTTP_PORT to 1024 or above/);
  assert.match(String(explain('EADDRNOTAVAIL')), /HTTP_HOST=10\.9\.9\.9: this machine has no such address/);
  assert.ok(!(explain('EMFILE') instanceof StartError), 'what nobody foresaw stays what it is');
});
