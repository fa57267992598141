import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

const MP3 = 'https://media.test.example/hello.mp3';
const PLAY = '/MultiPartyCall/name_standup/Member';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
  for (let i = 0; i < 3; i += 1) await app.join('standup');
});
afterEach(() => app.close());

test('a play to one member is answered with exactly the four fields of Plivo', async () => {
  const { status, body, headers } = await app.api('POST', `${PLAY}/2/Play/`, { url: MP3 });
  assert.equal(status, 202);
  assert.deepEqual(Object.keys(body).sort(), ['api_id', 'message', 'mpcMemberId', 'mpcName']);
  assert.equal(body.message, 'play queued into MPC');
  assert.deepEqual(body.mpcMemberId, ['2']);
  assert.equal(body.mpcName, 'standup');
  const [play] = app.engine.plays;
  assert.ok(play);
  assert.equal(play.request.id, body.api_id, "a play's id is the api_id of its request");
  assert.deepEqual(play.request.legs, [2]);
  assert.deepEqual(play.request.urls, [MP3]);
  assert.equal(play.request.requestedAt, app.nowMs);
  assert.deepEqual(play.request.options, {
    loop: 1,
    gainDb: 0,
    startMs: 0,
    lengthMs: undefined,
    fadeInMs: 0,
    fadeOutMs: 0,
    mix: true,
    mode: 'queue',
    layer: 'announcement',
    covered: 'dip',
    priority: 0,
    duck: undefined,
    laterJoiners: false,
  });
  assert.match(headers.get('location') ?? '', new RegExp(`/MultiPartyCall/uuid_[0-9a-f-]+/Play/${body.api_id}/$`));
});

test('a list and "all" target those who are there', async () => {
  const list = await app.api('POST', `${PLAY}/3,1,3,9/Play/`, { url: MP3 });
  assert.deepEqual(list.body.mpcMemberId, ['1', '3']);
  const escaped = await app.api('POST', `${PLAY}/1%2C2/Play/`, { url: MP3 });
  assert.deepEqual(escaped.body.mpcMemberId, ['1', '2']);
  const all = await app.api('POST', `${PLAY}/all/Play/`, { url: MP3 });
  assert.deepEqual(all.body.mpcMemberId, ['1', '2', '3']);
  assert.deepEqual(app.engine.plays[2]?.request.legs, [1, 2, 3]);
});

for (const [name, body, urls] of [
  ['url', { url: MP3 }, [MP3]],
  ['urls as a string', { urls: MP3 }, [MP3]],
  ['urls as a comma list', { urls: `${MP3}, ${MP3}?2` }, [MP3, `${MP3}?2`]],
  ['url as a comma list', { url: `${MP3},${MP3}?2` }, [MP3, `${MP3}?2`]],
  [
    'a url that holds commas',
    { url: 'https://a.test.example/w_1,h_2/x.mp3' },
    ['https://a.test.example/w_1,h_2/x.mp3'],
  ],
  ['urls as a list', { urls: [MP3, `${MP3}?a,b`] }, [MP3, `${MP3}?a,b`]],
  ['url as a list', { url: [MP3] }, [MP3]],
  ['the same under both names', { url: MP3, urls: [MP3] }, [MP3]],
  ['both names', { url: MP3, urls: `${MP3}?2` }, [MP3, `${MP3}?2`]],
  ['an allowed private source', { url: 'http://127.0.0.1:9000/x.wav' }, ['http://127.0.0.1:9000/x.wav']],
] as const)
  test(`${name} is understood`, async () => {
    const { status } = await app.api('POST', `${PLAY}/1/Play/`, body);
    assert.equal(status, 202);
    assert.deepEqual(app.engine.plays[0]?.request.urls, urls);
  });

test('the keys that SDKs add are left alone', async () => {
  const extras = {
    friendly_name: 'standup',
    uuid: null,
    participant_id: '1',
    callback_url: 'https://x.example',
    callback_method: 'POST',
  };
  assert.equal((await app.api('POST', `${PLAY}/1/Play/`, { url: MP3, ...extras })).status, 202);
});

