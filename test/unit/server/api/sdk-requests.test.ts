import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';
import { RawHttp } from '../../../support/raw-http.ts';

/*
 * What each of Plivo's SDKs puts on the wire where it is unlike the others, byte for byte, and the few things that some of them
 * need of an answer. Node's SDK itself runs in the integration tests.
 */

const MP3 = 'https://media.test.example/hello.mp3';
const MPC = '/MultiPartyCall/name_standup';
let app: AppUnderTest;

interface Reply {
  readonly status: number;
  readonly head: string;
  readonly text: string;
}

beforeEach(async () => {
  app = await new AppUnderTest({ SIP_DIAL_ALLOW: '192.0.2.7' }).listen();
  await app.join('standup', 'agent');
  await app.join('standup', 'supervisor');
});
afterEach(() => app.close());

/** Sends a request of exactly these lines and bytes. */
async function send(method: string, path: string, headers: readonly string[], body?: string): Promise<Reply> {
  const http = new RawHttp(app.url);
  const lines = [
    `${method} /v1/Account/${app.account.authId}${path} HTTP/1.1`,
    'Host: api.plivo.com',
    `Authorization: ${app.authorization}`,
    ...headers,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    'Connection: close',
  ];
  const all = await http.write(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`).closed();
  const end = all.indexOf('\r\n\r\n');
  return { status: http.statuses[0] ?? 0, head: all.slice(0, end), text: all.slice(end + 4) };
}

const PYTHON = ['User-Agent: plivo-python/4.59.5 (Python: 3.12)', 'Accept-Encoding: gzip, deflate', 'Accept: */*'];
const GO = ['User-Agent: plivo-go/7.60.2 (Go: go1.22)', 'Accept-Encoding: gzip'];
const RUBY = ['User-Agent: plivo-ruby/4.63.4 (Implementation: ruby)', 'Accept: */*'];
const PHP = ['User-Agent: plivo-php/4.70.0 (PHP: 8.3)'];
const JAVA = ['User-Agent: plivo-java/5.49.0 (Java: 21)', 'Accept-Encoding: gzip'];
const NET = ['User-Agent: plivo-dotnet/5.53.0 (.NET)'];
const NODE = ['User-Agent: plivo-node/4.79.0 (Node: v20)', 'Accept: application/json, text/plain, */*'];
const JSON_TYPE = 'Content-Type: application/json';

const play = (sdk: readonly string[], body: object, path = `${MPC}/Member/1/Play/`) =>
  send('POST', path, [...sdk, JSON_TYPE], JSON.stringify(body));

test('python: a play comes with friendly_name, uuid and participant_id in its body', async () => {
  const { status, text } = await play(PYTHON, { url: MP3, friendly_name: 'standup', uuid: null, participant_id: '1' });
  assert.equal(status, 202);
  assert.deepEqual(Object.keys(JSON.parse(text)).sort(), ['api_id', 'message', 'mpcMemberId', 'mpcName']);
});

test('python: start sends its status as a list', async () => {
  const body = '{"status": ["active"], "friendly_name": "standup"}';
  assert.equal((await send('POST', `${MPC}/`, [...PYTHON, JSON_TYPE], body)).status, 204);
});

for (const [name, sdk] of [
  ['python', PYTHON],
  ['go', GO],
] as const)
  test(`${name}: a DELETE without a body is called JSON`, async () => {
    await play(sdk, { url: MP3 });
    assert.equal((await send('DELETE', `${MPC}/Member/1/Play/`, [...sdk, JSON_TYPE])).status, 204);
    assert.equal((await send('DELETE', `${MPC}/Participant/2/`, [...sdk, JSON_TYPE])).status, 204);
    assert.equal((await send('DELETE', `${MPC}/`, [...sdk, JSON_TYPE])).status, 204);
  });

test('python and go: a DELETE with a JSON body says what the path says', async () => {
  for (const sdk of [PYTHON, GO]) {
    await send('POST', `${MPC}/Participant/1/Record/`, [...sdk, JSON_TYPE], '{"record_track_type":"participant"}');
    const path = `${MPC}/Participant/1/Record/`;
    const { status } = await send('DELETE', path, [...sdk, JSON_TYPE], '{"record_track_type":"participant"}');
    assert.equal(status, 204);
    const stopped = await send('DELETE', `${MPC}/Member/1/Play/`, [...sdk, JSON_TYPE], '{"friendly_name": "standup"}');
    assert.equal(stopped.status, 204);
  }
});

test('go, ruby and java: recordings are paused and resumed by a POST without a body that is called JSON', async () => {
  assert.equal((await send('POST', `${MPC}/Record/`, [...GO, JSON_TYPE], '{"file_format":"mp3"}')).status, 202);
  for (const sdk of [GO, RUBY, JAVA])
    for (const step of ['Pause', 'Resume']) {
      const { status, text } = await send('POST', `${MPC}/Record/${step}/`, [...sdk, JSON_TYPE, 'Content-Length: 0']);
      assert.deepEqual([status, text], [204, '']);
    }
});

test('go: Speak, which it alone has, sends mix always, and reads member ids as strings', async () => {
  const body = JSON.stringify({ text: 'hello', voice: '', language: '', mix: false, type: '' });
  const { status, text } = await send('POST', `${MPC}/Member/1,2/Speak/`, [...GO, JSON_TYPE], body);
  assert.equal(status, 202);
  assert.deepEqual(JSON.parse(text).mpcMemberId, ['1', '2']);
  assert.equal(JSON.parse(text).message, 'speak queued into MPC');
  assert.equal((await send('DELETE', `${MPC}/Member/1,2/Speak/`, [...GO, JSON_TYPE])).status, 204);
});

test('go: a refusal is never empty, or the SDK sees no error at all', async () => {
  const requests = [
    ['GET', '/MultiPartyCall/name_nobody/'],
    ['DELETE', '/MultiPartyCall/name_nobody/'],
    ['DELETE', `${MPC}/Member/99/Play/`],
    ['POST', `${MPC}/Record/Pause/`],
    ['GET', '/NoSuchThing/'],
    ['POST', '/MultiPartyCall/'],
  ] as const;
  for (const [method, path] of requests) {
    const { status, text } = await send(method, path, [
      ...GO,
      JSON_TYPE,
      ...(method === 'POST' ? ['Content-Length: 0'] : []),
    ]);
    assert.ok(status >= 400 && status < 500, `${method} ${path} answers ${status}`);
    assert.equal(typeof JSON.parse(text).error, 'string', `${method} ${path} says why`);
  }
});

for (const [name, sdk] of [
  ['node', NODE],
  ['php', PHP],
  ['.NET', NET],
] as const)
  test(`${name}: a DELETE comes with {} as its body`, async () => {
    assert.equal((await send('DELETE', `${MPC}/Member/all/Play/`, [...sdk, JSON_TYPE], '{}')).status, 204);
    assert.equal((await send('DELETE', `${MPC}/Participant/2/`, [...sdk, JSON_TYPE], '{}')).status, 204);
    assert.equal((await send('DELETE', `${MPC}/`, [...sdk, JSON_TYPE], '{}')).status, 204);
  });

test('node and php: options that Plivo does not have go into the body, in snake case', async () => {
  for (const sdk of [NODE, PHP]) {
    const { status } = await play(sdk, { url: MP3, loop: true, volume: -6, mix_audio: true, is_voice_request: 'true' });
    assert.equal(status, 202);
  }
});

test('node: one MPC is asked for without the slash at the end', async () => {
  const { status, text } = await send('GET', MPC, NODE);
  assert.deepEqual([status, JSON.parse(text).friendly_name], [200, 'standup']);
});

test('node: booleans come as words, and defaults are all sent', async () => {
  const body = {
    role: 'Agent',
    from: '4915112345678',
    to: 'sip:bob@192.0.2.7',
    call_status_callback_method: 'POST',
    confirm_key_sound_method: 'GET',
    dial_music: 'Real',
    ring_timeout: 45,
    delay_dial: 0,
    max_duration: 14400,
    max_participants: 10,
    record_min_member_count: 1,
    wait_music_method: 'GET',
    status_callback_events: 'mpc-state-changes,participant-state-changes',
    record: 'false',
    record_file_format: 'mp3',
    mute: 'false',
    hold: 'false',
    coach_mode: 'true',
    start_mpc_on_enter: 'true',
    end_mpc_on_exit: 'false',
    relay_dtmf_inputs: 'false',
    stay_alone: 'false',
    enter_sound: 'beep:1',
    exit_sound: 'beep:2',
  };
  const { status, text } = await send('POST', `${MPC}/Participant/`, [...NODE, JSON_TYPE], JSON.stringify(body));
  assert.equal(status, 201, text);
  const answer = JSON.parse(text);
  assert.equal(answer.message, 'add participant action initiated');
  assert.equal(answer.request_uuid, answer.calls[0].call_uuid);
});

test('node: creation_time__gt loses an underscore on its way', async () => {
  for (const name of ['creation_time__gt', 'creation_time_gt']) {
    const found = async (time: string) => {
      const { text } = await send('GET', `/MultiPartyCall/?${name}=${time}`, NODE);
      return JSON.parse(text).meta.count;
    };
    assert.deepEqual([await found('2020-01-01%2000%3A00'), await found('2099-01-01+00:00')], [1, 0], name);
  }
});

test('all: a blank in a name is %20, and a comma between ids is raw or %2C', async () => {
  await app.join('the standup');
  await app.join('the standup');
  for (const ids of ['1,2', '1%2C2', '1%2c2']) {
    const { status, text } = await play(PYTHON, { url: MP3 }, `/MultiPartyCall/name_the%20standup/Member/${ids}/Play/`);
    assert.equal(status, 202);
    assert.deepEqual([JSON.parse(text).mpcMemberId, JSON.parse(text).mpcName], [['1', '2'], 'the standup']);
  }
});

test('ruby: an answer without a body says that it is JSON, and stopping is 204', async () => {
  const requests = [
    ['POST', `${MPC}/`, '{"status":"active"}'],
    ['DELETE', `${MPC}/Participant/2/`, undefined],
    ['DELETE', `${MPC}/`, undefined],
  ] as const;
  for (const [method, path, body] of requests) {
    const { status, head, text } = await send(method, path, [...RUBY, JSON_TYPE], body);
    assert.deepEqual([status, text], [204, '']);
    assert.match(head, /^content-type: application\/json/im);
    assert.doesNotMatch(head, /^content-length: [1-9]/im);
  }
});

test('php: lists of urls are joined with commas, and a refusal is an array with error', async () => {
  const { member } = await app.join('other');
  const body = JSON.stringify({ urls: `${MP3},${MP3}`, loop: false });
  assert.equal((await send('POST', `/Call/${member.callUuid}/Play/`, [...PHP, JSON_TYPE], body)).status, 202);
  const refused = await play(PHP, { url: '' });
  assert.deepEqual([refused.status, typeof JSON.parse(refused.text).error], [400, 'string']);
});

test('java: a Call Play comes with a list of urls', async () => {
  const { member } = await app.join('other');
  const body = JSON.stringify({ urls: [MP3, MP3], length: 10, legs: 'aleg', loop: false, mix: true });
  const { status, text } = await send('POST', `/Call/${member.callUuid}/Play/`, [...JAVA, JSON_TYPE], body);
  assert.deepEqual([status, JSON.parse(text).message], [202, 'play started']);
  const { body: shown } = await app.api('GET', '/MultiPartyCall/name_other/Play/');
  assert.deepEqual(shown.objects[0].urls, [MP3, MP3]);
});

test('java and all others: lists count in total_count and in count', async () => {
  for (const path of ['/MultiPartyCall/', `${MPC}/Participant/`, '/Recording/', '/Endpoint/']) {
    const { meta, objects } = JSON.parse((await send('GET', path, JAVA)).text);
    assert.deepEqual([meta.count, Array.isArray(objects)], [meta.total_count, true], path);
  }
});

test('.NET: the asynchronous methods send callback_url, to a play as to anything else', async () => {
  const hook = { callback_url: 'https://app.test.example/done', callback_method: 'POST' };
  const played = await play(NET, { url: MP3, ...hook });
  assert.deepEqual([played.status, JSON.parse(played.text).message], [202, 'play queued into MPC']);
  const muted = await send(
    'POST',
    `${MPC}/Participant/1/`,
    [...NET, JSON_TYPE],
    JSON.stringify({ mute: true, ...hook }),
  );
  assert.deepEqual([muted.status, JSON.parse(muted.text).message], [200, 'async api spawned']);
});

test('curl: -d without a header calls JSON a form', async () => {
  const form = ['User-Agent: curl/8.5.0', 'Accept: */*', 'Content-Type: application/x-www-form-urlencoded'];
  assert.equal((await send('POST', `${MPC}/`, form, '{"status":"active"}')).status, 204);
  assert.equal((await send('POST', `${MPC}/Member/1/Play/`, form, `{"urls": "${MP3}"}`)).status, 202);
  assert.equal((await send('POST', `${MPC}/Member/1/Play/`, form, `url=${encodeURIComponent(MP3)}`)).status, 202);
});

test('all: wrong credentials are 401 with an error that every SDK can read', async () => {
  const http = new RawHttp(app.url);
  const line = `GET /v1/Account/${app.account.authId}/MultiPartyCall/ HTTP/1.1`;
  const all = await http.write(`${line}\r\nHost: api.plivo.com\r\nConnection: close\r\n\r\n`).closed();
  assert.match(all, /^HTTP\/1\.1 401 /);
  assert.match(all, /"error":"authentication failed"/);
});
