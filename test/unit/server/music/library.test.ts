import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CallbackTarget, callbackTarget, type Exchange } from '../../../../server/callbacks/index.ts';
import { Library } from '../../../../server/music/index.ts';
import { AppUnderTest } from '../../../support/app.ts';

const SOURCE = callbackTarget(new URL('https://app.example.com/wait?secret=1'), 'POST');

async function ask(answer: Exchange | { status?: number; body: string; cut?: boolean }) {
  const exchange: Exchange =
    'ok' in answer
      ? answer
      : { ok: true, status: 200, contentType: '', cut: false, ...answer, body: Buffer.from(answer.body) };
  const asked: { source: CallbackTarget; fields: Record<string, string> }[] = [];
  const troubles: string[] = [];
  const library = new Library({
    ask: async (source, fields) => {
      asked.push({ source, fields: Object.fromEntries(fields) });
      return exchange;
    },
    rules: { checkUrl: () => ({ ok: true }), maxUrlLength: 99, say: () => undefined },
    onTrouble: (url, detail) => troubles.push(`${url} ${detail}`),
  });
  const { mpc, member } = await new AppUnderTest().join('standup', 'agent');
  return { score: await library.score(SOURCE, mpc, member), asked, troubles };
}

test('XML says what to play, to this very member', async () => {
  const { score, asked } = await ask({ body: '\uFEFF<Response><Play>https://a</Play></Response>' });
  assert.deepEqual(score, ['https://a/']);
  assert.equal(asked[0]?.source, SOURCE);
  const { MPCUUID, ParticipantCallUUID, ...rest } = asked[0]?.fields ?? {};
  assert.deepEqual(rest, { MPCName: 'standup', MemberID: '1', ParticipantRole: 'agent' });
  assert.match(`${MPCUUID} ${ParticipantCallUUID}`, /^[0-9a-f-]{36} [0-9a-f-]{36}$/);
});

test('whatever else comes is audio at that place, also behind a redirect', async () => {
  assert.deepEqual((await ask({ body: 'RIFF....WAVE' })).score, [SOURCE.url.href]);
  assert.deepEqual((await ask({ body: 'ID3', cut: true })).score, [SOURCE.url.href]);
  assert.deepEqual((await ask({ status: 302, body: '<html/>' })).score, [SOURCE.url.href]);
});

test('a source that fails is silence, and said without its secrets', async () => {
  const failed = { ok: false, reason: 'timeout', detail: 'no answer within 5 ms', trouble: 'rt' } as const;
  for (const [answer, detail] of [
    [failed, 'no answer within 5 ms'],
    [{ status: 404, body: '<Response/>' }, 'it answered 404'],
    [{ body: '<Respons/>' }, 'the root element must be Response, not Respons'],
    [
      { body: '<Response><Play>https://a</Play></Response>', cut: true },
      'the XML breaks off, or has more than 65536 bytes',
    ],
    [{ body: '<Response><Hangup/></Response>' }, 'the XML has nothing that can be played'],
  ] as const) {
    const { score, troubles } = await ask(answer);
    assert.deepEqual(score, []);
    assert.deepEqual(troubles, [`https://app.example.com/wait?… ${detail}`]);
  }
});
