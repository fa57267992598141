import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { ANSWERS, type AnswerName } from '../../../../server/openapi/answers.ts';
import { ANSWERED_LATER, BODIES } from '../../../../server/openapi/bodies.ts';
import { OPERATIONS } from '../../../../server/openapi/operations.ts';
import { AppUnderTest } from '../../../support/app.ts';
import { tableRows } from '../../../support/markdown.ts';

interface Field {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const MP3 = 'https://media.test.example/hello.mp3';
const ROWS = tableRows(readFileSync('docs/api.md', 'utf8'), ['method', 'path', 'does', 'success']);
let app: AppUnderTest;
// biome-ignore lint/suspicious/noExplicitAny: the document is read as any client reads it.
let api: any;

before(async () => {
  app = await new AppUnderTest({ SIP_DIAL_ALLOW: '127.0.0.1:5060' }).listen();
  const { status, body } = await app.raw('GET', '/openapi.json');
  assert.equal(status, 200);
  api = body;
});
after(() => app.close());

test('the document is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(api));
  assert.deepEqual([result.errors ?? [], result.valid], [[], true]);
  const wrong = await new Validator().validate({
    ...structuredClone(api),
    paths: { '/x/': { get: { responses: 1 } } },
  });
  assert.equal(wrong.valid, false, 'the validator can refuse');
});

test('the document, the routes and docs/api.md have the same operations, with the same words', () => {
  const documented = Object.entries(api.paths as Record<string, Record<string, { summary: string; responses: object }>>)
    .flatMap(([path, item]) =>
      Object.entries(item).flatMap(([method, { summary, responses }]) =>
        method === 'parameters'
          ? []
          : `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')} ${summary} ${Object.keys(responses)}`,
      ),
    )
    .sort();
  const told = ROWS.map(([method, path = '', does = '', success = '']) => {
    const key = `${method} ${path.slice(1, -1)}`;
    const words = does
      .replace('*Extension.* ', '')
      .replaceAll(/:? ?\[[^\]]*\]\([^)]*\)/g, '')
      .replaceAll('`', '');
    const later = ANSWERED_LATER.some((body) => body === OPERATIONS[key]?.body);
    const statuses = new Set([...(success.match(/\d{3}/g) ?? []), ...(later ? ['200'] : [])]);
    return `${key} ${words.trim()} ${[...[...statuses].sort(), 'default']}`;
  });
  assert.deepEqual(documented, told.sort());
  const routed = app.resources.flatMap(({ path, methods }) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  assert.deepEqual(Object.keys(OPERATIONS).sort(), routed.sort());
});

test('what is an extension in docs/api.md is one in the document', () => {
  for (const [method, path = '', does = ''] of ROWS) {
    const key = `${method} ${path.slice(1, -1)}`;
    assert.equal(OPERATIONS[key]?.extension === true, does.startsWith('*Extension.*'), key);
  }
});

