import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { type Resolve, type SourcePolicy, sourcePolicy, systemResolve } from '../../../../media/clip/index.ts';
import { systemClock } from '../../../../media/index.ts';
import { type DeliveryOutcome, deliver } from '../../../../server/callbacks/delivery.ts';
import { signaturesV3 } from '../../../../server/callbacks/signature.ts';
import { callbackTarget } from '../../../../server/callbacks/target.ts';
import { CallbackReceiver } from '../../../support/callback-receiver.ts';
import { Canary } from '../../../support/clip-server.ts';
import { until } from '../../../support/server.ts';
import { parsePolicy } from '../../../support/source-policy.ts';

const FIELDS = new Map([
  ['EventName', 'PlayStarted'],
  ['MPCName', 'all hands & co ü'],
]);
const TOKEN = 'my_auth_token';

let receiver: CallbackReceiver;
let policy: SourcePolicy;

beforeEach(async () => {
  receiver = await CallbackReceiver.start();
  policy = parsePolicy(receiver.allow);
});
afterEach(() => receiver.close());

function send(
  text: string,
  method: 'GET' | 'POST' = 'POST',
  resolve: Resolve = systemResolve,
  signal = new AbortController().signal,
): Promise<DeliveryOutcome> {
  const url = new URL(text);
  return deliver(
    callbackTarget(url, method),
    FIELDS,
    { policy, resolve, clock: systemClock, authToken: TOKEN, newNonce: () => 'nonce-1' },
    signal,
  );
}

test('a POST carries the fields as a form, signed, and nothing of ours besides', async () => {
  assert.deepEqual(await send(receiver.url('/events?tenant=a%20b#rc=2')), { ok: true });
  const [{ method, path, headers, fields } = assert.fail()] = receiver.received;
  assert.deepEqual([method, path], ['POST', '/events?tenant=a%20b']);
  assert.deepEqual(fields, Object.fromEntries(FIELDS));
  const signature = signaturesV3('POST', new URL(receiver.url('/events?tenant=a%20b')), FIELDS, 'nonce-1', TOKEN);
  assert.equal(headers['x-plivo-signature-v3'], signature);
  assert.equal(headers['x-plivo-signature-ma-v3'], signature);
  assert.equal(headers['x-plivo-signature-v3-nonce'], 'nonce-1');
  assert.deepEqual(Object.keys(headers).sort(), [
    'accept',
    'connection',
    'content-length',
    'content-type',
    'host',
    'user-agent',
    'x-plivo-signature-ma-v3',
    'x-plivo-signature-v3',
    'x-plivo-signature-v3-nonce',
  ]);
  assert.equal(headers['content-type'], 'application/x-www-form-urlencoded');
});

test('a GET carries them behind the query of the URL', async () => {
  await send(receiver.url('/events?tenant=7'), 'GET');
  await send(receiver.url('/events'), 'GET');
  const [first, second] = receiver.received;
  assert.deepEqual(first?.fields, { tenant: '7', ...Object.fromEntries(FIELDS) });
  assert.deepEqual([first?.method, second?.fields], ['GET', Object.fromEntries(FIELDS)]);
  assert.equal(first?.headers['content-type'], undefined);
});

for (const [status, trouble] of [
  [204, undefined],
  [500, '5xx'],
  [503, '5xx'],
  [429, '5xx'],
  [408, '5xx'],
  [404, '4xx'],
  [304, undefined],
] as const)
  test(`an answer of ${status} is ${status < 300 ? 'a delivery' : `trouble of the kind ${trouble}`}`, async () => {
    receiver.answer = (_received, response) => response.writeHead(status).end();
    const outcome = await send(receiver.url('/'));
    if (status < 300) assert.deepEqual(outcome, { ok: true });
    else
      assert.deepEqual(outcome, {
        ok: false,
        reason: 'http_status',
        detail: `the receiver answered ${status}`,
        trouble,
      });
  });

