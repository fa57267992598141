import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { type Config, type Machine, parseConfig } from '../../../server/config.ts';
import { soundUnder } from '../../../server/mpc/index.ts';
import { describeSetting, SETTINGS, type SettingName } from '../../../server/settings.ts';
import { tableRows } from '../../support/markdown.ts';

const MACHINE: Machine = { cores: 4, interfaces: {} };

function config(env: Record<string, string> = {}, machine: Machine = MACHINE): Config {
  const parsed = parseConfig(env, machine);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.message);
  return parsed.config;
}

function problem(env: Record<string, string>): string {
  const parsed = parseConfig(env, MACHINE);
  assert.ok(!parsed.ok, 'the settings should be refused');
  return parsed.message;
}

test('an empty environment gives the documented defaults', () => {
  const { http, sip, rtp, media, sound, members, publicAddress, account, drainMs, dataDir } = config();
  assert.deepEqual([http.host, http.port, sip.host, sip.port], ['127.0.0.1', 8080, '127.0.0.1', 5060]);
  assert.deepEqual([rtp.portMin, rtp.portMax, rtp.noRtpWarnMs, rtp.noRtpHangupMs], [20_000, 29_999, 30_000, 120_000]);
  assert.deepEqual(sip.trusted, ['127.0.0.0/8', '::1/128']);
  assert.deepEqual(media, { workers: 3, batchUdp: true, fullLoad: 0.95 });
  assert.equal(config({ MAX_MIXER_LOAD: '0' }).media.fullLoad, Number.POSITIVE_INFINITY);
  assert.deepEqual(sound, { sampleRate: 8000, sampleRates: [], floor: { maxTalkers: 0, noiseGate: false } });
  assert.deepEqual([members.max, members.maxPerMpc], [1500, 200]);
  assert.deepEqual([publicAddress, account, drainMs, dataDir], ['127.0.0.1', undefined, 300_000, './data']);
});

test('an MPC runs at the rate of the first pattern that fits its name, others at SAMPLE_RATE', () => {
  const rules = 'board-*:16000, music:48000,*:x:16000,music*:8000';
  const sound = soundUnder(config({ SAMPLE_RATE_BY_MPC: rules }).sound);
  const rates = ['board-1', 'music', 'musicians', 'a:x', 'board', 'Music'].map((name) => sound(name).sampleRate);
  assert.deepEqual(rates, [16_000, 48_000, 8000, 16_000, 8000, 8000]);
  assert.equal(soundUnder(config({ SAMPLE_RATE: '48000' }).sound)('any').sampleRate, 48_000);
});

test('the codecs keep the order they are named in, in any letter case; all are spoken by default', () => {
  const names = (env: Record<string, string>) =>
    config(env).sip.codecs.map(({ name, clockRate }) => `${name}/${clockRate}`);
  assert.deepEqual(names({ CODECS: 'OPUS, pcma' }), ['opus/48000', 'PCMA/8000']);
  const all = ['PCMU/8000', 'PCMA/8000', 'G722/8000', 'opus/48000', 'L16/16000', 'L16/8000', 'L16/48000'];
  assert.deepEqual(names({}), all);
});

test('a machine with one core still has a mixer thread', () => {
  assert.equal(config({}, { ...MACHINE, cores: 1 }).media.workers, 1);
});

test('an empty value is no value', () => {
  assert.equal(config({ HTTP_PORT: '', AUTH_ID: ' ', RTP_PORT_MIN: '' }).http.port, 8080);
});

test('the configuration cannot be changed afterwards', () => {
  const { http } = config();
  assert.throws(() => Object.assign(http, { port: 1 }), TypeError);
});

test('every wrong value is named in one message, with what it should be', () => {
  const message = problem({
    HTTP_PORT: 'abc',
    SIP_PORT: '70000',
    LOG_LEVEL: 'loud',
    SIP_TRUSTED: '10.0.0.0/8,nonsense',
  });
  assert.match(message, /^partyline cannot start: 4 settings are wrong/);
  assert.match(message, /HTTP_PORT="abc": must be a whole number from 0 to 65535/);
  assert.match(message, /SIP_PORT="70000": must be a whole number from 0 to 65535/);
  assert.match(message, /LOG_LEVEL="loud": must be one of fatal, error, warn/);
  assert.match(message, /SIP_TRUSTED=.*"nonsense" is no address or network/);
});

