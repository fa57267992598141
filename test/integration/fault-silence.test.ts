import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone, type SoftphoneOptions } from '../support/softphone.ts';
import { hzIn } from '../support/tones.ts';

const HZ = 440;
const RATE = 8000;

let server: TestServer;

before(async () => {
  server = await startServer({ NO_RTP_WARN_SECONDS: '2', NO_RTP_HANGUP_SECONDS: '5' });
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function call(t: TestContext, mpc: string, options: Partial<SoftphoneOptions> = {}): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc, ...options });
  t.after(() => phone.hangUp());
  return phone;
}

async function metric(name: string): Promise<number> {
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(await server.metrics()) ?? [];
  assert.ok(value !== undefined, `${name} is there`);
  return Number(value);
}

test('a phone that sends nothing is shown, logged and hung up on; who speaks to it stays', async (t) => {
  const ana = await call(t, 'silence');
  const ben = await call(t, 'silence');
  ana.speak(HZ);
  await until('ben hears ana', async () => hzIn(await ben.hearFor(200), RATE, [HZ]).length === 1);
  await until('his silence is shown', async () => (await metric('partyline_rtp_silent_legs')) === 1);
  assert.match(server.log(), /"call":"[0-9a-f-]{36}"[^\n]*no RTP comes/);
  await until('ben is hung up on', () => ben.ended, 15_000);
  assert.equal(await metric('partyline_rtp_silent_legs'), 0);
  assert.equal(ana.ended, false, 'who speaks stays');
});

test('a caller whose NAT takes another port is followed, and heard as before', async (t) => {
  const ana = await call(t, 'nat', { network: {} });
  const ben = await call(t, 'nat');
  ana.speak(HZ);
  ben.speak(HZ * 2);
  await until('ben hears ana', async () => hzIn(await ben.hearFor(200), RATE, [HZ]).length === 1);
  const before = await metric('partyline_rtp_rebinds_total');
  await ana.rebind();
  await until('the new port is followed', async () => (await metric('partyline_rtp_rebinds_total')) === before + 1);
  ana.forget();
  ben.forget();
  await until('ben hears ana again', async () => hzIn(await ben.hearFor(200), RATE, [HZ]).length === 1);
  await until('ana hears ben at her new port', async () => hzIn(await ana.hearFor(200), RATE, [HZ * 2]).length === 1);
  assert.equal(await metric('partyline_rtp_rebinds_total'), before + 1, 'once');
});
