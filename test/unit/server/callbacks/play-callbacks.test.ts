import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { playCallbacks, playFields } from '../../../../server/callbacks/play-callbacks.ts';
import type { CallbackFields } from '../../../../server/callbacks/signature.ts';
import type { CallbackTarget } from '../../../../server/callbacks/target.ts';
import { AppUnderTest } from '../../../support/app.ts';

const BODY = { url: 'https://media.test.example/hello.mp3', callback_url: 'https://x.example/cb' };
let app: AppUnderTest;

beforeEach(async () => {
  app = await new AppUnderTest().listen();
  for (let i = 0; i < 2; i += 1) await app.join('standup', i === 0 ? 'agent' : 'customer');
});
afterEach(() => app.close());

async function play(body: object = BODY, members = 'all') {
  const answer = await app.api('POST', `/MultiPartyCall/name_standup/Member/${members}/Play/`, body);
  assert.equal(answer.status, 202, answer.text);
  const started = app.engine.plays.at(-1);
  assert.ok(started);
  return started;
}

const told = () => app.news.map((news) => Object.fromEntries(playFields(news)));

test('the start, the end and the finish of a play have the fields of the documentation', async () => {
  const started = await play(BODY, '2');
  started.start(2, 41.26);
  started.sound(1500.4);
  started.end('completed');
  const [mpc] = app.directory.live;
  const all = {
    EventTimestamp: '2026-03-04T05:06:07.890Z',
    MPCUUID: mpc?.uuid,
    MPCName: 'standup',
    PlayID: started.id,
  };
  const member = { MemberID: '2', ParticipantCallUUID: mpc?.member('2')?.callUuid, ParticipantRole: 'customer' };
  assert.deepEqual(told(), [
    { EventName: 'PlayStarted', SequenceNumber: '1', ...all, ...member, StartLatencyMs: '41.3' },
    {
      EventName: 'PlayEnded',
      SequenceNumber: '2',
      ...all,
      ...member,
      Reason: 'completed',
      PlayedMs: '1500',
      Underruns: '0',
    },
    { EventName: 'PlayFinished', SequenceNumber: '3', ...all, Status: 'completed', Targets: '1' },
  ]);
});

test('a play to a call that is in no MPC is named by its call', async () => {
  const started = await play();
  started.end('completed');
  const [news] = app.news;
  assert.ok(news, 'a play has news');
  const callUuid = '8e2c9b7e-1f0c-4d4c-9a37-0d8a3a1f6a52';
  const mpc = { uuid: `room-${callUuid}`, name: '' };
  const fields = playFields({ ...news, play: { ...news.play, mpc, form: { by: 'call', callUuid } } } as never);
  assert.deepEqual([fields.get('CallUUID'), fields.has('MPCUUID'), fields.has('MPCName')], [callUuid, false, false]);
});

test('a play that fails ends for each target, then says why', async () => {
  const started = await play();
  started.fail('http_status', 'the source answered 404');
  assert.deepEqual(
    told().map(({ EventName, MemberID, Reason, Status, Detail }) => [EventName, MemberID, Reason, Status, Detail]),
    [
      ['PlayEnded', '1', 'http_status', undefined, undefined],
      ['PlayEnded', '2', 'http_status', undefined, undefined],
      ['PlayFinished', undefined, 'http_status', 'failed', 'the source answered 404'],
    ],
  );
});

test('who joins in the midst of a play is told of by name, in order, once she is known', async () => {
  const started = await play({ ...BODY, later_joiners: true });
  started.start(1, 40);
  started.start(3);
  started.start(2, 40);
  assert.equal(app.news.length, 1, 'leg 3 is nobody yet');
  await app.join('standup');
  assert.deepEqual(
    told().map(({ EventName, MemberID, StartLatencyMs }) => [EventName, MemberID, StartLatencyMs]),
    [
      ['PlayStarted', '1', '40'],
      ['PlayStarted', '3', undefined],
      ['PlayStarted', '2', '40'],
    ],
  );
  const { body } = await app.api('GET', `/MultiPartyCall/name_standup/Play/${started.id}/`);
  assert.deepEqual(
    body.targets.map((target: { member_id: string }) => target.member_id),
    ['1', '2', '3'],
    'and is a target from now on',
  );
});

test('a leg that never becomes a member holds nothing back for ever', async () => {
  const started = await play();
  started.start(9);
  started.end('stopped');
  assert.deepEqual(
    told().map(({ EventName, MemberID, SequenceNumber }) => [EventName, MemberID, SequenceNumber]),
    [
      ['PlayStarted', undefined, '1'],
      ['PlayEnded', '1', '2'],
      ['PlayEnded', '2', '3'],
      ['PlayEnded', undefined, '4'],
      ['PlayFinished', undefined, '5'],
    ],
  );
});

test('only plays with a callback are told of, to the place and in the lane of their MPC', async () => {
  const silent = await play({ url: BODY.url });
  const loud = await play({ ...BODY, callback_method: 'get' });
  silent.end('completed');
  loud.end('completed');
  const added: [string, CallbackTarget, CallbackFields][] = [];
  const tell = playCallbacks({ add: (...letter) => added.push(letter) });
  for (const news of app.news) tell(news);
  assert.deepEqual(
    added.map(([mpc, { url, method }, fields]) => [mpc, method, url.href, fields.get('PlayID')]),
    Array(3).fill([app.directory.live[0]?.uuid, 'GET', 'https://x.example/cb', loud.id]),
  );
});
