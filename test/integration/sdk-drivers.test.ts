import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { type CallbackCheck, DRIVERS, drive, missing, type Outcome } from '../sdk/drivers.ts';
import { CALLEE, MPC_NAME, type Operation } from '../sdk/operations.ts';
import { Tap } from '../sdk/tap.ts';
import { type SdkName, type WireRequest, wireBytes, wireRequests } from '../sdk/wire.ts';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { lacking } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { WsClient } from '../support/ws-client.ts';

/*
 * Plivo's SDKs for other languages cannot be had here, but the HTTP libraries that they use can. For each a program of ours asks
 * for everything as the SDK's source does, and reads as it reads. What it sends must be the bytes that are replayed elsewhere.
 */

let server: TestServer;
let receiver: CallbackReceiver;

before(async () => {
  receiver = await CallbackReceiver.start();
  server = await startServer({ FETCH_ALLOW: receiver.allow, SIP_DIAL_ALLOW: CALLEE.slice('sip:bob@'.length) });
});
after(async () => {
  await receiver.close();
  assert.equal(await server.stop(), 0);
});

for (const name of Object.keys(DRIVERS) as SdkName[])
  test(`${name}: asks for everything and reads the answers as its SDK does`, async (t) => {
    const driver = DRIVERS[name];
    if (!driver) return assert.fail('a driver that is not there');
    const lack = await missing(driver);
    if (lack !== undefined) return driver.required ? void lacking(t, lack) : t.skip(lack);

    const { wsUrl, authId, authToken } = server;
    const members = [
      await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${MPC_NAME}`, role: 'agent' }),
      await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${MPC_NAME}` }),
    ];
    const callbacks = await signed();
    const tap = await Tap.before(server.httpUrl);
    t.after(() => tap.close());
    const wire = wireRequests(name);
    const outcome = await drive(driver, {
      ...{ base: `http://${tap.host}`, authId, authToken },
      calls: wire.map(({ does, method, path, params, body }) => ({
        ...{ does, method, params, wire: { path, body } },
        path: (path.split('?')[0] ?? '').split('/').filter(Boolean).map(decodeURIComponent),
      })),
      callbacks,
    });
    t.diagnostic(outcome.library);

    // The first to be wrong says most.
    for (const [i, request] of wire.entries()) {
      const sent = tap.requests[i] ?? '';
      const bytes = wireBytes(request, { host: tap.host, authId, authToken });
      assert.deepEqual(comparable(sent), comparable(bytes), `${name} ${request.does}: sent, and what is replayed`);
      assert.equal(
        outcome.answers[i]?.status,
        request.status,
        `${name} ${request.does}: ${JSON.stringify(outcome.answers[i])}`,
      );
    }
    assert.equal(tap.requests.length, wire.length, 'nothing was asked twice');
    understood(name, wire, outcome);
    if (name !== 'java') assert.deepEqual(outcome.valid, believed(callbacks), JSON.stringify(callbacks));
    await Promise.all(members.map((member) => member.closed));
  });

test('node: the validator of its SDK believes the same callbacks', async () => {
  const { validateV3Signature } = createRequire(import.meta.url)('plivo') as {
    readonly validateV3Signature: (...parts: readonly unknown[]) => boolean;
  };
  const callbacks = await signed();
  const verdicts = callbacks.map(({ method, uri, nonce, token, signature, params }) =>
    validateV3Signature(method, uri, nonce, token, signature, { ...params }),
  );
  assert.deepEqual(verdicts, believed(callbacks));
});

/** All but the last, which is forged. */
function believed(callbacks: readonly CallbackCheck[]): readonly boolean[] {
  return callbacks.map((_callback, i) => i < callbacks.length - 1);
}

