import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LegHost, LiveRtpLeg, silentLegs } from '../../../../media/control/live-leg.ts';
import { newRtpSpec } from '../../../../media/control/rtp-spec.ts';
import type { LegEvent } from '../../../../media/engine.ts';
import { rtpSpec } from '../../../support/rtp-spec.ts';

const HOST: LegHost = { changed: () => {}, sendDigits: () => {}, closed: () => {}, move: async () => {} };
const LIMITS = { noRtpWarnMs: 30_000, noRtpHangupMs: 120_000 };

test('a leg without RTP is warned of once for each silence, counted while it lasts, and then to be hung up', () => {
  const events: LegEvent[] = [];
  const leg = new LiveRtpLeg(1, 'mpc', HOST, (event) => events.push(event), rtpSpec(4000));
  const other = new LiveRtpLeg(2, 'mpc', HOST, () => {}, rtpSpec(4002));
  leg.noteSilence(29_999, LIMITS);
  assert.deepEqual([events.length, silentLegs([leg, other])], [0, 0]);
  for (const silentMs of [30_000, 31_000]) leg.noteSilence(silentMs, LIMITS);
  assert.deepEqual(events, [{ type: 'no-rtp', forMs: 30_000, expired: false }]);
  assert.equal(silentLegs([leg, other]), 1);
  leg.noteSilence(20, LIMITS);
  assert.equal(silentLegs([leg, other]), 0, 'it was heard again');
  for (const silentMs of [30_000, 120_000]) leg.noteSilence(silentMs, LIMITS);
  assert.deepEqual(events.slice(1), [
    { type: 'no-rtp', forMs: 30_000, expired: false },
    { type: 'no-rtp', forMs: 120_000, expired: true },
  ]);
});

test('a leg on hold is not missed', () => {
  const leg = new LiveRtpLeg(1, 'mpc', HOST, () => assert.fail('nothing is to be told'), rtpSpec(4000));
  leg.update({ direction: 'sendonly' });
  leg.noteSilence(200_000, LIMITS);
  assert.equal(silentLegs([leg]), 0);
});

test('a leg keeps the streams of a key that stays, begins those of a new one, and forgets keys that were not agreed again', () => {
  const codec = { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1 } as const;
  const suite = 'AES_CM_128_HMAC_SHA1_80';
  const key = (byte: number): Uint8Array => new Uint8Array(30).fill(byte);
  const leg = new LiveRtpLeg(1, 'mpc', HOST, () => {}, rtpSpec(4000));
  leg.update({ codec, srtp: { suite, send: key(1), receive: key(2) } });
  const first = leg.spec.srtp!;
  leg.update({ muted: true });
  assert.equal(leg.spec.srtp, first, 'what says nothing of it changes nothing');
  leg.update({ codec, srtp: { suite, send: key(1), receive: key(3) } });
  assert.equal(leg.spec.srtp?.send.memory, first.send.memory);
  assert.notEqual(leg.spec.srtp?.receive.memory, first.receive.memory);
  leg.update({ codec });
  assert.equal(leg.spec.srtp, undefined);
});

test('a new stream begins far from where its numbers wrap', () => {
  const codec = { name: 'PCMU', payloadType: 0, clockRate: 8000, channels: 1 } as const;
  const options = { codec, remote: { address: '192.0.2.1', port: 4000 }, direction: 'sendrecv' } as const;
  const sequences = Array.from({ length: 200 }, () => newRtpSpec(options, 20_000).sequence);
  assert.ok(Math.max(...sequences) < 2 ** 15, `${Math.max(...sequences)}`);
  assert.ok(new Set(sequences).size > 150, 'where nobody can guess');
});
