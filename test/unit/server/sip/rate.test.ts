import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Networks, plainAddress } from '../../../../server/networks.ts';
import { RateLimiter } from '../../../../server/sip/rate.ts';
import { HandClock } from '../../../support/hand-clock.ts';

suite('the rate of a source', () => {
  test('lets a second’s worth pass, refuses as much again, and drops the rest', () => {
    const clock = new HandClock();
    const rate = new RateLimiter(50, 100, () => clock.now());
    const verdicts = Array.from({ length: 120 }, () => rate.take('192.0.2.1'));
    const count = (verdict: string) => verdicts.filter((other) => other === verdict).length;
    assert.deepEqual([count('pass'), count('shed'), count('drop')], [50, 50, 20]);
    clock.advance(100);
    assert.deepEqual(
      Array.from({ length: 6 }, () => rate.take('192.0.2.1')),
      ['pass', 'pass', 'pass', 'pass', 'pass', 'shed'],
    );
  });

  test('is its own: other sources pass', () => {
    const rate = new RateLimiter(1, 100, () => 0);
    assert.equal(rate.take('192.0.2.1'), 'pass');
    assert.equal(rate.take('192.0.2.1'), 'shed');
    assert.equal(rate.take('192.0.2.2'), 'pass');
  });

  test('is shared by all addresses of an IPv6 /64', () => {
    const rate = new RateLimiter(1, 100, () => 0);
    assert.equal(rate.take('2001:db8:1:2::1'), 'pass');
    assert.equal(rate.take('2001:db8:1:2:ffff::9'), 'shed');
    assert.equal(rate.take('2001:db8:1:3::1'), 'pass');
  });

  test('is remembered for the sources seen last, and for no more than allowed', () => {
    const rate = new RateLimiter(1, 3, () => 0);
    for (const source of ['a', 'b', 'c', 'a', 'd']) rate.take(source);
    assert.equal(rate.sources, 3);
    assert.equal(rate.take('a'), 'drop', 'used just now, so still known');
    assert.equal(rate.take('b'), 'pass', 'forgotten');
  });
});

suite('networks', () => {
  test('hold the addresses within, also when IPv4 is written as IPv6', () => {
    const networks = new Networks(['127.0.0.0/8', '::1/128', '10.1.2.0/24']);
    for (const inside of ['127.0.0.1', '::ffff:127.0.0.1', '::1', '10.1.2.255', '::ffff:10.1.2.3'])
      assert.equal(networks.has(inside), true, inside);
    for (const outside of ['10.1.3.0', '::2', '128.0.0.1', '', 'localhost', '127.1'])
      assert.equal(networks.has(outside), false, outside);
  });

  test('may be none, which trusts nobody; what is no network is a mistake', () => {
    assert.equal(new Networks([]).has('127.0.0.1'), false);
    assert.throws(() => new Networks(['127.0.0.1']), /CIDR/);
  });

  test('plain addresses have neither mapping nor zone', () => {
    assert.equal(plainAddress('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(plainAddress('fe80::1%eth0'), 'fe80::1');
    assert.equal(plainAddress('192.0.2.1'), '192.0.2.1');
  });
});