test('a form and JSON that calls itself a form are both understood', async () => {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const body of [
    `url=${encodeURIComponent(MP3)}&loop=2`,
    JSON.stringify({ url: MP3, loop: 2 }),
    ` {"url":"${MP3}","loop":2}`,
  ]) {
    const { status } = await app.api('POST', `${PLAY}/1/Play/`, body, type);
    assert.equal(status, 202, body);
    assert.deepEqual(app.engine.plays.at(-1)?.request.urls, [MP3]);
    assert.equal(app.engine.plays.at(-1)?.request.options.loop, 2);
  }
});

test('the options reach the engine, as numbers or as text', async () => {
  await app.api('POST', `${PLAY}/all/Play/`, {
    url: MP3,
    loop: true,
    volume: -6.5,
    start_ms: '1500',
    length: '2.5',
    fade_in_ms: 100,
    fade_out_ms: 200,
    mix: 'false',
    mode: 'REPLACE',
    layer: 'bed',
    priority: 3,
    duck: -9,
    later_joiners: true,
  });
  assert.deepEqual(app.engine.plays[0]?.request.options, {
    loop: 0,
    gainDb: -6.5,
    startMs: 1500,
    lengthMs: 2500,
    fadeInMs: 100,
    fadeOutMs: 200,
    mix: false,
    mode: 'replace',
    layer: 'bed',
    covered: 'dip',
    priority: 3,
    duck: { gainDb: -9, attackMs: 100, releaseMs: 400 },
    laterJoiners: true,
  });
});

for (const [field, value] of [
  ['loop', -1],
  ['loop', 1.5],
  ['loop', 'often'],
  ['loop', []],
  ['volume', 'loud'],
  ['volume', 21],
  ['volume', -61],
  ['volume', {}],
  ['start_ms', -1],
  ['length', -5],
  ['length', 'NaN'],
  ['fade_in_ms', 60_001],
  ['mix', 'maybe'],
  ['mode', 'shuffle'],
  ['layer', 'a b'],
  ['layer', 5],
  ['priority', 10],
  ['duck', 5],
  ['duck', 'a lot'],
  ['duck', { gain_db: 3 }],
  ['later_joiners', 1],
  ['later_joiners', true],
] as const)
  test(`${field}=${JSON.stringify(value)} is refused by name`, async () => {
    const { status, body } = await app.api('POST', `${PLAY}/1/Play/`, { url: MP3, [field]: value });
    assert.equal(status, 400);
    assert.ok(body.error.includes(typeof value === 'object' && 'gain_db' in value ? 'gain_db' : field), body.error);
    assert.equal(app.engine.plays.length, 0);
  });

for (const body of [
  {},
  { url: '' },
  { url: null },
  { url: 5 },
  { url: {} },
  { url: [] },
  { url: [5] },
  { url: [MP3, null] },
  { url: 'hello.mp3' },
  { url: 'ftp://media.test.example/x.mp3' },
  { url: 'file:///etc/passwd' },
  { url: 'http://127.0.0.1/x.wav' },
  { url: 'http://127.1:9001/x.wav' },
  { url: 'http://0x7f000001/x.wav' },
  { url: 'http://[::1]/x.wav' },
  { url: 'http://169.254.169.254/latest/meta-data' },
  { url: 'http://media.test.example:6379/x.wav' },
  { url: 'http://user:secret@media.test.example/x.wav' },
  { url: ` ${MP3}` },
  { url: `${MP3}\n` },
  { url: `https://media.test.example/${'x'.repeat(2048)}` },
  { url: `${MP3},ftp://media.test.example/x.mp3` },
  { urls: `${MP3},` },
  { urls: `${MP3},nonsense` },
  { urls: Array(21).fill(MP3) },
  { url: MP3, urls: ['http://10.0.0.1/x.wav'] },
])
  test(`the body ${JSON.stringify(body).slice(0, 70)} is refused at once`, async () => {
    const { status, body: answer } = await app.api('POST', `${PLAY}/all/Play/`, body);
    assert.equal(status, 400);
    assert.equal(typeof answer.error, 'string');
    assert.doesNotMatch(answer.error, /secret/);
    assert.equal(app.engine.plays.length, 0);
  });