for (const [name, value] of [
  ['HTTP_PORT', '-1'],
  ['HTTP_PORT', '8080.5'],
  ['HTTP_PORT', '1e3'],
  ['HTTP_PORT', '0x1f90'],
  ['HTTP_HOST', 'not a host'],
  ['SIP_HOST', 'example.com'],
  ['RTP_PORT_MIN', '80'],
  ['PUBLIC_ADDRESS', 'me'],
  ['AUTH_ID', 'a:b'],
  ['MEDIA_WORKERS', '0'],
  ['SAMPLE_RATE', '44100'],
  ['SAMPLE_RATE_BY_MPC', 'board-*'],
  ['SAMPLE_RATE_BY_MPC', 'board:44100'],
  ['SAMPLE_RATE_BY_MPC', ':8000'],
  ['CODECS', 'PCMU,GSM'],
  ['CODECS', 'PCMU,pcmu'],
  ['CODECS', ','],
  ['SRTP', 'maybe'],
  ['SRTP', 'required'],
  ['RELAY_DTMF', 'yes'],
  ['FETCH_ALLOW', 'localhost:9000'],
  ['FETCH_ALLOW', '10.0.0.1'],
  ['REDIS_URL', 'http://redis'],
  ['METRICS_AUTH', 'maybe'],
  ['WS_ORIGINS', 'console.example.com'],
  ['DRAIN_SECONDS', 'forever'],
] as const)
  test(`${name}=${value} is refused by name`, () => {
    assert.match(problem({ [name]: value }), new RegExp(`\\n {2}${name}\\b`));
  });

test('settings that contradict each other are refused', () => {
  assert.match(problem({ AUTH_ID: 'MA1' }), /AUTH_ID and AUTH_TOKEN: set both or neither/);
  assert.match(problem({ SRTP: 'required' }), /SRTP: required needs SIP by TLS: set TLS_CERT and TLS_KEY/);
  assert.match(problem({ RTP_PORT_MIN: '30000' }), /RTP_PORT_MAX=29999: must be above RTP_PORT_MIN=30000/);
  assert.match(problem({ RTP_PORT_MIN: '20001', RTP_PORT_MAX: '20002' }), /RTP_PORT_MAX=20002: leaves no even port/);
  assert.match(problem({ HTTP_PORT: '6000', SIP_PORT: '6000' }), /must differ/);
  assert.match(problem({ SIP_PORT: '20002' }), /SIP_PORT=20002: must lie outside/);
  for (const [name, value] of [
    ['SIP_TRUNK', 'sips:carrier.example'],
    ['SIP_TLS_CA', 'ca.pem'],
  ] as const)
    assert.match(problem({ [name]: value }), new RegExp(`${name}: calls by TLS need TLS_CERT and TLS_KEY`));
  assert.match(problem({ NO_RTP_HANGUP_SECONDS: '5' }), /must not be below NO_RTP_WARN_SECONDS=30/);
});

test('secrets are never repeated in the message', () => {
  const message = problem({ AUTH_ID: 'MA1', AUTH_TOKEN: 'tiny', REDIS_URL: 'amqp://:hunter2@redis' });
  assert.match(message, /AUTH_TOKEN: must be/);
  assert.doesNotMatch(message, /tiny|hunter2/);
});

test('on all addresses, callers are told the first outside one of the same family', () => {
  const outside = (address: string, family: 'IPv4' | 'IPv6', internal = false): NetworkInterfaceInfo =>
    ({ address, family, internal }) as NetworkInterfaceInfo;
  const interfaces = {
    lo: [outside('127.0.0.1', 'IPv4', true)],
    eth0: [outside('fe80::1', 'IPv6'), outside('2001:db8::7', 'IPv6'), outside('192.0.2.7', 'IPv4')],
  };
  const machine = { cores: 4, interfaces };
  assert.equal(config({ SIP_HOST: '0.0.0.0' }, machine).publicAddress, '192.0.2.7');
  assert.equal(config({ SIP_HOST: '::' }, machine).publicAddress, '2001:db8::7');
  assert.equal(config({ SIP_HOST: '0.0.0.0', PUBLIC_ADDRESS: '198.51.100.1' }, machine).publicAddress, '198.51.100.1');
  assert.equal(config({ SIP_HOST: '0.0.0.0' }).publicAddress, '127.0.0.1');
  assert.equal(config({ SIP_HOST: 'localhost' }).publicAddress, '127.0.0.1');
});

test('docs/config.md and the settings agree, row by row', () => {
  const rows = tableRows(readFileSync('docs/config.md', 'utf8'), ['name', 'default', 'meaning']);
  const names = Object.keys(SETTINGS) as SettingName[];
  assert.deepEqual(
    rows,
    names.map((name) => Object.values(describeSetting(name))),
  );
});
