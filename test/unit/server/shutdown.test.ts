import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { Calls } from '../../../server/calls/index.ts';
import { createLog } from '../../../server/log.ts';
import { Directory, plainTerms } from '../../../server/mpc/index.ts';
import { Shutdown } from '../../../server/shutdown.ts';
import { EngineDouble } from '../../support/engine-double.ts';
import { HandClock } from '../../support/hand-clock.ts';

const DRAIN_MS = 300_000;

async function serving(options: { close?: () => Promise<void> } = {}) {
  const clock = new HandClock();
  const engine = new EngineDouble();
  const directory = new Directory({
    engine,
    limits: { maxMembers: 10, maxMembersPerMpc: 10 },
    sound: () => ({ sampleRate: 8000, floor: { maxTalkers: 0, noiseGate: false } }),
    now: () => new Date(0),
    newUuid: randomUUID,
  });
  const events: string[] = [];
  const calls = new Calls({
    engine,
    directory,
    roomSound: { sampleRate: 8000, floor: { maxTalkers: 0, noiseGate: false } },
    maxCalls: 10,
    now: () => new Date(0),
    newUuid: randomUUID,
  });
  const ring = () =>
    calls.ring({
      kind: 'sip',
      direction: 'inbound',
      from: '',
      to: '',
      hangUp: (cause) => events.push(`hang up: ${cause}`),
    });
  const rung = ring();
  assert.ok(rung.ok, 'there is room for a call');
  const { call } = rung;
  const joined = await calls.openInMpc(call, 'standup', plainTerms('customer'), (conference, onEvent) =>
    engine.openRtpLeg(conference, {}, onEvent),
  );
  assert.ok(joined.ok, 'and for a member');
  const shutdown = new Shutdown({
    calls,
    drainMs: DRAIN_MS,
    clock,
    log: createLog({ level: 'silent', pretty: false }),
    close:
      options.close ??
      (async () => {
        events.push('close');
      }),
    exit: (code) => events.push(`exit ${code}`),
  });
  return { clock, calls, call, shutdown, events, ring };
}

/** Lets promises that are already decided run on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('running calls may finish, new ones are refused, and the last one out ends the process', async () => {
  const { clock, shutdown, calls, call, events, ring } = await serving();
  shutdown.request('SIGTERM');
  assert.deepEqual(ring(), { ok: false, reason: 'draining' });
  clock.advance(DRAIN_MS - 1);
  await settle();
  assert.deepEqual(events, [], 'it waits');
  calls.end(call, 'hangup', false);
  await settle();
  assert.deepEqual(events, ['close', 'exit 0']);
});

test('after the drain time everybody left is hung up', async () => {
  const { clock, shutdown, events } = await serving();
  shutdown.request('SIGTERM');
  clock.advance(DRAIN_MS);
  await settle();
  assert.deepEqual(events, ['hang up: shutdown', 'close', 'exit 0']);
});

test('a second signal ends the waiting at once', async () => {
  const { shutdown, events } = await serving();
  shutdown.request('SIGTERM');
  shutdown.request('SIGINT');
  await settle();
  assert.deepEqual(events, ['hang up: shutdown', 'close', 'exit 0']);
  shutdown.request('SIGINT');
  await settle();
  assert.equal(events.length, 3, 'it ends once');
});

test('without calls it ends at once', async () => {
  const { shutdown, calls, call, events } = await serving();
  calls.end(call, 'hangup', false);
  shutdown.request('SIGTERM');
  await settle();
  assert.deepEqual(events, ['close', 'exit 0']);
});

test('closing that fails or hangs ends with 1', async () => {
  const failing = await serving({ close: () => Promise.reject(new Error('stuck')) });
  failing.shutdown.request('a');
  failing.shutdown.request('b');
  await settle();
  assert.equal(failing.events.at(-1), 'exit 1');

  const hanging = await serving({ close: () => new Promise(() => {}) });
  hanging.shutdown.request('a');
  hanging.shutdown.request('b');
  await settle();
  hanging.clock.advance(5000);
  await settle();
  assert.equal(hanging.events.at(-1), 'exit 1');
});
