import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { EngineBusy } from '../../../../media/engine.ts';
import { type Mpc, plainTerms } from '../../../../server/mpc/index.ts';
import { WsClient } from '../../../support/ws-client.ts';
import { AUTH_ID, BASIC, demo, refusal, running, start, stopAll, until } from './node.ts';

afterEach(stopAll);

test('a client with Basic auth joins by name and becomes a member', async () => {
  const node = await start();
  const ana = await node.join({ role: 'agent', contentType: 'audio/x-l16;rate=16000' });
  const member = demo(node)?.presentMembers[0];
  assert.equal(member?.kind, 'ws');
  assert.equal(member?.role, 'agent');
  assert.equal(ana.memberId, '1');
  assert.equal(ana.callUuid, member?.callUuid);
  assert.equal(ana.mpcUuid, demo(node)?.uuid);
  assert.deepEqual(ana.start.mediaFormat, { encoding: 'audio/x-l16', sampleRate: 16000 });
  assert.deepEqual([node.leg().options?.encoding, node.leg().options?.sampleRate], ['L16', 16000]);
  await ana.leave();
  await until('the member has left', () => demo(node) === undefined);
  assert.equal(member?.exitCause, 'hangup');
  assert.equal(node.leg().closed, true);
  await until('the socket is counted', () => node.endpoint.stats().closed['1000'] === 1);
  assert.equal(node.endpoint.stats().open, 0);
});

test('frames of the leg and audio of the client pass through', async () => {
  const node = await start();
  const ana = await node.join();
  node.leg().options?.onFrame(new Uint8Array(160).fill(0x80));
  await ana.until(() => ana.framesHeard === 1);
  assert.equal(ana.heard()[0], 32124);
  ana.sendFrame(new Int16Array(160).fill(1000));
  await until('audio reached the leg', () => node.leg().written.length === 1);
  assert.deepEqual(node.leg().written[0], Buffer.alloc(160, 0xce));
});

test('a live MPC is joined by UUID, an ended or unknown one is 404', async () => {
  const node = await start();
  const ana = await node.join();
  const ben = await node.join({ mpc: `uuid_${ana.mpcUuid}`, framing: 'binary' });
  assert.equal(ben.mpcUuid, ana.mpcUuid);
  assert.equal(ben.memberId, '2');
  await Promise.all([ana.leave(), ben.leave()]);
  await until('the MPC has ended', () => demo(node) === undefined);
  assert.equal((await refusal(node.join({ mpc: `uuid_${ana.mpcUuid}` }))).status, 404);
  assert.equal((await refusal(node.join({ mpc: 'uuid_00000000-0000-4000-8000-999999999999' }))).status, 404);
});

test('a token joins once, without Basic auth, and only its own MPC', async () => {
  const node = await start();
  const issue = (): string => node.tokens.issue({ by: 'name', name: 'demo' }) ?? '';
  const withToken = (streamToken: string, mpc = 'name_demo'): Promise<WsClient> =>
    WsClient.join({ wsUrl: node.wsUrl, authId: AUTH_ID, streamToken, mpc });
  const token = issue();
  const ana = await withToken(token);
  assert.equal(ana.socket.protocol, 'partyline');
  assert.equal((await refusal(withToken(token))).status, 401);
  assert.equal((await refusal(withToken(issue(), 'name_other'))).status, 401);
  const log = node.logged.join('\n');
  assert.match(log, /stream joined/);
  assert.equal(log.includes(token), false, 'tokens are not logged');
});

test('strangers are refused alike, whatever they know, and join nothing', async () => {
  const node = await start();
  for (const options of [
    { authToken: 'wrong' },
    { authToken: '' },
    { authId: 'MAOTHER' },
    { authToken: 'wrong', mpc: 'uuid_00000000-0000-4000-8000-999999999999' },
    { authToken: 'wrong', query: 'framing=xml' },
  ]) {
    const refused = await refusal(node.join(options));
    assert.equal(refused.status, 401);
    assert.equal(refused.error, 'authentication failed');
    assert.equal(refused.headers['www-authenticate'], 'Basic realm="partyline"');
  }
  const elsewhere = WsClient.join({
    wsUrl: node.wsUrl,
    authId: 'MAOTHER',
    mpc: 'name_demo',
    headers: { authorization: BASIC },
  });
  assert.equal((await refusal(elsewhere)).status, 404);
  assert.equal(node.engine.legs.length, 0);
});

test('who guesses too often gets 429 and when to come back', async () => {
  const node = await start({}, {}, { ok: false, reason: 'throttled', retryAfterSeconds: 17 });
  const refused = await refusal(node.join());
  assert.equal(refused.status, 429);
  assert.equal(refused.headers['retry-after'], '17');
});

test('a page of a foreign origin is refused even with the right credentials', async () => {
  const node = await start();
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${node.port}0`])
    assert.equal((await refusal(node.join({ headers: { origin } }))).status, 403, origin);
  for (const origin of [`http://127.0.0.1:${node.port}`, 'https://console.example.com'])
    await (await node.join({ headers: { origin } })).leave();
});

