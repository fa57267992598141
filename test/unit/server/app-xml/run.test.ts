import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { AppRun, exitFields } from '../../../../server/app-xml/run.ts';
import { Calls } from '../../../../server/calls/index.ts';
import { Directory, Member, Mpc, plainTerms } from '../../../../server/mpc/index.ts';
import { EngineDouble } from '../../../support/engine-double.ts';
import { HandClock } from '../../../support/hand-clock.ts';

test('whatever a call has heard is let go of: its end stops what plays then, and nothing else', async () => {
  const engine = new EngineDouble();
  const clock = new HandClock(0);
  const now = () => new Date(clock.now());
  const sound = { sampleRate: 8000, floor: OPEN_FLOOR } as const;
  const limits = { maxMembers: 10, maxMembersPerMpc: 10 };
  const directory = new Directory({ engine, limits, sound: () => sound, now, newUuid: randomUUID });
  const calls = new Calls({ engine, directory, roomSound: sound, maxCalls: 10, now, newUuid: randomUUID });
  const rung = calls.ring({ kind: 'sip', direction: 'inbound', from: 'ana', to: 'us', hangUp: () => {} });
  assert.ok(rung.ok, 'there is room for a call');
  const { call } = rung;
  await calls.openInRoom(call, (id, onEvent) => engine.openRtpLeg(id, {}, onEvent));
  calls.answered(call);
  const nobody = () => Promise.reject(new Error('no app is asked'));
  const run = new AppRun(call, {
    calls,
    engine,
    speaker: { address: () => assert.fail('nothing is spoken') },
    xml: { exchange: nobody, rules: { checkUrl: () => ({ ok: true }), maxUrlLength: 100 } },
    fallback: undefined,
    clock,
    newUuid: randomUUID,
    log: { info: () => {}, warn: () => {}, error: () => {} },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const stopped: string[] = [];
  run.begin(
    Array.from({ length: 30 }, (_, index) => ({ verb: 'Play', url: `https://example.com/${index}.mp3`, loop: 1 })),
  );
  for (let index = 0; index < 30; index++) {
    await settle();
    const play = engine.plays[index];
    assert.ok(play, `clip ${index} is played after the one before it`);
    const { stop } = play;
    play.stop = (...legs) => {
      stopped.push(play.request.urls[0] ?? '');
      stop.apply(play, legs);
    };
    if (index < 29) play.end('completed');
  }
  run.stop();
  assert.deepEqual(stopped, ['https://example.com/29.mp3']);
});

test('an exit action is told who was in which MPC from when to when, in the words of Plivo', () => {
  const joinedAt = new Date('2026-03-04T05:06:07.890Z');
  const mpc = new Mpc('6d2f', 'sales', joinedAt);
  const terms = plainTerms('agent');
  const member = new Member({ id: '3', callUuid: 'c1', terms, kind: 'sip', address: 'x', joinedAt, hangUp: () => {} });
  mpc.add(member);
  member.exit('kicked', new Date('2026-03-04T05:07:00.000Z'), false);
  assert.deepEqual(exitFields(mpc, member, 'kicked'), {
    Event: 'ExitMPC',
    MPCUUID: '6d2f',
    MPCFriendlyName: 'sales',
    MemberID: '3',
    ParticipantCallUUID: 'c1',
    ParticipantRole: 'agent',
    ParticipantJoinTime: '2026-03-04T05:06:07.890Z',
    ParticipantEndTime: '2026-03-04T05:07:00.000Z',
    ExitCause: 'kicked',
  });
});