test('every field that a body is read for is in the document', () => {
  const known = new Set(Object.values(BODIES).flatMap((schema) => Object.keys(schema.shape)));
  // What stands inside `duck`; the older name of `legs`.
  for (const name of ['gain_db', 'attack_ms', 'release_ms', 'leg']) known.add(name);
  let found = 0;
  for (const file of readdirSync('server/api')) {
    const code = readFileSync(`server/api/${file}`, 'utf8');
    const reads = /(?:(?:number|flag|word|text|list)Field|given|filled)\(\w+(?:\.\w+)?, '(\w+)'/g;
    for (const [, name = ''] of code.matchAll(reads)) {
      found += 1;
      assert.ok(known.has(name), `${file} reads ${name}`);
    }
  }
  assert.ok(found > 50, `${found} fields were found`);
});

/** A request that is right as it is. */
const RIGHT: Readonly<Record<string, { readonly path: string; readonly body: Record<string, unknown> }>> = {
  AddParticipant: {
    path: '/MultiPartyCall/name_docs/Participant/',
    body: { role: 'agent', from: '4915112345678', to: 'sip:bob@127.0.0.1:5060' },
  },
  UpdateParticipant: { path: '/MultiPartyCall/name_docs/Participant/2/', body: { mute: false } },
  MemberPlay: { path: '/MultiPartyCall/name_docs/Member/all/Play/', body: { url: MP3 } },
  MemberSpeak: { path: '/MultiPartyCall/name_docs/Member/all/Speak/', body: { text: 'hello' } },
  CallPlay: { path: '/Call/CALL/Play/', body: { urls: MP3 } },
  CallSpeak: { path: '/Call/CALL/Speak/', body: { text: 'hello' } },
  ChangePlay: { path: '/MultiPartyCall/name_docs/Play/', body: { action: 'pause' } },
  StreamCall: { path: '/Call/CALL/Stream/', body: { service_url: 'wss://media.test.example/' } },
  RecordParticipant: { path: '/MultiPartyCall/name_docs/Participant/2/Record/', body: {} },
};
/** Right only with something else. */
const DEPENDS = ['ramp_ms', 'mode', 'later_joiners', 'audio_track', 'coach_mode', 'legs', 'role'];

for (const [name, { path, body }] of Object.entries(RIGHT))
  test(`what the document says of the fields of ${name} is what is taken and refused`, async () => {
    const { member } = await app.join('docs', 'agent');
    await app.join('docs', 'agent');
    const properties = api.components.schemas[name].properties as Record<string, Field>;
    const ask = (field: string, value: unknown) =>
      app.api('POST', path.replace('CALL', member.callUuid), { ...body, [field]: value });
    let checked = 0;
    for (const [field, { minimum, maximum, enum: words, type }] of Object.entries(properties)) {
      const wrong: unknown[] = type === 'boolean' ? ['maybe', 7] : words ? ['another-word'] : [];
      if (minimum !== undefined) wrong.push(minimum - 1, 'many');
      if (maximum !== undefined) wrong.push(maximum + 1);
      for (const value of wrong) {
        const answer = await ask(field, value);
        assert.equal(answer.status, 400, `${field}: ${value} answers ${answer.text}`);
        assert.ok(answer.body.error.includes(field), `${field}: ${value} answers ${answer.text}`);
        checked += 1;
      }
      if (DEPENDS.includes(field)) continue;
      for (const value of [...(words ?? []), minimum, maximum].filter((each) => each !== undefined)) {
        const answer = await ask(field, value);
        assert.notEqual(answer.status, 400, `${field}: ${value} answers ${answer.text}`);
        checked += 1;
      }
    }
    assert.ok(checked > 2, `${checked} values were tried`);
    await app.api('DELETE', '/MultiPartyCall/name_docs/');
  });

test('answers hold what the document says, and nothing else', async () => {
  const { member } = await app.join('answers', 'agent');
  await app.join('answers', 'supervisor');
  const call = `/Call/${member.callUuid}`;
  const mpc = '/MultiPartyCall/name_answers';
  const { body: made } = await app.api('POST', '/Endpoint/', { username: 'ana', password: 'secret', alias: 'desk' });
  const { body: play } = await app.api('POST', `${mpc}/Member/all/Play/`, { url: MP3, duck: true, callback_url: MP3 });
  const { body: stream } = await app.api('POST', `${call}/Stream/`, { service_url: 'wss://media.test.example/' });
  const { body: recorded } = await app.api('POST', `${mpc}/Record/`, {});
  const { body: clip } = await app.api('POST', '/Clip/', { url: MP3 });
  const asked: readonly (readonly [AnswerName, string, string, object?])[] = [
    ['MpcList', 'GET', '/MultiPartyCall/'],
    ['Mpc', 'GET', `${mpc}/`],
    ['ParticipantList', 'GET', `${mpc}/Participant/`],
    ['Participant', 'GET', `${mpc}/Participant/1/`],
    ['Updated', 'POST', `${mpc}/Participant/2/`, { mute: true, hold: false, coach_mode: true }],
    ['Added', 'POST', `${mpc}/Participant/`, { role: 'agent', from: 'bob', to: 'sip:bob@127.0.0.1:5060' }],
    ['PlayQueued', 'POST', `${mpc}/Member/1/Play/`, { url: MP3 }],
    ['PlayQueued', 'POST', `${mpc}/Member/1/Speak/`, { text: 'hello' }],
    ['CallPlayStarted', 'POST', `${call}/Play/`, { urls: MP3 }],
    ['PlayList', 'GET', `${mpc}/Play/`],
    ['Play', 'GET', `${mpc}/Play/${play.api_id}/`],
    ['PlaysChanged', 'POST', `${mpc}/Play/`, { volume: 1 }],
    ['CallList', 'GET', '/Call/'],
    ['CallList', 'GET', '/Call/?status=live'],
    ['CallStreamList', 'GET', `${call}/Stream/`],
    ['CallStream', 'GET', `${call}/Stream/${stream.stream_id}/`],
    ['Voices', 'GET', '/Speak/Voices/'],
    ['RecordStarted', 'POST', `${mpc}/Participant/1/Record/`, { record_track_type: 'both' }],
    ['RecordingList', 'GET', '/Recording/'],
    ['Recording', 'GET', `/Recording/${recorded.recording_id}/`],
    ['ClipList', 'GET', '/Clip/'],
    ['Clip', 'GET', `/Clip/${clip.clip_id}/`],
    ['EndpointList', 'GET', '/Endpoint/'],
    ['Endpoint', 'GET', `/Endpoint/${made.endpoint_id}/`],
    ['EndpointChanged', 'POST', `/Endpoint/${made.endpoint_id}/`, { alias: 'front' }],
    ['Token', 'POST', `${mpc}/Stream/`, {}],
  ];
  for (const [name, method, path, body] of asked) {
    const answer = await app.api(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path} answers ${answer.text}`);
    const { api_id, ...rest } = answer.body;
    assert.equal(typeof api_id, 'string', `${method} ${path} has an api_id`);
    const read = ANSWERS[name].safeParse(rest);
    assert.ok(read.success, `${name} of ${method} ${path}: ${read.error?.message}`);
  }
});
