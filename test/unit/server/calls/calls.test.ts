import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { OPEN_FLOOR } from '../../../../media/conference/floor.ts';
import { EngineBusy } from '../../../../media/engine.ts';
import { type Call, type CallEvent, Calls } from '../../../../server/calls/index.ts';
import { Directory, plainTerms } from '../../../../server/mpc/index.ts';
import { type DoubleLeg, EngineDouble } from '../../../support/engine-double.ts';
import { termsOf } from '../../../support/terms.ts';

const TERMS = plainTerms('customer');

class Bench {
  readonly engine = new EngineDouble();
  readonly directory = new Directory({
    engine: this.engine,
    limits: { maxMembers: 10, maxMembersPerMpc: 2 },
    sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
    now: () => new Date(0),
    newUuid: randomUUID,
  });
  readonly calls = new Calls({
    engine: this.engine,
    directory: this.directory,
    roomSound: { sampleRate: 8000, floor: OPEN_FLOOR },
    maxCalls: 4,
    now: () => new Date(0),
    newUuid: randomUUID,
  });
  readonly events: string[] = [];
  readonly hungUp: string[] = [];

  constructor() {
    this.calls.subscribe((event) => {
      if (event.type !== 'leg') this.events.push(describe(event));
    });
  }

  ring(): Call {
    const rung = this.calls.ring({
      kind: 'sip',
      direction: 'inbound',
      from: 'sip:ana@example.com',
      to: 'sip:board@example.com',
      hangUp: (cause) => this.hungUp.push(cause),
    });
    assert.ok(rung.ok, 'there is room for another call');
    return rung.call;
  }

  async inRoom(): Promise<Call> {
    const call = this.ring();
    const opened = await this.calls.openInRoom(call, (id, onEvent) => this.engine.openRtpLeg(id, {}, onEvent));
    assert.ok(opened.ok, 'a leg can be opened');
    this.calls.answered(call);
    return call;
  }

  async inMpc(name = 'board'): Promise<Call> {
    const call = this.ring();
    const joined = await this.calls.openInMpc(call, name, TERMS, (id, onEvent) =>
      this.engine.openRtpLeg(id, {}, onEvent),
    );
    assert.ok(joined.ok, 'a leg can be opened');
    this.calls.answered(call);
    return call;
  }
}

function describe(event: CallEvent): string {
  if (event.type === 'ended') return `ended ${event.cause}`;
  return event.type === 'moved' ? `moved to ${event.call.place.in}` : event.type;
}

function legOf(call: Call): DoubleLeg {
  assert.ok(call.leg, 'the call has a leg');
  return call.leg as DoubleLeg;
}

test('a call rings, is answered in its room, becomes a member, comes back, and ends once', async () => {
  const on = new Bench();
  const call = await on.inRoom();
  assert.equal(call.status, 'live');
  assert.equal(on.calls.find(call.uuid), call);
  const leg = legOf(call);
  const entered = await on.calls.enterMpc(call, 'board', TERMS);
  assert.ok(entered.ok, 'the MPC takes it in');
  assert.equal(entered.member.callUuid, call.uuid, 'the member has the UUID of the call');
  assert.equal(leg.conference, entered.mpc.uuid);
  assert.ok(!on.engine.conferences.has(call.room), 'an empty room is closed');
  await on.calls.enterRoom(call);
  assert.equal(entered.member.exitCause, 'transferred');
  assert.equal(leg.conference, call.room);
  assert.ok(!leg.closed, 'the leg is the same all along');
  assert.equal(entered.mpc.status, 'ended', 'it was the only one in there');
  on.calls.end(call, 'hangup_api', true);
  on.calls.end(call, 'hangup', true);
  assert.deepEqual(on.hungUp, ['hangup_api']);
  assert.ok(leg.closed, 'nothing is left of it');
  assert.equal(on.engine.conferences.size, 0);
  assert.equal(on.calls.count, 0);
  assert.deepEqual(on.events, [
    'ringing',
    'moved to room',
    'answered',
    'moved to mpc',
    'moved to room',
    'ended hangup_api',
  ]);
});

test('whoever is kicked, or whose MPC ends, is hung up on, and its call ends for the same cause', async () => {
  const on = new Bench();
  const [ana, ben] = [await on.inMpc(), await on.inMpc()];
  assert.ok(ana.place.in === 'mpc', 'she is a member');
  on.directory.leave(ana.place.mpc, ana.place.member, 'kicked', true);
  assert.equal(ana.endCause, 'kicked');
  on.directory.end(ana.place.mpc, 'hangup_api');
  assert.equal(ben.endCause, 'mpc_ended');
  assert.deepEqual(on.hungUp, ['kicked', 'mpc_ended']);
  assert.ok(legOf(ana).closed && legOf(ben).closed, 'their legs are closed');
});

