import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
});
afterEach(() => app.close());

const SPEAK = '/MultiPartyCall/name_m/Member/1/Speak/';

test('a text is queued like a play, with the same options, and answered as Plivo answers', async () => {
  const { mpc } = await app.join('m');
  const { status, body, headers } = await app.api('POST', SPEAK, {
    text: 'Hello there.',
    voice: 'Polly.Joey',
    mix: false,
    type: 'anything',
    volume: -6,
  });
  assert.equal(status, 202);
  assert.deepEqual(body, {
    api_id: body.api_id,
    message: 'speak queued into MPC',
    mpcMemberId: ['1'],
    mpcName: 'm',
  });
  const [play] = app.engine.plays;
  assert.deepEqual(play?.request.urls, ['speech://en-us/man?Hello%20there.']);
  assert.deepEqual([play?.request.options.mix, play?.request.options.gainDb], [false, -6]);
  const shown = await app.api('GET', `/MultiPartyCall/uuid_${mpc.uuid}/Play/${body.api_id}/`);
  assert.equal(headers.get('location'), shown.body.resource_uri);
  assert.deepEqual(shown.body.speech, { text: 'Hello there.', voice: 'Polly.Joey', language: 'en-US' });
  assert.deepEqual(shown.body.urls, []);
});

test('a call is spoken to by its uuid', async () => {
  const { member } = await app.join('m');
  const path = `/Call/${member.callUuid}/Speak/`;
  const { status, body } = await app.api('POST', path, { text: 'Hallo', language: 'de-DE' });
  assert.deepEqual([status, body.message], [202, 'speak started']);
  assert.equal((await app.api('DELETE', path)).status, 204);
  assert.equal(app.engine.plays[0]?.status, 'stopped');
  assert.equal((await app.api('POST', '/Call/dddddddd-0000-4000-8000-999999999999/Speak/', { text: 'x' })).status, 404);
});

test('speech and plays are stopped apart', async () => {
  const { member } = await app.join('m');
  const url = 'https://media.test.example/a.mp3';
  for (const base of [
    '/MultiPartyCall/name_m/Member/1',
    '/MultiPartyCall/name_m/Member/all',
    `/Call/${member.callUuid}`,
  ]) {
    app.engine.plays.length = 0;
    assert.equal((await app.api('POST', `${base}/Play/`, { url })).status, 202);
    assert.equal((await app.api('POST', `${base}/Speak/`, { text: 'x' })).status, 202);
    const states = (): unknown => app.engine.plays.map(({ status }) => status);
    assert.equal((await app.api('DELETE', `${base}/Speak/`)).status, 204);
    assert.deepEqual(states(), ['fetching', 'stopped'], base);
    assert.equal((await app.api('POST', `${base}/Speak/`, { text: 'x' })).status, 202);
    assert.equal((await app.api('DELETE', `${base}/Play/`)).status, 204);
    assert.deepEqual(states(), ['stopped', 'stopped', 'fetching'], base);
    assert.equal((await app.api('DELETE', `${base}/Speak/`)).status, 204);
  }
});

for (const [body, field] of [
  [{}, 'text'],
  [{ text: '' }, 'text'],
  [{ text: 7 }, 'text'],
  [{ text: 'x'.repeat(3001) }, 'text'],
  [{ text: 'x', voice: 'dog' }, 'voice'],
  [{ text: 'x', language: 'fr-FR' }, 'language'],
  [{ text: 'x', mix: 'maybe' }, 'mix'],
  [{ text: 'x', callback_url: 'http://127.0.0.1/' }, 'callback_url'],
] as const)
  test(`${JSON.stringify(body).slice(0, 60)} is 400 and names ${field}`, async () => {
    await app.join('m');
    const { status, body: answer } = await app.api('POST', SPEAK, body);
    assert.equal(status, 400);
    assert.match(answer.error, new RegExp(field));
    assert.equal(app.engine.plays.length, 0);
  });

test('empty fields are those that were left out', async () => {
  await app.join('m');
  assert.equal((await app.api('POST', SPEAK, { text: 'x', voice: '', language: '' })).status, 202);
});

test('the voices are listed', async () => {
  const { status, body } = await app.api('GET', '/Speak/Voices/');
  assert.equal(status, 200);
  assert.equal(body.engine, 'mute 1');
  assert.deepEqual(body.languages, [
    { language: 'en-US', name: 'English (America)' },
    { language: 'de', name: 'German' },
  ]);
  assert.deepEqual(body.voices[1], { voice: 'MAN', language: null });
});

test('without an engine Speak is 501 and says what to do', async () => {
  const mute = await new AppUnderTest({}, null).listen();
  try {
    await mute.join('m');
    for (const [method, path] of [
      ['POST', SPEAK],
      ['GET', '/Speak/Voices/'],
    ] as const) {
      const { status, body } = await mute.api(method, path, method === 'POST' ? { text: 'x' } : undefined);
      assert.equal(status, 501);
      assert.match(body.error, /install espeak-ng/);
    }
    assert.equal(mute.engine.plays.length, 0);
  } finally {
    await mute.close();
  }
});
