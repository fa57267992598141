import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { readinessOf } from '../../../../server/api/status.ts';
import { AppUnderTest } from '../../../support/app.ts';

let app: AppUnderTest | undefined;
afterEach(() => app?.close());

test('health needs no credentials and follows the process, readiness follows the service', async () => {
  app = await new AppUnderTest().listen();
  assert.deepEqual((await app.raw('GET', '/healthz')).status, 200);
  assert.deepEqual((await app.raw('GET', '/readyz')).body, { status: 'ready' });
  app.readiness = { ready: false, reason: 'draining' };
  const { status, body } = await app.raw('GET', '/readyz');
  assert.deepEqual([status, body], [503, { status: 'not ready', reason: 'draining' }]);
  assert.equal((await app.raw('GET', '/healthz')).status, 200);
});

test('a server is ready when it has started, does not drain, can decode, and its mixers live', () => {
  const ready = { started: true, mixersFail: false, draining: false, hasDecoder: true };
  assert.deepEqual(readinessOf(ready), { ready: true });
  assert.deepEqual(readinessOf({ ...ready, started: false }), { ready: false, reason: 'starting' });
  assert.deepEqual(readinessOf({ ...ready, draining: true }), { ready: false, reason: 'draining' });
  const failing = { ready: false, reason: 'mixer threads keep dying' };
  assert.deepEqual(readinessOf({ ...ready, mixersFail: true, draining: true }), failing, 'the cause goes first');
  const undecoded = readinessOf({ ...ready, hasDecoder: false });
  assert.match(undecoded.ready ? '' : undecoded.reason, /ffmpeg/);
});

test('metrics are open, or ask for the account when the operator wants it so', async () => {
  app = await new AppUnderTest().listen();
  const { status, headers, text } = await app.raw('GET', '/metrics');
  assert.equal(status, 200);
  assert.match(headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^partyline_conferences 0$/m);
  await app.close();

  app = await new AppUnderTest({ METRICS_AUTH: 'true' }).listen();
  assert.equal((await app.raw('GET', '/metrics')).status, 401);
  assert.equal((await app.raw('GET', '/metrics', { headers: { authorization: app.authorization } })).status, 200);
});

test('requests are counted by pattern, never by path', async () => {
  app = await new AppUnderTest().listen();
  await app.api('GET', '/MultiPartyCall/name_hunter2/');
  await app.api('POST', '/Call/hunter2/Play/', {});
  await app.raw('GET', '/hunter2');
  await app.raw('GET', '/v1/Account/hunter2/MultiPartyCall/');
  const text = await app.metrics.render();
  assert.doesNotMatch(text, /hunter2/);
  const count = (route: string, code: number) =>
    text.includes(`partyline_http_request_seconds_count{route="${route}",code="${code}"} 1`);
  assert.ok(count('/v1/Account/:authId/MultiPartyCall/:mpc/', 404));
  assert.ok(count('/v1/Account/:authId/Call/:call/Play/', 404));
  assert.ok(count('unmatched', 404));
  assert.ok(count('/v1/Account/:authId', 401));
  assert.match(text, /partyline_http_refusals_total\{error="not_found"\} 3/);
});