test('a keeper has the call back from an MPC that ends or kicks it, with its leg, and not from one that lost it', async () => {
  const on = new Bench();
  const [ana, ben, eve] = [await on.inMpc(), await on.inMpc(), await on.inMpc('other')];
  const kept: string[] = [];
  for (const call of [ana, ben, eve])
    call.keeper = (cause) => {
      kept.push(cause);
      return true;
    };
  assert.ok(ana.place.in === 'mpc', 'she is a member');
  const { mpc } = ana.place;
  on.directory.leave(mpc, ana.place.member, 'kicked', true);
  on.directory.end(mpc, 'hangup_api');
  legOf(eve).report({ type: 'lost', detail: 'gone' });
  assert.deepEqual(kept, ['kicked', 'mpc_ended']);
  assert.deepEqual([ana.place.in, ben.place.in, eve.endCause], ['room', 'room', 'lost']);
  assert.deepEqual([legOf(ana).closed, legOf(ben).closed], [false, false]);
  assert.deepEqual(
    mpc.members.map(({ exitCause }) => exitCause),
    ['kicked', 'mpc_ended'],
    'to the MPC they are gone',
  );
  assert.deepEqual(on.hungUp, ['lost']);
});

test('a peer that hangs up is not told, and its membership ends', async () => {
  const on = new Bench();
  const call = await on.inMpc();
  assert.ok(call.place.in === 'mpc', 'it is a member');
  const { member } = call.place;
  on.calls.end(call, 'hangup', false);
  assert.deepEqual([member.exitCause, on.hungUp.length, on.directory.memberCount], ['hangup', 0, 0]);
});

test('an MPC that is full leaves the call in its room', async () => {
  const on = new Bench();
  await on.inMpc();
  await on.inMpc();
  const third = await on.inRoom();
  assert.deepEqual(await on.calls.enterMpc(third, 'board', TERMS), { ok: false, reason: 'mpc_full' });
  assert.equal(third.place.in, 'room');
  assert.equal(legOf(third).conference, third.room);
  assert.ok(on.engine.conferences.has(third.room), 'where it can be played to');
});

test('an MPC that is full leaves a member in the MPC where it is', async () => {
  const on = new Bench();
  await on.inMpc();
  await on.inMpc();
  const third = await on.inMpc('other');
  assert.deepEqual(await on.calls.enterMpc(third, 'board', TERMS), { ok: false, reason: 'mpc_full' });
  assert.equal(on.directory.findCall(third.uuid)?.mpc.name, 'other');
  assert.equal(third.status, 'live');
});

test('a member moves from one MPC to another', async () => {
  const on = new Bench();
  const call = await on.inMpc();
  const entered = await on.calls.enterMpc(call, 'other', TERMS);
  assert.ok(entered.ok && call.place.in === 'mpc', 'it is a member again');
  assert.equal(call.place.mpc.name, 'other');
  assert.deepEqual(
    on.directory.live.map(({ name }) => name),
    ['other'],
  );
});

test('a leg that is lost, or silent for too long, ends a call in its room', async () => {
  const on = new Bench();
  const [ana, ben] = [await on.inRoom(), await on.inRoom()];
  legOf(ana).report({ type: 'no-rtp', forMs: 1, expired: false });
  assert.equal(ana.status, 'live', 'a warning is no end');
  legOf(ana).report({ type: 'no-rtp', forMs: 2, expired: true });
  legOf(ben).report({ type: 'lost', detail: '' });
  assert.deepEqual(on.hungUp, ['no_rtp', 'lost']);
});

test('a call that ends while its leg is opened leaves nothing behind', async () => {
  const on = new Bench();
  const call = on.ring();
  const opening = on.calls.openInRoom(call, (id, onEvent) => on.engine.openRtpLeg(id, {}, onEvent));
  on.calls.end(call, 'cancelled', false);
  assert.deepEqual(await opening, { ok: false, reason: 'ended' });
  const other = on.ring();
  const joining = on.calls.openInMpc(other, 'board', TERMS, (id, onEvent) => on.engine.openRtpLeg(id, {}, onEvent));
  on.calls.end(other, 'cancelled', false);
  await joining;
  assert.ok(
    on.engine.legs.every(({ closed }) => closed),
    'both legs are closed',
  );
  assert.deepEqual([on.engine.conferences.size, on.directory.memberCount, on.directory.live.length], [0, 0, 0]);
});

