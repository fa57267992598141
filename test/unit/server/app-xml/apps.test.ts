import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Apps } from '../../../../server/app-xml/index.ts';
import { AppUnderTest } from '../../../support/app.ts';
import { termsOf } from '../../../support/terms.ts';

const EXIT = 'https://app.example.com/exit';
const TERMS = termsOf({ on_exit_action_url: EXIT, stay_alone: true });

interface Asked {
  readonly how: 'told' | 'asked';
  readonly url: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** An app's calls in an MPC, and what the app hears of them. */
async function members(count: number) {
  const app = new AppUnderTest();
  const asked: Asked[] = [];
  new Apps({
    calls: app.calls,
    engine: app.engine,
    speaker: app.speaker,
    xml: {
      exchange: async ({ url }, fields) => {
        asked.push({ how: 'asked', url: url.href, fields });
        return {
          ok: true,
          status: 200,
          contentType: 'application/xml',
          body: Buffer.from('<Response><Hangup/></Response>'),
          cut: false,
        };
      },
      rules: { checkUrl: () => ({ ok: true }), maxUrlLength: 200 },
    },
    answer: undefined,
    hangup: undefined,
    fallback: undefined,
    clock: app.clock,
    newUuid: crypto.randomUUID,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    tell: (_call, { url }, fields) => asked.push({ how: 'told', url: url.href, fields }),
  });
  const calls = [];
  for (let index = 0; index < count; index++) {
    const rung = app.calls.ring({ kind: 'sip', direction: 'inbound', from: 'ana', to: 'us', hangUp: () => {} });
    assert.ok(rung.ok, 'there is room for a call');
    await app.calls.openInMpc(rung.call, 'board', TERMS, (id, onEvent) => app.engine.openRtpLeg(id, {}, onEvent));
    app.calls.answered(rung.call);
    calls.push(rung.call);
  }
  return { app, asked, calls };
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('the exit action of a member who hangs up is told of it, once', async () => {
  const { app, asked, calls } = await members(2);
  app.calls.end(calls[0]!, 'hangup', false);
  await settle();
  assert.deepEqual(
    asked.map(({ how, url }) => [how, url]),
    [['told', EXIT]],
  );
  const { fields } = asked[0]!;
  assert.deepEqual(
    ['Event', 'CallStatus', 'MPCFriendlyName', 'MemberID', 'ExitCause'].map((name) => fields.get(name)),
    ['ExitMPC', 'completed', 'board', '1', 'hangup'],
  );
  assert.equal(fields.get('ParticipantCallUUID'), calls[0]?.uuid);
  await app.close();
});

test('the exit action of a member who is kicked is asked how to go on, and not told of the end that follows', async () => {
  const { app, asked, calls } = await members(2);
  const { place } = calls[0]!;
  assert.ok(place.in === 'mpc', 'she is a member');
  app.directory.leave(place.mpc, place.member, 'kicked', true);
  await settle();
  assert.equal(calls[0]?.status, 'ended', 'its XML hung up');
  assert.deepEqual(
    asked.map(({ how, fields }) => [how, fields.get('ExitCause')]),
    [['asked', 'kicked']],
  );
  await app.close();
});