/** A request line, the header lines in no order and without the versions of languages and of add-ons, and the body. */
function comparable(request: string): readonly string[] {
  const [head = '', ...body] = request.split('\r\n\r\n');
  const [line = '', ...headers] = head.split('\r\n');
  const plain = headers.map((header) =>
    header
      .replace(/\((Python: |Go: |PHP |Ruby )[^)]+\)$/, '($13)')
      .replace(/^Accept-Encoding: gzip, deflate(, br|, zstd)+$/, 'Accept-Encoding: gzip, deflate'),
  );
  return [line, ...plain.sort(), body.join('\r\n\r\n')];
}

/** What the SDK hands to who called it. */
function understood(name: SdkName, wire: readonly WireRequest[], { answers }: Outcome): void {
  const valueFor = (does: Operation): Readonly<Record<string, unknown>> =>
    answers[wire.findIndex((request) => request.does === does)]?.value ?? {};
  const answerTo = (does: Operation) => answers[wire.findIndex((request) => request.does === does)];
  const played = valueFor('start play');
  assert.deepEqual(
    [played.message, played.mpcMemberId, played.mpcName],
    ['play queued into MPC', ['1', '2'], MPC_NAME],
  );
  assert.equal(valueFor('get').friendly_name, MPC_NAME);
  const [mpc] = valueFor('list').objects as Readonly<Record<string, unknown>>[];
  assert.equal(mpc?.friendly_name, MPC_NAME);
  const listed = valueFor('list participants').objects as Readonly<Record<string, unknown>>[];
  assert.deepEqual(
    listed.map((one) => one.member_id),
    ['1', '2'],
  );
  assert.equal(valueFor('get participant').role, 'agent');
  assert.match(String(valueFor('start recording').recording_id), /^[0-9a-f-]{36}$/);
  assert.equal(valueFor('add participant').message, 'add participant action initiated');
  const refused = [answerTo('get nobody'), answerTo('play nothing')];
  const said = {
    python: ['ResourceNotFoundError not found', 'ValidationError'],
    ruby: ['ResourceNotFoundError not found', 'ValidationError'],
    go: ['error {"api_id":"', 'error {"api_id":"'],
    // These two throw nothing.
    php: ['not found', 'a field or parameter is wrong: url must be given'],
    java: ['not found', 'a field or parameter is wrong: url must be given'],
    '.NET': [],
  }[name];
  for (const [i, expected] of said.entries()) {
    const { error = '', message, value } = refused[i] ?? { status: 0 };
    const text = message === undefined ? String(value?.error) : `${error} ${message}`;
    assert.ok(text.startsWith(expected), `${name} says: ${text}`);
  }
}

/** Callbacks of plays, by POST to a URL with a query and by GET, from an MPC whose name is not ASCII, as their receiver has them; and one
 * that somebody has changed. */
async function signed(): Promise<readonly CallbackCheck[]> {
  const { wsUrl, authId, authToken } = server;
  const mpc = 'name_Büro';
  const member = await WsClient.join({ wsUrl, authId, authToken, mpc });
  const method = ['POST', 'GET'] as const;
  const from = receiver.received.length;
  for (const callbackMethod of method) {
    const answer = await server.api('POST', `/MultiPartyCall/${encodeURIComponent(mpc)}/Member/1/Play/`, {
      // No sound: both plays fail at once.
      url: receiver.url('/silence.wav'),
      callback_url: receiver.url(callbackMethod === 'POST' ? '/told?room=7&floor=2' : '/told'),
      callback_method: callbackMethod,
    });
    assert.equal(answer.status, 202);
  }
  const all = await until('both plays told that they failed', () => {
    const told = receiver.received.slice(from).filter(({ path }) => path.startsWith('/told'));
    return method.every((one) => told.some((callback) => callback.method === one)) && told;
  });
  await member.leave();
  const genuine = all.map(({ method: how, path, headers, fields }) => ({
    method: how,
    uri: receiver.url(how === 'POST' ? path : '/told'),
    nonce: String(headers['x-plivo-signature-v3-nonce']),
    signature: String(headers['x-plivo-signature-v3']),
    token: server.authToken,
    params: fields,
  }));
  const [first = assert.fail('no callback came')] = genuine;
  return [...genuine, { ...first, params: { ...first.params, MPCName: 'Bureau' } }];
}
