import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, test } from 'node:test';
import { EngineBusy, type LegEvent } from '../../../../media/index.ts';
import { Directory, type DirectoryEvent, type ExitCause, plainTerms } from '../../../../server/mpc/index.ts';
import { type DoubleLeg, EngineDouble } from '../../../support/engine-double.ts';

let engine: EngineDouble;
let directory: Directory;
let events: string[];
let hungUp: ExitCause[];

beforeEach(() => {
  engine = new EngineDouble();
  directory = new Directory({
    engine,
    limits: { maxMembers: 4, maxMembersPerMpc: 3, exitedKept: 2 },
    sound: () => ({ sampleRate: 8000, floor: { maxTalkers: 0, noiseGate: false } }),
    now: () => new Date(0),
    newUuid: randomUUID,
  });
  events = [];
  hungUp = [];
  directory.subscribe((event) => events.push(describe(event)));
});

function describe(event: DirectoryEvent): string {
  return 'member' in event ? `${event.type} ${event.mpc.name}/${event.member.id}` : `${event.type} ${event.mpc.name}`;
}

type OpenLeg = (conference: string, onEvent: (event: LegEvent) => void) => Promise<DoubleLeg>;
const openLeg: OpenLeg = (conference, onEvent) => engine.openRtpLeg(conference, {}, onEvent);

function join(mpcName: string, open: OpenLeg = openLeg) {
  return directory.join({
    mpcName,
    terms: plainTerms('customer'),
    kind: 'sip',
    address: '',
    openLeg: open,
    hangUp: (cause) => hungUp.push(cause),
  });
}

async function joined(mpcName: string) {
  const result = await join(mpcName);
  assert.ok(result.ok);
  return result;
}

/** An `openLeg` that waits until it is let go. */
function held() {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const open: OpenLeg = async (conference, onEvent) => {
    await released;
    return openLeg(conference, onEvent);
  };
  return { open, release };
}

test('the first member opens the MPC and its conference, the last one closes both', async () => {
  const ana = await joined('standup');
  assert.deepEqual([...engine.conferences], [ana.mpc.uuid]);
  const ben = await joined('standup');
  assert.equal(ben.mpc, ana.mpc);
  assert.deepEqual([ana.member.id, ben.member.id], ['1', '2']);
  directory.leave(ana.mpc, ana.member, 'hangup', false);
  directory.leave(ben.mpc, ben.member, 'hangup', false);
  assert.equal(engine.conferences.size, 0);
  assert.deepEqual(events, [
    'mpc-initialized standup',
    'mpc-started standup',
    'member-joined standup/1',
    'member-joined standup/2',
    'member-left standup/1',
    'member-left standup/2',
    'mpc-ended standup',
  ]);
  assert.deepEqual(hungUp, [], 'nobody is told what she did herself');
});

test('the same name later is another MPC, whose ids count from 1 again', async () => {
  const first = await joined('standup');
  directory.leave(first.mpc, first.member, 'hangup', false);
  const second = await joined('standup');
  assert.notEqual(second.mpc.uuid, first.mpc.uuid);
  assert.equal(second.member.id, '1');
  assert.equal(directory.find({ by: 'name', name: 'standup' }), second.mpc);
});

test('ids are never given twice in one MPC', async () => {
  const ana = await joined('standup');
  const ben = await joined('standup');
  directory.leave(ben.mpc, ben.member, 'hangup', false);
  assert.equal((await joined('standup')).member.id, '3');
  assert.equal(ana.mpc.presentMembers.length, 2);
});

test('who is put out is told, once, and her leg is closed', async () => {
  const { mpc, member, leg } = await joined('standup');
  directory.leave(mpc, member, 'kicked', true);
  directory.leave(mpc, member, 'hangup', true);
  assert.deepEqual(hungUp, ['kicked']);
  assert.equal(leg.closed, true);
  assert.equal(member.exitCause, 'kicked');
  assert.equal(directory.memberCount, 0);
});

test('ending an MPC hangs up on everybody in it and nobody else', async () => {
  const ana = await joined('standup');
  await joined('standup');
  const other = await joined('other');
  directory.end(ana.mpc, 'hangup_api');
  directory.end(ana.mpc, 'hangup_api');
  assert.deepEqual(hungUp, ['mpc_ended', 'mpc_ended']);
  assert.equal(other.member.present, true);
  assert.deepEqual(
    events.filter((event) => event.startsWith('mpc-ended')),
    ['mpc-ended standup'],
  );
});

test('limits hold for an MPC and for the node, joins under way included', async () => {
  for (let i = 0; i < 3; i += 1) await joined('full');
  assert.deepEqual(await join('full'), { ok: false, reason: 'mpc_full' });
  const slow = held();
  const fourth = join('other', slow.open);
  assert.deepEqual(await join('third'), { ok: false, reason: 'server_full' });
  slow.release();
  assert.equal((await fourth).ok, true);
  assert.deepEqual(await join('third'), { ok: false, reason: 'server_full' });
});

