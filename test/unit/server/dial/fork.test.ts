import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RtpLeg } from '../../../../media/engine.ts';
import type { Call } from '../../../../server/calls/index.ts';
import { Fork, type ForkEvents } from '../../../../server/dial/fork.ts';
import { type CallEnd, outgoingLegOptions } from '../../../../server/sip/outgoing-call.ts';
import { answerTo } from '../../../support/sip-answer.ts';
import { type SipText, sdpText } from '../../../support/sip-script.ts';
import { FakeFlow, SipBench, settle } from '../sip/doubles.ts';

/** One of the phones that are called, and all that was sent to it. */
class Phone {
  readonly flow: FakeFlow;
  readonly #bench: SipBench;
  readonly #sent: SipText[] = [];

  constructor(bench: SipBench, port: number) {
    this.#bench = bench;
    this.flow = new FakeFlow({ address: '192.0.2.7', port });
  }

  get methods(): readonly string[] {
    this.#sent.push(...this.flow.take());
    return this.#sent.map(({ method }) => method);
  }

  /** The last request of that method. */
  got(method: string): SipText {
    assert.ok(this.methods.includes(method), `no ${method} came to ${this.flow.port}: ${this.methods}`);
    return this.#sent.findLast((request) => request.method === method)!;
  }

  says(status: number, reason: string, body?: string): void {
    const tag = `at${this.flow.port}`;
    const contact = `sip:ana@192.0.2.7:${this.flow.port}`;
    this.#bench.receive(
      this.flow,
      answerTo(this.got('INVITE'), status, reason, { tag, contact, ...(body && { body }) }),
    );
  }

  answers(): void {
    this.says(200, 'OK', sdpText({ address: '192.0.2.7', port: this.flow.port + 2 }));
  }

  /** What a phone says to a CANCEL in time: that it heard it, and that it rings no more. */
  obeys(): void {
    this.#bench.receive(this.flow, answerTo(this.got('CANCEL'), 200, 'OK', { tag: 'c' }));
    this.says(487, 'Request Terminated');
  }
}

interface Rig {
  readonly bench: SipBench;
  readonly call: Call;
  readonly fork: Fork;
  readonly phones: readonly Phone[];
  /** What the call's owner was told. */
  readonly told: (string | CallEnd)[];
  readonly winner: () => RtpLeg | undefined;
}

/** A call to a user with so many phones, all of which were sent their INVITE. */
async function ring(
  count: number,
  options: { readonly early?: boolean; readonly busyPorts?: number } = {},
): Promise<Rig> {
  const bench = new SipBench({ publicAddress: '192.0.2.1' });
  const rung = bench.calls.ring({
    kind: 'sip',
    direction: 'outbound',
    from: '4930111',
    to: 'ana',
    hangUp: () => {},
  });
  assert.ok(rung.ok, 'there is room for a call');
  const { call } = rung;
  const told: (string | CallEnd)[] = [];
  let winner: RtpLeg | undefined;
  const events: ForkEvents = {
    onRinging: () => told.push('ringing'),
    ...(options.early && { onEarlyMedia: (leg) => told.push(`early ${leg.port}`) }),
    onAnswered: (leg) => {
      winner = leg;
      told.push('answered');
    },
    onEnded: (end) => told.push(end),
  };
  bench.calls.openRoom(call);
  const engine = bench.engine.asEngine();
  let refuse = options.busyPorts ?? 0;
  const openRtpLeg: typeof engine.openRtpLeg = (...args) => {
    bench.engine.busy = refuse > 0;
    refuse -= 1;
    return engine.openRtpLeg(...args);
  };
  const fork = new Fork(
    call,
    {},
    { calls: bench.calls, engine: { openRtpLeg }, dial: (order) => bench.endpoint.dial(order) },
    events,
  );
  const phones = Array.from({ length: count }, (_, index) => new Phone(bench, 5100 + 10 * index));
  await fork.begin(
    phones.map(({ flow }) => ({
      uri: `sip:ana@192.0.2.7:${flow.port}`,
      way: flow,
      routes: [],
      from: { name: undefined, uri: 'sip:4930111@192.0.2.1', params: new Map() },
      credentials: undefined,
      legOptions: outgoingLegOptions([bench.codec], flow.address),
    })),
  );
  return { bench, call, fork, phones, told, winner: () => winner };
}

