import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../soak/ledger.ts';
import { type Outcome, rowsOf, tableOf } from '../../soak/verdict.ts';
import { slopeOf, type Vitals } from '../../soak/vitals.ts';

const COUNTS = { calls: 10, refused: 0, kicked: 0, ended: 0, recordings: 0, failures: 0 };

function told(fields: Record<string, string>) {
  return { method: 'POST', path: '/', headers: {}, fields, at: 0 };
}

function play(ledger: Ledger, id: string, ends: number, from = 1): void {
  ledger.playAccepted(id);
  for (let i = 0; i < ends; i++)
    ledger.take(told({ PlayID: id, EventName: 'PlayEnded', MemberID: `${i}`, SequenceNumber: `${from + i}` }));
  const SequenceNumber = `${from + ends}`;
  ledger.take(told({ PlayID: id, EventName: 'PlayFinished', SequenceNumber, Targets: '2' }));
}

test('a play is lost without an end, and with too few or too many of them', () => {
  const ledger = new Ledger();
  play(ledger, 'whole', 2);
  assert.deepEqual(ledger.judge().lost, []);
  play(ledger, 'short', 1);
  ledger.playAccepted('never');
  assert.equal(ledger.open, 1);
  assert.deepEqual(
    ledger.judge().lost.map((line) => line.split(' ')[0]),
    ['short', 'never'],
  );
});

test('an event that never came and one that came twice are found', () => {
  const ledger = new Ledger();
  play(ledger, 'late', 2, 2);
  const again = told({ MPCUUID: 'm', EventName: 'MPCStart', SequenceNumber: '1' });
  ledger.take(again);
  ledger.take(again);
  ledger.recordingAccepted('r');
  const { missing, doubled } = ledger.judge();
  assert.deepEqual(missing, ['recording r: all', 'play late: number 1', 'mpc m: its last']);
  assert.deepEqual(doubled, ['mpc m: MPCStart 1']);
});

const vitals = (at: number, rssMb: number, descriptors: number): Vitals => {
  const metrics = new Map([['partyline_plays_total', 1]]);
  return { at, rssMb, descriptors, sockets: 1, children: 0, metrics };
};

function outcome(changes: Partial<Outcome>): Outcome {
  const ledger = new Ledger();
  play(ledger, 'one', 2);
  const [idle, end] = [vitals(0, 100, 10), vitals(7200, 100, 10)];
  const course = [0, 1800, 3600, 5400, 7200].map((at) => vitals(at, 100, 20));
  return {
    ...{ minutes: 120, course, idle, end, exit: 0, stalledMs: 0, stumbles: 0 },
    ...{ judgement: ledger.judge(), counts: COUNTS },
    ...changes,
  };
}

const broken = (changes: Partial<Outcome>): string[] =>
  rowsOf(outcome(changes)).flatMap(({ what, ok }) => (ok === false ? [what] : []));

test('a quiet run passes; what grows, dies or is skipped does not', () => {
  assert.deepEqual(broken({}), []);
  const growing = [0, 1800, 3600, 5400, 7200].map((at) => vitals(at, 100 + at / 600, 20));
  assert.deepEqual(broken({ course: growing }), ['memory, second half']);
  assert.deepEqual(broken({ course: growing, minutes: 10 }), [], 'ten minutes say nothing of a slope');
  assert.deepEqual(broken({ end: vitals(7200, 100, 19) }), ['descriptors']);
  assert.deepEqual(broken({ exit: 1 }), ['exit code']);
  assert.deepEqual(broken({ counts: { ...COUNTS, failures: 5 } }), ['unexpected answers']);
  const end = vitals(7200, 100, 10);
  (end.metrics as Map<string, number>).set('partyline_ticks_skipped_total', 3);
  assert.deepEqual(broken({ end }), ['ticks skipped']);
  assert.deepEqual(broken({ end, stalledMs: 60 }), [], 'the machine itself stood still');
  assert.match(tableOf(rowsOf(outcome({ end }))), /\| ticks skipped \|.*\*\*NO\*\* \|$/m);
});

test('a slope is that of the straight line nearest to all points', () => {
  assert.equal(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
  assert.equal(slopeOf([[0, 1]]), 0);
});