test('one wrong url of several is named by its place', async () => {
  const { body } = await app.api('POST', `${PLAY}/1/Play/`, { urls: [MP3, 'http://10.0.0.1/x.wav', MP3] });
  assert.match(body.error, /url 2 of 3: the address is not public/);
});

test('unknown MPC, ended MPC and unknown members are not found', async () => {
  const { mpc } = await app.join('over');
  app.directory.end(mpc, 'hangup_api');
  for (const path of [
    '/MultiPartyCall/name_other/Member/1/Play/',
    '/MultiPartyCall/name_over/Member/all/Play/',
    `/MultiPartyCall/uuid_${mpc.uuid}/Member/1/Play/`,
    `${PLAY}/9/Play/`,
    `${PLAY}/8,9/Play/`,
  ]) {
    for (const method of ['POST', 'DELETE']) {
      const { status, body } = await app.api(method, path, { url: MP3 });
      assert.deepEqual([status, body.error], [404, 'not found'], `${method} ${path}`);
    }
  }
});

test('a full queue is 429 with the time to wait', async () => {
  app.engine.refusePlays = 'member_queue_full';
  const { status, headers, body } = await app.api('POST', `${PLAY}/1/Play/`, { url: MP3 });
  assert.equal(status, 429);
  assert.equal(body.error, 'too many plays wait for a member');
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
  app.engine.refusePlays = 'node_queue_full';
  assert.equal((await app.api('POST', `${PLAY}/1/Play/`, { url: MP3 })).status, 429);
});

test('stopping follows the form of the start', async () => {
  await app.api('POST', `${PLAY}/all/Play/`, { url: MP3 });
  await app.api('POST', `${PLAY}/1,2/Play/`, { url: MP3 });
  await app.api('POST', `${PLAY}/2/Play/`, { url: MP3 });
  const ends = () => app.engine.plays.map((play) => play.targets.map((target) => target.end));

  const stopped = await app.api('DELETE', `${PLAY}/2/Play/`);
  assert.equal(stopped.status, 204);
  assert.equal(stopped.text, '');
  assert.equal(stopped.headers.get('content-type'), 'application/json');
  assert.deepEqual(ends(), [[undefined, undefined, undefined], [undefined, 'stopped'], ['stopped']]);

  await app.api('DELETE', `${PLAY}/1,2,3/Play/`, {});
  assert.deepEqual(ends(), [[undefined, undefined, undefined], ['stopped', 'stopped'], ['stopped']]);

  await app.api('DELETE', `${PLAY}/all/Play/`, { friendly_name: 'standup' });
  assert.deepEqual(ends()[0], ['stopped', 'stopped', 'stopped']);
});

test('"all" does not stop what was started by id', async () => {
  await app.api('POST', `${PLAY}/1,2,3/Play/`, { url: MP3 });
  assert.equal((await app.api('DELETE', `${PLAY}/all/Play/`)).status, 204);
  assert.deepEqual(
    app.engine.plays[0]?.targets.map((target) => target.end),
    [undefined, undefined, undefined],
  );
});

test('stopping twice, or when nothing plays, is fine', async () => {
  for (const members of ['1', 'all', '1,9']) {
    await app.api('POST', `${PLAY}/${members}/Play/`, { url: MP3 });
    for (let i = 0; i < 3; i += 1) assert.equal((await app.api('DELETE', `${PLAY}/${members}/Play/`)).status, 204);
  }
});

test('an MPC of the same name later has nothing to do with the plays of the first', async () => {
  await app.api('POST', `${PLAY}/all/Play/`, { url: MP3 });
  const mpc = app.directory.find({ by: 'name', name: 'standup' });
  assert.ok(mpc);
  app.directory.end(mpc, 'hangup_api');
  await app.join('standup');
  const { body } = await app.api('GET', '/MultiPartyCall/name_standup/Play/');
  assert.equal(body.meta.count, 0);
});