test('a redirect is not followed', async () => {
  const canary = await Canary.start();
  receiver.answer = (_received, response) =>
    response.writeHead(307, { location: `http://127.0.0.1:${canary.port}/` }).end();
  const outcome = await send(receiver.url('/'));
  assert.equal(outcome.ok, false);
  assert.equal(outcome.ok || outcome.trouble, undefined, 'and not tried again');
  assert.deepEqual([receiver.received.length, canary.connections], [1, 0]);
  await canary.close();
});

test('an address that is not public is never connected to, whatever name it has', async () => {
  const canary = await Canary.start();
  const direct = await send(`http://127.0.0.1:${canary.port}/`);
  const named = await send(`http://events.example:${canary.port}/`, 'POST', async () => ['127.0.0.1']);
  for (const outcome of [direct, named]) {
    assert.equal(outcome.ok, false);
    assert.equal(outcome.ok || outcome.reason, 'refused_address');
    assert.equal(outcome.ok || outcome.trouble, undefined);
  }
  assert.equal(canary.connections, 0);
  await canary.close();
});

test('a receiver that nobody is behind is trouble with the connection', async () => {
  const url = receiver.url('/');
  await receiver.close();
  const outcome = await send(url);
  assert.deepEqual(outcome.ok || [outcome.reason, outcome.trouble], ['unreachable', 'ct']);
  receiver = await CallbackReceiver.start();
});

test('a name that does not resolve is trouble with the connection', async () => {
  const unknown: Resolve = async () => {
    throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
  };
  const outcome = await send(`http://nobody.example:${receiver.port}/`, 'POST', unknown);
  assert.deepEqual(outcome.ok || [outcome.reason, outcome.trouble], ['unreachable', 'ct']);
});

test('a receiver that does not answer is given up in time, and its connection closed', async () => {
  receiver.answer = () => {};
  const before = performance.now();
  const outcome = await send(receiver.url('/#rt=150'));
  assert.deepEqual(outcome.ok || [outcome.reason, outcome.trouble], ['timeout', 'rt']);
  assert.ok(performance.now() - before < 3000);
  await until('its connection is closed', () => receiver.connections === 0);
});

test('a name that takes for ever to resolve is given up in time', async () => {
  const outcome = await send(`http://slow.example:${receiver.port}/#ct=100`, 'POST', () => new Promise(() => {}));
  assert.deepEqual(outcome.ok || [outcome.reason, outcome.trouble], ['timeout', 'ct']);
});

test('an answer that drips for ever counts once its status is there', async () => {
  receiver.answer = (_received, response) => {
    response.writeHead(200);
    response.write('x');
  };
  assert.deepEqual(await send(receiver.url('/#tt=300')), { ok: true });
  await until('its connection is closed', () => receiver.connections === 0);
});

test('an answer of any size is a delivery, and is not read to its end', async () => {
  receiver.answer = (_received, response) => {
    response.writeHead(200);
    const more = Buffer.alloc(65_536);
    const push = (): void => {
      while (!response.destroyed && response.write(more));
    };
    response.on('drain', push);
    push();
  };
  assert.deepEqual(await send(receiver.url('/')), { ok: true });
  await until('its connection is closed', () => receiver.connections === 0);
});

test('the end of the server ends an attempt at once', async () => {
  receiver.answer = () => {};
  const controller = new AbortController();
  const outcome = send(receiver.url('/'), 'POST', systemResolve, controller.signal);
  await until('it is asked', () => receiver.received.length === 1);
  controller.abort();
  assert.deepEqual((await outcome).ok || ((await outcome) as { reason: string }).reason, 'shutdown');
  const after = await send(receiver.url('/'), 'POST', systemResolve, controller.signal);
  assert.equal(after.ok, false);
  assert.equal(receiver.received.length, 1);
});

test('the policy without exceptions refuses every loopback receiver', async () => {
  const url = new URL(receiver.url('/'));
  const outcome = await deliver(
    callbackTarget(url, 'POST'),
    FIELDS,
    { policy: sourcePolicy(), resolve: systemResolve, clock: systemClock, authToken: TOKEN, newNonce: () => 'n' },
    new AbortController().signal,
  );
  assert.equal(outcome.ok || outcome.reason, 'refused_address');
  assert.equal(receiver.received.length, 0);
});
