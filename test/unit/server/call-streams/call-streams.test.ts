import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dialled } from '../../../../server/call-streams/dial.ts';
import { CallStreams, type CallStreamTerms, type StreamedCall } from '../../../../server/call-streams/index.ts';
import { EngineDouble } from '../../../support/engine-double.ts';
import { HandClock } from '../../../support/hand-clock.ts';

const TERMS: CallStreamTerms = {
  serviceUrl: new URL('wss://bot.example.com/'),
  bidirectional: true,
  tracks: ['inbound'],
  format: { encoding: 'L16', sampleRate: 8000 },
  timeoutMs: 1000,
  extraHeaders: {},
  protocol: 'plivo',
  callback: undefined,
};

/** Streams to an application that never answers, until it is told to. */
async function rig() {
  const engine = new EngineDouble();
  engine.openConference({ id: 'c' });
  const leg = await engine.openRtpLeg('c', {}, () => {});
  const call: StreamedCall = { uuid: 'call', leg, from: 'a', to: 'b', direction: 'inbound' };
  const aborted: string[] = [];
  let uuids = 0;
  const streams = new CallStreams({
    engine,
    dial: (_url, signal) =>
      new Promise<Dialled>((resolve) => {
        signal.addEventListener('abort', () => {
          aborted.push('aborted');
          resolve({ ok: false, reason: 'cancelled', detail: 'the stream was stopped' });
        });
      }),
    callbacks: { add: () => {} },
    clock: new HandClock(),
    accountId: 'MA',
    now: () => new Date(0),
    newUuid: () => `stream-${++uuids}`,
    log: { info: () => {}, error: () => {} },
    limits: { maxSockets: 7 },
  });
  return { streams, call, aborted, engine };
}

test('a call has five streams at most, and a node as many as it has WebSockets', async () => {
  const { streams, call } = await rig();
  const results = Array.from({ length: 6 }, () => streams.start(call, TERMS));
  assert.deepEqual(
    results.map((result) => (result.ok ? 'ok' : result.reason)),
    ['ok', 'ok', 'ok', 'ok', 'ok', 'call_full'],
  );
  const other = { ...call, uuid: 'other' };
  assert.deepEqual(
    Array.from({ length: 3 }, () => streams.start(other, TERMS)).map((result) => (result.ok ? 'ok' : result.reason)),
    ['ok', 'ok', 'node_full'],
  );
  assert.equal(streams.stats().open, 7);
  await streams.close();
  assert.deepEqual(streams.stats(), {
    open: 0,
    ended: { stopped: 7, failed: 0 },
    dropped: { slow_reader: 0, playback_full: 0 },
  });
});

test('a stream that is stopped while the application is dialled dials no longer, and never opened a leg', async () => {
  const { streams, call, aborted, engine } = await rig();
  const started = streams.start(call, TERMS);
  assert.ok(started.ok, 'it was started');
  streams.stopAll('call', 'hangup');
  await started.stream.closed;
  assert.deepEqual([started.stream.end, started.stream.status, aborted.length], ['hangup', 'stopped', 1]);
  assert.equal(engine.legs.length, 1, "the call's own leg alone");
  assert.equal(streams.find('call', started.stream.id), started.stream, 'it stays readable');
  assert.equal(streams.find('other', started.stream.id), undefined);
});
