import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import {
  Directory,
  type JoinTerms,
  type Member,
  type Mpc,
  plainTerms,
  type Role,
  relayDigits,
  soundUnder,
} from '../../../../server/mpc/index.ts';
import { type DoubleLeg, EngineDouble } from '../../../support/engine-double.ts';
import { termsOf } from '../../../support/terms.ts';

class Room {
  readonly engine = new EngineDouble();
  readonly directory = new Directory({
    engine: this.engine,
    limits: { maxMembers: 9, maxMembersPerMpc: 9 },
    sound: soundUnder({ sampleRate: 8000, sampleRates: [], floor: { maxTalkers: 0, noiseGate: false } }),
    now: () => new Date(0),
    newUuid: randomUUID,
  });

  async join(
    as: Role | JoinTerms = 'customer',
    mpcName = 'room',
  ): Promise<{ mpc: Mpc; member: Member; leg: DoubleLeg }> {
    const joined = await this.directory.join({
      mpcName,
      terms: typeof as === 'string' ? plainTerms(as) : as,
      kind: 'sip',
      address: '',
      openLeg: (conference, onEvent) => this.engine.openRtpLeg(conference, {}, onEvent),
      hangUp: () => {},
    });
    assert.ok(joined.ok);
    return joined;
  }
}

test("a program's digits go to every other member of its MPC", async () => {
  const room = new Room();
  const relay = relayDigits(room.directory, { amongPhones: false });
  const [ana, bob, eve, elsewhere] = [
    await room.join(),
    await room.join(),
    await room.join(),
    await room.join('customer', 'another'),
  ];
  relay(ana.mpc, ana.member, '12#');
  assert.deepEqual(
    [ana, bob, eve, elsewhere].map(({ leg }) => leg.digits),
    [[], ['12#'], ['12#'], []],
  );
});

test('digits of a telephone reach other telephones only when that is asked for', async () => {
  for (const amongPhones of [false, true]) {
    const room = new Room();
    relayDigits(room.directory, { amongPhones });
    const [ana, bob] = [await room.join(), await room.join()];
    ana.leg.report({ type: 'dtmf', digit: '5' });
    assert.deepEqual(bob.leg.digits, amongPhones ? ['5'] : []);
    assert.deepEqual(ana.leg.digits, []);
  }
});

test('members on hold neither send nor get digits, and a coach is heard by agents alone', async () => {
  const room = new Room();
  const relay = relayDigits(room.directory, { amongPhones: false });
  const [ana, agent, coach] = [await room.join(), await room.join('agent'), await room.join('supervisor')];
  room.directory.change(ana.mpc, ana.member, { held: true });
  relay(ana.mpc, ana.member, '1');
  relay(agent.mpc, agent.member, '2');
  room.directory.change(ana.mpc, ana.member, { held: false });
  room.directory.change(coach.mpc, coach.member, { coach: true });
  relay(coach.mpc, coach.member, '3');
  assert.deepEqual([ana.leg.digits, agent.leg.digits, coach.leg.digits], [[], ['3'], ['2']]);
});

test('digits of a telephone reach the others when its own terms say so', async () => {
  const room = new Room();
  relayDigits(room.directory, { amongPhones: false });
  const [ana, bob] = [await room.join(termsOf({ relay_dtmf_inputs: true })), await room.join()];
  ana.leg.report({ type: 'dtmf', digit: '5' });
  bob.leg.report({ type: 'dtmf', digit: '6' });
  assert.deepEqual([ana.leg.digits, bob.leg.digits], [[], ['5']]);
});
