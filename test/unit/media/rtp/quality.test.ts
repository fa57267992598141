import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateQuality } from '../../../../media/rtp/quality.ts';

test('a perfect G.711 call has the known score of 4.4', () => {
  const { rating, mos } = estimateQuality({ codec: 'PCMU', lossShare: 0, delayMs: 0 });
  assert.equal(rating, 93.2);
  assert.ok(Math.abs(mos - 4.41) < 0.005, `${mos}`);
});

test('loss and delay cost what the tables say', () => {
  // ITU-T G.113 table I.3: G.711 with concealment, 5 % random loss: Ie,eff = 95 * 5 / (5 + 25.1).
  const lossy = estimateQuality({ codec: 'PCMA', lossShare: 0.05, delayMs: 0 });
  assert.ok(Math.abs(93.2 - lossy.rating - 15.78) < 0.01, `${lossy.rating}`);
  const slow = estimateQuality({ codec: 'PCMA', lossShare: 0, delayMs: 300 });
  assert.ok(Math.abs(93.2 - slow.rating - (7.2 + 13.497)) < 0.01, `${slow.rating}`);
});

test('more loss, longer delay and bursts never sound better', () => {
  let before = 5;
  for (let percent = 0; percent <= 100; percent += 5) {
    const { mos } = estimateQuality({ codec: 'opus', lossShare: percent / 100, delayMs: 100 });
    assert.ok(mos <= before && mos >= 1, `${percent} %: ${mos}`);
    before = mos;
  }
  before = 5;
  for (let delayMs = 0; delayMs <= 2000; delayMs += 50) {
    const { mos } = estimateQuality({ codec: 'G722', lossShare: 0.01, delayMs });
    assert.ok(mos <= before && mos >= 1, `${delayMs} ms: ${mos}`);
    before = mos;
  }
  const even = estimateQuality({ codec: 'L16', lossShare: 0.05, delayMs: 50 });
  const bunched = estimateQuality({ codec: 'L16', lossShare: 0.05, delayMs: 50, burstRatio: 3 });
  assert.ok(bunched.mos < even.mos, `${bunched.mos} and ${even.mos}`);
});

test('numbers out of range are taken as the nearest that make sense', () => {
  assert.equal(estimateQuality({ codec: 'PCMU', lossShare: -1, delayMs: -50, burstRatio: 0 }).rating, 93.2);
  assert.equal(estimateQuality({ codec: 'PCMU', lossShare: 7, delayMs: 9999 }).mos, 1);
});
