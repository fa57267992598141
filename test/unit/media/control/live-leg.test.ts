import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LegHost, LiveRtpLeg, silentLegs } from '../../../../media/control/live-leg.ts';
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