test('so many calls and no more, and none while the server drains', () => {
  const on = new Bench();
  const calls = [on.ring(), on.ring(), on.ring(), on.ring()];
  const setup = { kind: 'ws', direction: 'inbound', from: '', to: '', hangUp: () => {} } as const;
  assert.deepEqual(on.calls.ring(setup), { ok: false, reason: 'server_full' });
  on.calls.end(calls[0]!, 'hangup', false);
  on.calls.drain();
  assert.deepEqual(on.calls.ring(setup), { ok: false, reason: 'draining' });
  on.calls.hangUpAll();
  assert.deepEqual([on.calls.count, on.hungUp], [0, ['shutdown', 'shutdown', 'shutdown']]);
});

const ENDS_ALL = termsOf({ role: 'agent', end_mpc_on_exit: true });

test('a member that moves to the MPC where it is ends nothing by that: neither as the last nor as the one whose exit counts', async () => {
  const on = new Bench();
  const call = await on.inMpc();
  const mpc = on.directory.find({ by: 'name', name: 'board' });
  const first = await on.calls.enterMpc(call, 'board', ENDS_ALL);
  assert.ok(first.ok, 'it comes back');
  assert.equal(first.mpc, mpc, 'to the MPC that it left');
  assert.equal(first.member.role, 'agent', 'under the new terms');
  const other = await on.inMpc();
  const second = await on.calls.enterMpc(call, 'board', TERMS);
  assert.ok(second.ok, 'a full MPC has room for who was in it');
  assert.equal(mpc?.status, 'active');
  assert.deepEqual([mpc?.presentMembers.length, on.directory.memberCount, other.status], [2, 2, 'live']);
  on.calls.end(other, 'hangup', false);
  on.calls.end(call, 'hangup', false);
  assert.equal(mpc?.status, 'ended', 'nothing keeps it any longer');
});

test('a member that is lost on its way back to its MPC has left it after all', async () => {
  const on = new Bench();
  const call = await on.inMpc();
  await on.calls.enterMpc(call, 'board', ENDS_ALL);
  const other = await on.inMpc();
  const leg = legOf(call);
  const move = leg.move.bind(leg);
  leg.move = async (conference) => {
    if (conference !== call.room) throw new EngineBusy('no mixer');
    await move(conference);
  };
  const entered = await on.calls.enterMpc(call, 'board', ENDS_ALL);
  assert.deepEqual([entered.ok, call.status, other.status], [false, 'ended', 'ended']);
  assert.deepEqual([on.directory.live.length, on.directory.memberCount], [0, 0]);
});

test('a call that is meant for an MPC that ends meanwhile begins no other of its name', async () => {
  const on = new Bench();
  const member = await on.inMpc();
  const call = await on.inRoom();
  const mpc = on.directory.find({ by: 'name', name: 'board' });
  assert.ok(mpc, 'the MPC lives');
  const entering = on.calls.enterMpc(call, 'board', TERMS, mpc);
  on.directory.end(mpc, 'hangup_api');
  assert.deepEqual(await entering, { ok: false, reason: 'ended' });
  assert.deepEqual(await on.calls.enterMpc(call, 'board', TERMS, mpc), { ok: false, reason: 'ended' });
  assert.deepEqual([on.directory.live.length, member.status, call.place.in], [0, 'ended', 'room']);
});

test('of several legs in its room a call has the one that is taken, and hears of no other', async () => {
  const on = new Bench();
  const call = on.ring();
  on.calls.openRoom(call);
  const legs = [];
  for (let index = 0; index < 2; index++) {
    const opened = await on.calls.openSpareLeg(call, (id, onEvent) => on.engine.openRtpLeg(id, {}, onEvent));
    assert.ok(opened.ok, 'a leg can be opened');
    legs.push(opened.leg);
  }
  const [spare, taken] = legs as [DoubleLeg, DoubleLeg];
  const digits: string[] = [];
  on.calls.subscribe((event) => {
    if (event.type === 'leg' && event.event.type === 'dtmf') digits.push(event.event.digit);
  });
  on.calls.takeLeg(call, taken);
  on.calls.takeLeg(call, spare);
  assert.equal(call.leg, taken);
  spare.report({ type: 'dtmf', digit: '1' });
  taken.report({ type: 'dtmf', digit: '2' });
  spare.report({ type: 'lost', detail: '' });
  assert.deepEqual([digits, call.status], [['2'], 'ringing']);
  on.calls.end(call, 'hangup', false);
  const late = await on.calls.openSpareLeg(call, (id, onEvent) => on.engine.openRtpLeg(id, {}, onEvent));
  assert.deepEqual(late, { ok: false, reason: 'ended' });
});
