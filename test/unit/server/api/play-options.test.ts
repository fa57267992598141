import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { AppUnderTest } from '../../../support/app.ts';

const MP3 = 'https://media.test.example/hello.mp3';
const PLAY = '/MultiPartyCall/name_standup/Member';
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
  for (const role of ['agent', 'customer', 'supervisor', 'customer'] as const) await app.join('standup', role);
});
afterEach(() => app.close());

const start = (body: object, members = 'all') => app.api('POST', `${PLAY}/${members}/Play/`, { url: MP3, ...body });

for (const [body, ids] of [
  [{ except: '2' }, ['1', '3', '4']],
  [{ except: 2 }, ['1', '3', '4']],
  [{ except: '2, 3' }, ['1', '4']],
  [{ except: ['4', 1, 99] }, ['2', '3']],
  [{ role: 'customer' }, ['2', '4']],
  [{ role: 'Agent,supervisor' }, ['1', '3']],
  [{ role: ['agent', 'agent'] }, ['1']],
  [{ role: 'customer', except: ['4'] }, ['2']],
  [{ role: [], except: [] }, ['1', '2', '3', '4']],
  [{ role: null, except: null }, ['1', '2', '3', '4']],
] as const)
  test(`all with ${JSON.stringify(body)} is played to ${ids.join(', ')}`, async () => {
    const { status, body: answer } = await start(body);
    assert.deepEqual([status, answer.mpcMemberId], [202, ids]);
    assert.deepEqual(app.engine.plays[0]?.request.legs, ids.map(Number));
  });

test('nobody left to play to is 404', async () => {
  for (const body of [{ except: '1,2,3,4' }, { role: 'agent', except: '1' }]) {
    const { status, body: answer } = await start(body);
    assert.equal(status, 404);
    assert.match(answer.error, /no member is left/);
  }
  assert.equal(app.engine.plays.length, 0);
});

test('a play to all but some is shown as it was asked for, and stopped with all', async () => {
  const { headers } = await start({ except: ['2'], role: 'customer' });
  const location = headers.get('location') ?? '';
  const get = () => app.raw('GET', location, { headers: { authorization: app.authorization } });
  const { body } = await get();
  assert.deepEqual([body.members, body.except, body.role], ['all', ['2'], ['customer']]);
  assert.equal((await app.api('DELETE', `${PLAY}/all/Play/`)).status, 204);
  assert.equal((await get()).body.status, 'stopped');
});

for (const [body, place] of [
  [{}, ['queue', 'announcement']],
  [{ layer: 'bed' }, ['queue', 'bed']],
  [{ mode: 'layer', layer: 'whisper' }, ['queue', 'whisper']],
  [{ mode: 'replace', layer: 'bed' }, ['replace', 'bed']],
] as const)
  test(`${JSON.stringify(body)} puts a play in ${place.join(' of ')}`, async () => {
    await start(body);
    const options = app.engine.plays[0]?.request.options;
    assert.deepEqual([options?.mode, options?.layer], place);
  });

for (const [normalize, lufs] of [
  [undefined, undefined],
  [false, undefined],
  ['false', undefined],
  [true, -19],
  ['true', -19],
  [-23, -23],
  ['-16.5', -16.5],
] as const)
  test(`normalize ${JSON.stringify(normalize)} means ${lufs === undefined ? 'as it is' : `${lufs} LUFS`}`, async () => {
    await start({ normalize });
    assert.equal(app.engine.plays[0]?.request.normalizeLufs, lufs);
  });

test('a callback is kept with its play, and its query is not shown', async () => {
  const { headers } = await start({ callback_url: 'https://x.example/cb?key=secret#rc=2', callback_method: 'GET' });
  const { body } = await app.raw('GET', headers.get('location') ?? '', {
    headers: { authorization: app.authorization },
  });
  assert.deepEqual([body.callback_url, body.callback_method], ['https://x.example/cb?…', 'GET']);
});

test('a Call Play takes the same options', async () => {
  const call = app.directory.live[0]?.member('2')?.callUuid;
  const { status } = await app.api('POST', `/Call/${call}/Play/`, {
    urls: MP3,
    normalize: true,
    layer: 'bed',
    callback_url: 'https://x.example/cb',
  });
  assert.equal(status, 202);
  const request = app.engine.plays[0]?.request;
  assert.deepEqual([request?.normalizeLufs, request?.options.layer], [-19, 'bed']);
});

for (const [body, field] of [
  [{ except: 'all' }, 'except'],
  [{ except: '0' }, 'except'],
  [{ except: ['1', {}] }, 'except'],
  [{ except: {} }, 'except'],
  [{ except: Array.from({ length: 201 }, (_, i) => i + 1) }, 'body'],
  [{ except: Array.from({ length: 190 }, (_, i) => i + 1).join() }, ''],
  [{ except: Array.from({ length: 201 }, (_, i) => i + 1).join() }, 'except'],
  [{ role: 'boss' }, 'role'],
  [{ role: 7 }, 'role'],
  [{ role: 'agent', later_joiners: true }, 'later_joiners'],
  [{ mode: 'layer' }, 'layer'],
  [{ mode: 'over' }, 'mode'],
  [{ layer: 'music' }, 'layer'],
  [{ normalize: 'loud' }, 'normalize'],
  [{ normalize: 3 }, 'normalize'],
  [{ normalize: -70 }, 'normalize'],
  [{ callback_url: 7 }, 'callback_url'],
  [{ callback_url: 'not a url' }, 'callback_url'],
  [{ callback_url: 'ftp://x.example/' }, 'callback_url'],
  [{ callback_url: 'http://169.254.169.254/latest' }, 'callback_url'],
  [{ callback_url: 'http://localhost:9999/' }, 'callback_url'],
  [{ callback_url: 'http://0x7f000001/' }, 'callback_url'],
  [{ callback_url: 'https://user:pass@x.example/' }, 'callback_url'],
  [{ callback_url: 'http://x.example:6379/' }, 'callback_url'],
  [{ callback_url: `https://x.example/${'x'.repeat(2048)}` }, 'callback_url'],
  [{ callback_method: 'PUT' }, 'callback_method'],
] as const)
  test(`${JSON.stringify(body).slice(0, 60)} is ${field === '' ? 'taken' : `400 and names ${field}`}`, async () => {
    const { status, body: answer } = await start(body);
    if (field === '') return assert.equal(status, 404, 'nobody is left');
    assert.equal(status, 400);
    assert.match(answer.error, new RegExp(field));
    assert.equal(app.engine.plays.length, 0);
  });

test('who is left out goes with all only', async () => {
  for (const [body, field] of [
    [{ except: '2' }, 'except'],
    [{ role: 'agent' }, 'role'],
  ] as const) {
    const { status, body: answer } = await start(body, '1,2');
    assert.equal(status, 400);
    assert.match(answer.error, new RegExp(`${field} goes with the members all only`));
  }
});