/** Nothing is left of the call but what stands. */
function assertSettled({ bench }: Rig, dialogs = 0): void {
  bench.clock.advance(40_000);
  assert.equal(bench.endpoint.dialogs, dialogs, 'dialogs');
  assert.equal(bench.clock.pending, 0, 'timers');
  assert.deepEqual(bench.errors, []);
}

suite('all phones of a user', () => {
  test('are called at once, each by an INVITE and at a port of its own', async () => {
    const { phones, bench } = await ring(3);
    const invites = phones.map((phone) => phone.got('INVITE'));
    for (const name of ['call-id', 'from', 'via'])
      assert.equal(new Set(invites.map((invite) => invite.header(name))).size, 3, name);
    assert.deepEqual(
      invites.map((invite) => /^m=audio (\d+)/m.exec(invite.body)?.[1]),
      bench.engine.legs.map(({ port }) => String(port)),
    );
    assert.deepEqual(
      invites.map(({ startLine }) => startLine),
      phones.map(({ flow }) => `INVITE sip:ana@192.0.2.7:${flow.port} SIP/2.0`),
    );
  });

  test('ring until one answers: it has the call, and the others are taken back as completed elsewhere', async () => {
    const rig = await ring(3);
    const [desk, mobile, silent] = rig.phones as [Phone, Phone, Phone];
    desk.says(180, 'Ringing');
    mobile.says(180, 'Ringing');
    mobile.answers();
    assert.deepEqual(rig.told, ['ringing', 'answered']);
    assert.equal(rig.winner(), rig.bench.engine.legs[1]);
    assert.deepEqual(mobile.methods, ['INVITE', 'ACK']);
    assert.match(desk.got('CANCEL').header('reason') ?? '', /cause=200;text="Call completed elsewhere"/);
    desk.obeys();
    // Before a phone said anything, a CANCEL might overtake the INVITE.
    assert.deepEqual(silent.methods, ['INVITE']);
    silent.says(180, 'Ringing');
    silent.obeys();
    assert.deepEqual(
      rig.bench.engine.legs.map(({ closed }) => closed),
      [true, false, true],
    );
    assert.deepEqual(rig.told, ['ringing', 'answered'], 'nobody is told of those that lost');
    assertSettled(rig, 1);
  });

  test('have one that wins when two answer at the same moment: the other is acknowledged and hung up', async () => {
    const rig = await ring(2);
    const [desk, mobile] = rig.phones as [Phone, Phone];
    desk.says(180, 'Ringing');
    mobile.says(180, 'Ringing');
    desk.answers();
    mobile.answers();
    assert.deepEqual(rig.told, ['ringing', 'answered']);
    assert.deepEqual(mobile.methods, ['INVITE', 'CANCEL', 'ACK', 'BYE']);
    assert.match(mobile.got('BYE').header('reason') ?? '', /completed elsewhere/);
    assert.deepEqual(desk.methods, ['INVITE', 'ACK']);
    rig.bench.receive(mobile.flow, answerTo(mobile.got('BYE'), 200, 'OK'));
    assertSettled(rig, 1);
  });

  test('tell of their end once one has the call: when it hangs up', async () => {
    const rig = await ring(2);
    const [desk, mobile] = rig.phones as [Phone, Phone];
    mobile.says(486, 'Busy Here');
    desk.answers();
    rig.fork.hangUp('Q.850;cause=16');
    assert.deepEqual(desk.methods, ['INVITE', 'ACK', 'BYE']);
    assert.deepEqual(rig.told, ['answered']);
  });

  test('are all taken back when the call is', async () => {
    const rig = await ring(3);
    for (const phone of rig.phones) phone.says(180, 'Ringing');
    rig.fork.hangUp('Q.850;cause=19;text="no_answer"');
    for (const phone of rig.phones) {
      assert.match(phone.got('CANCEL').header('reason') ?? '', /no_answer/);
      phone.obeys();
    }
    assert.deepEqual(rig.told, ['ringing']);
    assertSettled(rig);
  });

  test('may lack a port or a mixer here: those that have one ring', async () => {
    const rig = await ring(3, { busyPorts: 2 });
    assert.deepEqual(
      rig.phones.map(({ methods }) => methods.length),
      [0, 0, 1],
    );
    rig.phones[2]?.says(486, 'Busy Here');
    assert.equal(rig.told.length, 1, 'it is over with the last');
    const none = await ring(2, { busyPorts: 2 });
    assert.deepEqual(none.told, [{ kind: 'unreachable' }]);
  });

  test('that lose their mixer while they ring are called no longer', async () => {
    const rig = await ring(2);
    const [desk, mobile] = rig.phones as [Phone, Phone];
    desk.says(180, 'Ringing');
    rig.bench.engine.legs[0]?.report({ type: 'lost', detail: 'the mixer is gone' });
    assert.match(desk.got('CANCEL').header('reason') ?? '', /lost/);
    mobile.answers();
    assert.deepEqual(rig.told, ['ringing', 'answered']);
  });
});

