import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import {
  Directory,
  type DirectoryEvent,
  type JoinTerms,
  keepDeadlines,
  plainTerms,
} from '../../../../server/mpc/index.ts';
import { EngineDouble } from '../../../support/engine-double.ts';
import { HandClock } from '../../../support/hand-clock.ts';
import { termsOf } from '../../../support/terms.ts';

let engine: EngineDouble;
let clock: HandClock;
let directory: Directory;
let events: string[];

beforeEach(() => {
  engine = new EngineDouble();
  clock = new HandClock();
  directory = new Directory({
    engine,
    limits: { maxMembers: 50, maxMembersPerMpc: 12 },
    sound: () => ({ sampleRate: 8000, floor: { maxTalkers: 0, noiseGate: false } }),
    now: () => new Date(clock.now()),
    newUuid: randomUUID,
  });
  events = [];
  directory.subscribe((event) => events.push(describe(event)));
});

function describe(event: DirectoryEvent): string {
  const what = event.type === 'member-changed' ? ` ${event.what}` : '';
  return 'member' in event ? `${event.type} ${event.member.id}${what}` : event.type;
}

async function enter(terms: JoinTerms) {
  const result = await directory.join({
    mpcName: 'standup',
    terms,
    kind: 'sip',
    address: '',
    openLeg: (conference, onEvent) => engine.openRtpLeg(conference, {}, onEvent),
    hangUp: () => {},
  });
  assert.ok(result.ok, 'there is room');
  return result;
}

const join = (body: Record<string, unknown> = {}) => enter(termsOf(body));

test('members wait outside until one comes who starts the MPC', async () => {
  const ana = await join({ start_mpc_on_enter: false });
  const ben = await join({ start_mpc_on_enter: 'false' });
  assert.deepEqual([ana.mpc.status, ana.mpc.startedAt], ['initialized', undefined]);
  assert.deepEqual([ana.leg.changes.held, ben.leg.changes.held], [true, true]);
  assert.equal(ana.member.held, false, 'to wait is not to be on hold');
  const eve = await join({ role: 'agent' });
  assert.equal(eve.mpc.status, 'active');
  assert.deepEqual(
    [ana.leg, ben.leg, eve.leg].map(({ changes }) => changes.held ?? false),
    [false, false, false],
  );
  assert.deepEqual(events, ['mpc-initialized', 'member-joined 1', 'member-joined 2', 'mpc-started', 'member-joined 3']);
  const late = await join({ start_mpc_on_enter: false });
  assert.equal(late.leg.changes.held, undefined, 'what has started does not wait again');
});

test('an MPC is started once, from outside as well', async () => {
  const { mpc, leg } = await join({ start_mpc_on_enter: false, hold: true });
  assert.equal(directory.start(mpc), true);
  assert.equal(directory.start(mpc), false);
  assert.equal(leg.changes.held, true, 'who is on hold stays on hold');
  directory.change(mpc, mpc.presentMembers[0] ?? assert.fail('she is there'), { held: false });
  assert.equal(leg.changes.held, false);
  assert.deepEqual(events.filter((event) => event === 'mpc-started').length, 1);
});

test('an MPC that never started ends with its last member, and that is told', async () => {
  const { mpc, member } = await join({ start_mpc_on_enter: false });
  directory.leave(mpc, member, 'hangup', false);
  assert.deepEqual([mpc.status, mpc.endCause, mpc.startedAt], ['ended', 'no_active_participants', undefined]);
  assert.equal(events.at(-1), 'mpc-ended');
});

test('muted, held and coaching at entry is what the leg is told', async () => {
  const { leg: coach } = await join({ role: 'supervisor', mute: true });
  const { leg: agent } = await join({ role: 'agent', hold: 'true' });
  assert.deepEqual(coach.changes, { muted: true, voice: 'whisper' });
  assert.deepEqual(agent.changes, { held: true, hearsWhispers: true });
});

test('changes are told when they change something', async () => {
  const { mpc, member } = await join({ role: 'supervisor', coach_mode: false });
  events.length = 0;
  directory.change(mpc, member, { muted: true, held: false, coach: true });
  directory.change(mpc, member, { muted: true });
  directory.leave(mpc, member, 'hangup', false);
  directory.change(mpc, member, { muted: false });
  assert.deepEqual(events, ['member-changed 1 muted', 'member-changed 1 coach', 'member-left 1', 'mpc-ended']);
});

