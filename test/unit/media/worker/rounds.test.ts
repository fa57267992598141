import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conference } from '../../../../media/conference/conference.ts';
import type { PacketSocket } from '../../../../media/io/packet-io.ts';
import { type Round, roundsOf } from '../../../../media/worker/rounds.ts';
import { FakeLeg } from '../../../support/fake-leg.ts';

const SILENT_REPORTS = { started: () => {}, ended: () => {}, settled: () => {}, talking: () => {} };

class ReachedLeg extends FakeLeg {
  override readonly socket: PacketSocket;

  constructor(port: number) {
    super();
    this.socket = { port, send: () => {}, close: () => {} };
  }
}

/** Conferences of so many members each, whose ports count from 1. */
function conferences(...sizes: readonly number[]): Conference[] {
  let ports = 0;
  return sizes.map((size, i) => {
    const conference = new Conference(`room-${i}`, 8000, 160, SILENT_REPORTS, { maxTalkers: 0, noiseGate: false });
    for (let member = 0; member < size; member++) {
      ports += 1;
      conference.add(ports, new ReachedLeg(ports), {});
    }
    return conference;
  });
}

const shapeOf = (round: Round): string =>
  round.steps.map(({ conference, from, to }) => `${conference.id} ${from}-${to}`).join(', ');

test('small conferences share a round until it is full', () => {
  const rounds = roundsOf(conferences(30, 30, 30, 30));
  assert.deepEqual(rounds.map(shapeOf), ['room-0 0-30, room-1 0-30', 'room-2 0-30, room-3 0-30']);
});

test('a large conference takes several rounds and shares only its last', () => {
  const rounds = roundsOf(conferences(2, 150, 3));
  assert.deepEqual(rounds.map(shapeOf), ['room-0 0-2', 'room-1 0-64', 'room-1 64-128', 'room-1 128-150, room-2 0-3']);
});

test('an empty conference has its turn: somebody may wait in it for a play', () => {
  assert.deepEqual(roundsOf(conferences(0, 1)).map(shapeOf), ['room-0 0-0, room-1 0-1']);
});

test('every socket is received from once, in the round of its member', () => {
  const rounds = roundsOf(conferences(4, 200, 0, 63, 2));
  assert.deepEqual(
    rounds.flatMap(({ sockets }) => sockets.map(({ port }) => port)),
    Array.from({ length: 269 }, (_, i) => i + 1),
  );
  for (const { sockets, steps } of rounds)
    assert.equal(
      sockets.length,
      steps.reduce((sum, { from, to }) => sum + to - from, 0),
    );
});
