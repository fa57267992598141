import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { CALLEE, CLIP as MP3, MPC_NAME, type Operation, type Params } from '../../../sdk/operations.ts';
import { type Reply, replay } from '../../../sdk/replay.ts';
import { SDK_NAMES, type SdkName, wireBytes, wireRequest, wireRequests } from '../../../sdk/wire.ts';
import { AppUnderTest } from '../../../support/app.ts';

/*
 * What each of Plivo's SDKs puts on the wire, byte for byte, and the few things that some of them need of an answer. Node's SDK
 * itself runs in the integration tests, and there the libraries of others send the same.
 */

const MPC = `/MultiPartyCall/name_${MPC_NAME}`;
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest({ SIP_DIAL_ALLOW: '127.0.0.1:9' }).listen();
  await app.join(MPC_NAME, 'agent');
  await app.join(MPC_NAME, 'supervisor');
});
afterEach(() => app.close());

/** Where the bytes say that they go: every SDK believes that it talks to Plivo. */
const to = () => ({ host: 'api.plivo.com', ...app.account });

/** Sends a request of exactly these lines and bytes. */
function send(method: string, path: string, headers: readonly string[], body?: string): Promise<Reply> {
  const lines = [
    `${method} /v1/Account/${app.account.authId}${path} HTTP/1.1`,
    'Host: api.plivo.com',
    `Authorization: ${app.authorization}`,
    ...headers,
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return replay(app.url, `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

/** What an SDK sends for this, with parameters of its own or these. */
const from = (sdk: SdkName, does: Operation, params?: Params): Promise<Reply> =>
  replay(app.url, wireBytes(wireRequest(sdk, does, params), to()));

const NODE = ['User-Agent: plivo-node/4.79.0 (Node: v20)', 'Accept: application/json, text/plain, */*'];
const JSON_TYPE = 'Content-Type: application/json';

for (const sdk of SDK_NAMES)
  test(`${sdk}: all that it can ask of an MPC is answered with the status that it expects`, async () => {
    for (const request of wireRequests(sdk)) {
      const { status, head, text } = await replay(app.url, wireBytes(request, to()));
      assert.equal(status, request.status, `${request.does}: ${text}`);
      // Ruby reads a body that is not called JSON as text, and then fails for its not being a hash.
      assert.match(head, /^content-type: application\/json/im, request.does);
      assert.equal(text === '', status === 204, `${request.does} answers ${text}`);
    }
  });

test('python: a play comes with friendly_name and participant_id in its body', async () => {
  const request = wireRequest('python', 'start play');
  assert.equal(request.body, `{"participant_id": "1,2", "friendly_name": "standup", "url": "${MP3}"}`);
  const { status, text } = await from('python', 'start play');
  assert.equal(status, 202, text);
  assert.deepEqual(Object.keys(JSON.parse(text)).sort(), ['api_id', 'message', 'mpcMemberId', 'mpcName']);
});

test('python: start sends its status as a list', async () => {
  assert.equal(wireRequest('python', 'start').body, '{"status": ["active"]}');
  assert.equal((await from('python', 'start')).status, 204);
});

test('go: what has no body to POST comes in chunks, of which there are none', async () => {
  assert.ok(wireRequest('go', 'pause recording').head.includes('Transfer-Encoding: chunked'), 'it is in chunks');
  assert.equal((await from('go', 'start recording')).status, 202);
  for (const does of ['pause recording', 'resume recording'] as const) {
    const { status, text } = await from('go', does);
    assert.deepEqual([status, text], [204, ''], does);
  }
});

test('go: signs that mean something in HTML come as escapes, and php escapes slashes', async () => {
  const url = 'https://media.test.example/hello.mp3?a=1&b=2';
  assert.match(wireRequest('go', 'start play', { url }).body, /a=1\\u0026b=2/);
  assert.match(wireRequest('php', 'start play', { url }).body, /https:\\\/\\\/media/);
  for (const sdk of ['go', 'php'] as const) {
    const { text } = await from(sdk, 'start play', { url });
    const shown = await app.api('GET', `${MPC}/Play/${JSON.parse(text).api_id}/`);
    assert.deepEqual(shown.body.urls, [url], sdk);
  }
});

test('go: Speak, which it alone has, sends mix always, and reads member ids as strings', async () => {
  const { status, text } = await from('go', 'start speak');
  assert.equal(status, 202, text);
  assert.deepEqual(JSON.parse(text).mpcMemberId, ['1', '2']);
  assert.equal(JSON.parse(text).message, 'speak queued into MPC');
  assert.equal((await from('go', 'stop speak')).status, 204);
});

test("go: the voice of a call's Speak comes as its length", async () => {
  const { member } = await app.join('other');
  const params = { text: 'hello', length: 'MAN', language: 'en-US' };
  const request = { ...wireRequest('go', 'start speak', params), path: `/Call/${member.callUuid}/Speak/` };
  const { status, text } = await replay(app.url, wireBytes(request, to()));
  assert.equal(status, 202, text);
  const { body: shown } = await app.api('GET', '/MultiPartyCall/name_other/Play/');
  assert.equal(shown.objects[0].speech.voice, 'MAN');
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
    const { status, text } = await send(method, path, [JSON_TYPE, ...(method === 'POST' ? ['Content-Length: 0'] : [])]);
    assert.ok(status >= 400 && status < 500, `${method} ${path} answers ${status}`);
    assert.equal(typeof JSON.parse(text).error, 'string', `${method} ${path} says why`);
  }
});

test('node: a DELETE comes with {} as its body', async () => {
  assert.equal((await send('DELETE', `${MPC}/Member/all/Play/`, [...NODE, JSON_TYPE], '{}')).status, 204);
  assert.equal((await send('DELETE', `${MPC}/Participant/2/`, [...NODE, JSON_TYPE], '{}')).status, 204);
  assert.equal((await send('DELETE', `${MPC}/`, [...NODE, JSON_TYPE], '{}')).status, 204);
});

test('node and php: options that Plivo does not have go into the body, in snake case', async () => {
  const params = { url: MP3, loop: true, volume: -6, mix_audio: true, is_voice_request: 'true' };
  assert.equal((await from('php', 'start play', params)).status, 202);
  const node = await send('POST', `${MPC}/Member/1/Play/`, [...NODE, JSON_TYPE], JSON.stringify(params));
  assert.equal(node.status, 202);
});

test('node: one MPC is asked for without the slash at the end', async () => {
  const { status, text } = await send('GET', MPC, NODE);
  assert.deepEqual([status, JSON.parse(text).friendly_name], [200, 'standup']);
});

test('node: booleans come as words, and defaults are all sent', async () => {
  const body = {
    role: 'Agent',
    from: '4915112345678',
    to: CALLEE,
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
    const path = `/MultiPartyCall/name_the%20standup/Member/${ids}/Play/`;
    const { status, text } = await send('POST', path, [JSON_TYPE], JSON.stringify({ url: MP3 }));
    assert.equal(status, 202);
    assert.deepEqual([JSON.parse(text).mpcMemberId, JSON.parse(text).mpcName], [['1', '2'], 'the standup']);
  }
});

test('php: lists of urls are joined with commas, and a refusal is an array with error', async () => {
  const { member } = await app.join('other');
  const body = JSON.stringify({ urls: `${MP3},${MP3}`, loop: false });
  assert.equal((await send('POST', `/Call/${member.callUuid}/Play/`, [JSON_TYPE], body)).status, 202);
  const refused = await from('php', 'play nothing');
  assert.deepEqual([refused.status, typeof JSON.parse(refused.text).error], [400, 'string']);
});

test('java: a Call Play comes with a list of urls', async () => {
  const { member } = await app.join('other');
  const body = JSON.stringify({ urls: [MP3, MP3], length: 10, legs: 'aleg', loop: false, mix: true });
  const { status, text } = await send('POST', `/Call/${member.callUuid}/Play/`, [JSON_TYPE], body);
  assert.deepEqual([status, JSON.parse(text).message], [202, 'play started']);
  const { body: shown } = await app.api('GET', '/MultiPartyCall/name_other/Play/');
  assert.deepEqual(shown.objects[0].urls, [MP3, MP3]);
});

test('java and all others: lists count in total_count and in count', async () => {
  for (const path of ['/MultiPartyCall/', `${MPC}/Participant/`, '/Recording/', '/Endpoint/']) {
    const { meta, objects } = JSON.parse((await send('GET', path, [])).text);
    assert.deepEqual([meta.count, Array.isArray(objects)], [meta.total_count, true], path);
  }
});

test('.NET: the asynchronous methods send callback_url, to a play as to anything else', async () => {
  const hook = { callback_url: 'https://app.test.example/done', callback_method: 'POST' };
  const played = await from('.NET', 'start play', { url: MP3, ...hook });
  assert.deepEqual([played.status, JSON.parse(played.text).message], [202, 'play queued into MPC']);
  const muted = await from('.NET', 'update participant', { mute: true, ...hook });
  assert.deepEqual([muted.status, JSON.parse(muted.text).message], [200, 'async api spawned']);
});

test('curl: -d without a header calls JSON a form', async () => {
  const form = ['User-Agent: curl/8.5.0', 'Accept: */*', 'Content-Type: application/x-www-form-urlencoded'];
  assert.equal((await send('POST', `${MPC}/`, form, '{"status":"active"}')).status, 204);
  assert.equal((await send('POST', `${MPC}/Member/1/Play/`, form, `{"urls": "${MP3}"}`)).status, 202);
  assert.equal((await send('POST', `${MPC}/Member/1/Play/`, form, `url=${encodeURIComponent(MP3)}`)).status, 202);
});

test('all: wrong credentials are 401 with an error that every SDK can read', async () => {
  for (const sdk of SDK_NAMES) {
    const stranger = { ...to(), authToken: 'wrong' };
    const { status, text } = await replay(app.url, wireBytes(wireRequest(sdk, 'list'), stranger));
    assert.deepEqual([status, JSON.parse(text).error], [401, 'authentication failed'], sdk);
  }
});
