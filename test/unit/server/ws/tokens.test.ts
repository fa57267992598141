import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamTokens } from '../../../../server/ws/tokens.ts';
import { termsOf } from '../../../support/terms.ts';
import { StillClock } from './doubles.ts';

const DEMO = { by: 'name', name: 'demo' } as const;

test('a token opens its MPC once', () => {
  const tokens = new StreamTokens(new StillClock());
  const token = tokens.issue(DEMO) ?? '';
  assert.match(token, /^[A-Za-z0-9_-]{43}$/);
  assert.ok(tokens.redeem(token, DEMO), 'it is good');
  assert.equal(tokens.redeem(token, DEMO), undefined);
});

test('a token shown at another MPC is refused and spent', () => {
  const tokens = new StreamTokens(new StillClock());
  const token = tokens.issue(DEMO) ?? '';
  assert.equal(tokens.redeem(token, { by: 'name', name: 'other' }), undefined);
  assert.equal(tokens.redeem(token, DEMO), undefined);
});

test('a name that looks like a UUID is not that UUID', () => {
  const tokens = new StreamTokens(new StillClock());
  const uuid = '6d7f2b6e-6f5e-4f1f-8d0c-4d5a0c7a0001';
  assert.equal(tokens.redeem(tokens.issue({ by: 'uuid', uuid }) ?? '', { by: 'name', name: uuid }), undefined);
  assert.ok(tokens.redeem(tokens.issue({ by: 'uuid', uuid }) ?? '', { by: 'uuid', uuid }), 'it is good');
});

test('a token lives 60 seconds', () => {
  const clock = new StillClock();
  const tokens = new StreamTokens(clock);
  const early = tokens.issue(DEMO) ?? '';
  const late = tokens.issue(DEMO) ?? '';
  clock.pass(59_999);
  assert.ok(tokens.redeem(early, DEMO), 'it is good');
  clock.pass(1);
  assert.equal(tokens.redeem(late, DEMO), undefined);
});

test('what is not used is forgotten in time, and what waits is bounded', () => {
  const clock = new StillClock();
  const tokens = new StreamTokens(clock, undefined, 3);
  for (let i = 0; i < 3; i++) assert.ok(tokens.issue(DEMO));
  assert.equal(tokens.issue(DEMO), undefined);
  clock.pass(60_000);
  assert.equal(tokens.outstanding, 0);
  assert.ok(tokens.issue(DEMO));
});

test('nothing opens without a token that was issued', () => {
  const tokens = new StreamTokens(new StillClock());
  for (const guess of ['', '__proto__', 'A'.repeat(43)]) assert.equal(tokens.redeem(guess, DEMO), undefined);
});

test('a token knows the terms it was issued with', () => {
  const tokens = new StreamTokens(new StillClock());
  const terms = termsOf({ role: 'agent', start_mpc_on_enter: false });
  assert.equal(tokens.redeem(tokens.issue(DEMO, terms) ?? '', DEMO)?.terms, terms);
  assert.equal(tokens.redeem(tokens.issue(DEMO) ?? '', DEMO)?.terms, undefined);
});