test('two who open an MPC at the same time are in the same one', async () => {
  const slow = held();
  const first = join('standup', slow.open);
  const second = join('standup');
  slow.release();
  const [ana, ben] = await Promise.all([first, second]);
  assert.ok(ana.ok && ben.ok);
  assert.equal(ana.mpc, ben.mpc);
  assert.notEqual(ana.member.id, ben.member.id);
});

test('an MPC lives on while somebody is about to join it', async () => {
  const slow = held();
  const ana = await joined('standup');
  const second = join('standup', slow.open);
  directory.leave(ana.mpc, ana.member, 'hangup', false);
  assert.equal(ana.mpc.status, 'active');
  slow.release();
  const ben = await second;
  assert.ok(ben.ok);
  assert.equal(ben.mpc, ana.mpc);
});

test('who joins an MPC that is ended meanwhile does not get in, and her leg is closed', async () => {
  const slow = held();
  const ana = await joined('standup');
  const second = join('standup', slow.open);
  directory.end(ana.mpc, 'hangup_api');
  slow.release();
  assert.deepEqual(await second, { ok: false, reason: 'busy' });
  assert.equal(engine.legs.at(-1)?.closed, true);
  assert.equal(directory.memberCount, 0);
});

test('a leg that cannot be opened leaves no trace', async () => {
  const busy: OpenLeg = () => Promise.reject(new EngineBusy('no port is free'));
  assert.deepEqual(await join('standup', busy), { ok: false, reason: 'busy' });
  const broken: OpenLeg = () => Promise.reject(new Error('bug'));
  await assert.rejects(join('standup', broken), /bug/);
  assert.deepEqual([directory.live.length, engine.conferences.size], [0, 0]);
  assert.deepEqual(events, [], 'an MPC that nobody was in never began');
});

test('a leg that is lost, or silent for too long, ends the call', async () => {
  const ana = await joined('standup');
  const ben = await joined('standup');
  ana.leg.report({ type: 'no-rtp', forMs: 30_000, expired: false });
  assert.equal(ana.member.present, true);
  ana.leg.report({ type: 'no-rtp', forMs: 120_000, expired: true });
  ben.leg.report({ type: 'lost', detail: 'its thread died' });
  assert.deepEqual(hungUp, ['no_rtp', 'lost']);
  assert.deepEqual([ana.member.exitCause, ben.member.exitCause], ['no_rtp', 'lost']);
});

test('what legs tell is passed on while their member is present', async () => {
  const ana = await joined('standup');
  await joined('standup');
  events.length = 0;
  ana.leg.report({ type: 'dtmf', digit: '5' });
  directory.leave(ana.mpc, ana.member, 'hangup', false);
  ana.leg.report({ type: 'dtmf', digit: '6' });
  assert.deepEqual(events, ['leg standup/1', 'member-left standup/1']);
});

test('draining refuses joins, and hanging up on all empties the node', async () => {
  await joined('a');
  await joined('b');
  directory.drain();
  assert.deepEqual(await join('a'), { ok: false, reason: 'draining' });
  directory.hangUpAll();
  assert.deepEqual(hungUp, ['shutdown', 'shutdown']);
  assert.deepEqual([directory.memberCount, directory.live.length], [0, 0]);
});

test('an MPC that is over is forgotten here: history has it', async () => {
  const { mpc, member } = await joined('a');
  directory.leave(mpc, member, 'hangup', false);
  assert.equal(directory.find({ by: 'uuid', uuid: mpc.uuid }), undefined);
});

test('an MPC that somebody is called for lives without members until nobody is called any more', async () => {
  let ended = 0;
  const onEnded = () => {
    ended += 1;
  };
  const expected = directory.expect('a', onEnded);
  const other = directory.expect('a', onEnded);
  assert.equal(expected.mpc, other.mpc);
  assert.equal(expected.mpc.status, 'initialized');
  await join('a', async () => {
    throw new EngineBusy('no port');
  });
  expected.release();
  expected.release();
  assert.equal(directory.find({ by: 'name', name: 'a' }), other.mpc, 'a join that failed has not ended it');
  other.release();
  assert.equal(directory.find({ by: 'name', name: 'a' }), undefined);
  assert.equal(ended, 0, 'who let go does not need to know');
});

test('an MPC that has had members does not wait for those who are called: they are told that it is over', async () => {
  let ended = 0;
  const expected = directory.expect('a', () => {
    ended += 1;
  });
  const { mpc, member } = await joined('a');
  assert.equal(mpc, expected.mpc);
  directory.leave(mpc, member, 'hangup', false);
  assert.equal(mpc.status, 'ended');
  assert.equal(ended, 1);
  expected.release();
});