suite('a call to several phones that nobody takes', () => {
  const refused = (status: number, reason: string) => ({ kind: 'refused', status, reason }) as const;
  const cases: readonly [what: string, answers: readonly (readonly [number, string])[], end: CallEnd][] = [
    [
      'is busy when all are',
      [
        [486, 'Busy Here'],
        [486, 'Busy Here'],
      ],
      refused(486, 'Busy Here'),
    ],
    [
      'is not busy when one did not answer',
      [
        [486, 'Busy Here'],
        [480, 'Temporarily Unavailable'],
      ],
      refused(480, 'Temporarily Unavailable'),
    ],
    [
      'reports the lowest class',
      [
        [503, 'Service Unavailable'],
        [404, 'Not Found'],
      ],
      refused(404, 'Not Found'),
    ],
    [
      'follows no redirect',
      [
        [486, 'Busy Here'],
        [302, 'Moved'],
      ],
      refused(302, 'Moved'),
    ],
  ];
  for (const [what, answers, end] of cases)
    test(what, async () => {
      for (const order of [answers, [...answers].reverse()]) {
        const rig = await ring(order.length);
        for (const [index, [status, reason]] of order.entries()) {
          assert.deepEqual(rig.told, [], 'it goes on while one of them may answer');
          rig.phones[index]?.says(status, reason);
        }
        assert.deepEqual(rig.told, [end]);
        assert.ok(
          rig.bench.engine.legs.every(({ closed }) => closed),
          'no leg is left',
        );
        assertSettled(rig);
      }
    });

  test('is over at once when one refuses for all, and the others stop ringing', async () => {
    const rig = await ring(3);
    const [desk, mobile, tablet] = rig.phones as [Phone, Phone, Phone];
    desk.says(180, 'Ringing');
    tablet.says(486, 'Busy Here');
    mobile.says(603, 'Decline');
    assert.deepEqual(rig.told, ['ringing', refused(603, 'Decline')]);
    assert.equal(desk.got('CANCEL').header('reason'), 'SIP;cause=603');
    desk.obeys();
    assertSettled(rig);
  });

  test('waits for phones that are silent as long as for any', async () => {
    const rig = await ring(2);
    rig.phones[0]?.says(486, 'Busy Here');
    rig.bench.clock.advance(31_900);
    assert.deepEqual(rig.told, []);
    rig.bench.clock.advance(100);
    assert.deepEqual(rig.told, [{ kind: 'timeout' }]);
    assertSettled(rig);
  });
});

suite('early media', () => {
  const EARLY = sdpText({ address: '192.0.2.7', port: 4000 });

  test('lets the leg of the first phone that has it send and hear before the answer, if that is asked for', async () => {
    const rig = await ring(2, { early: true });
    const [desk, mobile] = rig.phones as [Phone, Phone];
    desk.says(180, 'Ringing');
    mobile.says(183, 'Session Progress', EARLY);
    mobile.says(183, 'Session Progress', EARLY);
    desk.says(183, 'Session Progress', EARLY);
    const [, leg] = rig.bench.engine.legs;
    assert.deepEqual(rig.told, ['ringing', `early ${leg?.port}`]);
    assert.deepEqual(leg?.changes[0]?.remote, { address: '192.0.2.7', port: 4000 });
    assert.equal(leg?.changes[0]?.started, true);
    mobile.answers();
    assert.equal(leg?.changes.at(-1)?.remote?.port, mobile.flow.port + 2, 'the answer’s own description counts');
    assert.equal(rig.told.at(-1), 'answered');
  });

  test('is nothing to a call that did not ask for it, or when it cannot be read', async () => {
    const rig = await ring(1);
    rig.phones[0]?.says(183, 'Session Progress', EARLY);
    assert.deepEqual([rig.told, rig.bench.engine.leg.changes], [['ringing'], []]);
    const other = await ring(1, { early: true });
    for (const body of ['', 'v=0\r\nnonsense', EARLY.replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF')])
      other.phones[0]?.says(183, 'Session Progress', body);
    assert.deepEqual([other.told, other.bench.engine.leg.changes], [['ringing'], []]);
    await settle();
  });
});