test('nobody stays alone unless that is allowed', async () => {
  const ana = await join();
  const ben = await join();
  directory.leave(ben.mpc, ben.member, 'kicked', true);
  assert.deepEqual([ana.member.exitCause, ana.mpc.endCause], ['mpc_ended', 'stay_alone_not_permitted']);

  const eve = await join({ stay_alone: true });
  const fay = await join();
  directory.leave(fay.mpc, fay.member, 'hangup', false);
  assert.equal(eve.member.present, true, 'the first member said she may');
  directory.leave(eve.mpc, eve.member, 'hangup', false);

  const gil = await join({ start_mpc_on_enter: false });
  const hal = await join({ start_mpc_on_enter: false });
  directory.leave(hal.mpc, hal.member, 'hangup', false);
  assert.equal(gil.member.present, true, 'who waits for the start waits on');
});

test('somebody who is about to join keeps the last member company', async () => {
  const ana = await join();
  const ben = await join();
  const eve = join();
  directory.leave(ben.mpc, ben.member, 'hangup', false);
  await eve;
  assert.equal(ana.member.present, true);
});

test('the last member waits for somebody who is being called', async () => {
  const ana = await join();
  const ben = await join();
  directory.expect('standup', () => {});
  directory.leave(ben.mpc, ben.member, 'hangup', false);
  assert.equal(ana.member.present, true);
});

test('the last member goes when nobody who was called has come, but not who never had company', async () => {
  const ana = await join();
  const first = directory.expect('standup', () => {});
  first.release();
  assert.equal(ana.member.present, true, 'who is the first waits for others');
  const ben = await join();
  const [bob, eve] = [directory.expect('standup', () => {}), directory.expect('standup', () => {})];
  directory.leave(ben.mpc, ben.member, 'hangup', false);
  bob.release();
  assert.equal(ana.member.present, true, 'eve is still being called');
  eve.release();
  assert.deepEqual([ana.member.exitCause, ana.mpc.endCause], ['mpc_ended', 'stay_alone_not_permitted']);
});

test('the exit of a member ends the MPC for all when her terms say so', async () => {
  const ana = await join({ role: 'agent', end_mpc_on_exit: true });
  const ben = await join();
  const eve = await join();
  directory.leave(ana.mpc, ana.member, 'hangup', false);
  assert.deepEqual(
    [ana, ben, eve].map(({ member }) => member.exitCause),
    ['hangup', 'mpc_ended', 'mpc_ended'],
  );
  assert.equal(ana.mpc.endCause, 'no_active_participants');
  assert.deepEqual(events.slice(-4), ['member-left 1', 'member-left 2', 'member-left 3', 'mpc-ended']);
});

test('an MPC takes as many as its terms say, and who just dials in as many as the server does', async () => {
  await join({ max_participants: 2 });
  await join();
  const { mpcName, kind, address } = { mpcName: 'standup', kind: 'sip' as const, address: '' };
  const openLeg = () => assert.fail('no leg is opened for her');
  const refused = await directory.join({ mpcName, kind, address, openLeg, hangUp: () => {}, terms: termsOf({}) });
  assert.deepEqual(refused, { ok: false, reason: 'mpc_full' });
  const [mpc] = directory.live;
  if (mpc) directory.end(mpc, 'hangup_api');
  for (let i = 0; i < 12; i += 1) await enter(plainTerms('customer'));
  assert.equal(directory.live[0]?.presentMembers.length, 12);
});

test('an MPC ends when its time is over, however long ago its terms came', async () => {
  const stop = keepDeadlines(directory, clock);
  const { mpc, member } = await enter(plainTerms('customer'));
  clock.advance(100_000);
  await join({ max_duration: 300 });
  clock.advance(199_999);
  assert.equal(mpc.status, 'active');
  clock.advance(1);
  assert.deepEqual([mpc.endCause, member.exitCause], ['max_duration', 'mpc_ended']);
  await join();
  stop();
  assert.equal(clock.pending, 0, 'no timer is left');
});

test('an MPC that ends early leaves no timer behind', async () => {
  keepDeadlines(directory, clock);
  const { mpc } = await join();
  assert.equal(clock.pending, 1);
  directory.end(mpc, 'hangup_api');
  assert.equal(clock.pending, 0);
  await enter(plainTerms('agent'));
  assert.equal(clock.pending, 0, 'who just dials in sets no limit');
});

test('the earlier wish stands, and a later one fills in what nobody wished for', async () => {
  const wait = 'https://app.example.com/wait';
  const { mpc } = await join({ max_duration: 600, max_participants: 10, record_file_format: 'wav' });
  await join({ max_duration: 900, max_participants: 5, wait_music_url: wait, record: true, record_file_format: 'mp3' });
  const { terms } = mpc;
  assert.deepEqual([terms?.maxDurationMs, terms?.maxParticipants, terms?.stayAlone], [600_000, 5, false]);
  assert.equal(terms?.waitMusic?.url.href, wait);
  assert.deepEqual([terms?.record.on, terms?.record.fileFormat], [true, 'wav']);
  await enter(plainTerms('agent'));
  assert.equal(mpc.terms, terms, 'who just dials in wishes for nothing');
});