test('wrong parameters and wrong places are refused before the upgrade', async () => {
  const node = await start();
  assert.match((await refusal(node.join({ query: 'content_type=audio/mpeg' }))).error, /^content_type/);
  assert.equal((await refusal(node.join({ mpc: 'demo' }))).status, 400);
  assert.equal((await refusal(node.join({ wsUrl: `${node.wsUrl}/elsewhere` }))).status, 404);
  assert.deepEqual(node.endpoint.stats().refused, { 400: 2, 404: 1 });
  assert.equal((await fetch(`http://127.0.0.1:${node.port}/`)).status, 200, 'plain requests are untouched');
});

test('raw semicolons in the query are as good as encoded ones', async () => {
  const node = await start();
  const ana = await node.join({ query: 'content_type=audio/x-l16;rate=16000&framing=binary', framing: 'binary' });
  assert.equal(ana.start.mediaFormat.sampleRate, 16000);
});

test('limits of address, node, MPC and members each have their answer', async () => {
  const byAddress = await start({ maxSocketsPerAddress: 1 });
  const ana = await byAddress.join();
  const refused = await refusal(byAddress.join());
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  await ana.leave();
  await until('the place is free', () => byAddress.endpoint.stats().open === 0);
  await byAddress.join();

  const byNode = await start({ maxSockets: 1 });
  await byNode.join();
  assert.equal((await refusal(byNode.join())).status, 503);

  const byMpc = await start({}, { perMpc: 1 });
  await byMpc.join();
  assert.match((await refusal(byMpc.join())).error, /MPC is full/);

  const byMembers = await start({}, { max: 1 });
  await byMembers.join();
  assert.equal((await refusal(byMembers.join({ mpc: 'name_other' }))).status, 503);
});

test('a draining server and a busy engine say 503, a broken one 500 without details', async () => {
  const node = await start();
  node.engine.failure = new EngineBusy('no ports');
  assert.equal((await refusal(node.join())).status, 503);
  node.engine.failure = new Error('secret detail');
  const broken = await refusal(node.join());
  assert.deepEqual([broken.status, broken.error], [500, 'internal error']);
  node.engine.failure = undefined;
  node.directory.drain();
  assert.equal((await refusal(node.join())).status, 503);
});

test('a client that gives up while its leg opens leaves nothing behind', async () => {
  const node = await start();
  let open = (): void => {};
  node.engine.gate = new Promise((resolve) => {
    open = resolve;
  });
  const joining = node.join();
  joining.catch(() => {});
  await until('the request is there', () => demo(node) !== undefined);
  for (const peer of running[0]?.peers ?? []) peer.resetAndDestroy();
  await until('the socket is gone', () => node.endpoint.stats().open === 0);
  open();
  await until('the MPC has ended', () => demo(node) === undefined);
  assert.equal(node.leg().closed, true);
});

test('a kicked client is told so and closed with 1000', async () => {
  const node = await start();
  const ana = await node.join();
  const mpc = demo(node) as Mpc;
  const [member] = mpc.presentMembers;
  assert.ok(member);
  node.directory.leave(mpc, member, 'kicked', true);
  assert.deepEqual(await ana.closed, { code: 1000, reason: 'kicked' });
  assert.equal(ana.messages.at(-1)?.message.event, 'stop');
  assert.equal(ana.messages.at(-1)?.message.reason, 'kicked');
});

test('digits reach the other streams of the MPC and the hook, not the sender and not other MPCs', async () => {
  const node = await start();
  const ana = await node.join();
  const ben = await node.join();
  const eve = await node.join({ mpc: 'name_other' });
  ana.sendDigits('1#');
  await ben.until(() => ben.messages.filter(({ message }) => message.event === 'dtmf').length === 2);
  assert.deepEqual(node.digits, ['1:1#']);
  assert.equal(ana.messages.length + eve.messages.length, 2, 'they only got start');
});

test('digits that come from other legs reach every stream of the MPC', async () => {
  const node = await start();
  const ana = await node.join();
  const joined = await node.directory.join({
    mpcName: 'demo',
    terms: plainTerms('customer'),
    kind: 'sip',
    address: 'sip:phone',
    openLeg: (conference, onEvent) =>
      node.engine.openStreamLeg(conference, { encoding: 'PCMU', sampleRate: 8000, onFrame: () => {} }, onEvent),
    hangUp: () => {},
  });
  assert.ok(joined.ok);
  node.leg().onEvent({ type: 'dtmf', digit: '7' });
  const { message } = await ana.message('dtmf');
  assert.equal((message.dtmf as { digit: string }).digit, '7');
});

test('closing the endpoint ends every stream with 1001 and waits for the sockets', async () => {
  const node = await start();
  const ana = await node.join();
  const ben = await node.join({ mpc: 'name_other' });
  const closing = node.endpoint.close();
  assert.deepEqual(
    (await Promise.all([ana.closed, ben.closed])).map(({ code, reason }) => `${code} ${reason}`),
    ['1001 shutdown', '1001 shutdown'],
  );
  await closing;
  assert.equal(node.endpoint.stats().open, 0);
  assert.equal(node.directory.memberCount, 0);
});
