import assert from 'node:assert/strict';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import { Baresip, type BaresipOptions } from '../support/baresip.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { levelAt } from '../support/tones.ts';
import { UdpRelay } from '../support/udp-relay.ts';

const ANA_HZ = 440;
const BOB_HZ = 900;
const RATE = 8000;
/** A tone at -12 dBFS through G.711, give or take. */
const LOUD_DB = -15;
const SILENT_DB = -45;
/** Several retransmissions take so long. */
const LOSSY_MS = 20_000;

let server: TestServer;
const phones: Baresip[] = [];

before(async () => {
  server = await startServer();
});

afterEach(async () => {
  await Promise.all(phones.splice(0).map((phone) => phone.stop()));
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function phone(options: BaresipOptions): Promise<Baresip> {
  const started = await Baresip.start(options);
  phones.push(started);
  return started;
}

function uri(mpc: string, transport: 'udp' | 'tcp'): string {
  return `sip:${mpc}@127.0.0.1:${server.sipPort}${transport === 'tcp' ? ';transport=tcp' : ''}`;
}

/** Waits for so much more sound, and gives it. */
async function listen(listener: Baresip, ms: number): Promise<Int16Array> {
  const before = (await listener.heard()).samples.length;
  const samples = await until('more sound', async () => {
    const { samples } = await listener.heard();
    return samples.length - before >= (ms / 1000) * RATE && samples;
  });
  return samples.subarray(before);
}

/** Waits until a tone is there in 200 ms of sound that come from now on. */
async function hears(listener: Baresip, hz: number): Promise<void> {
  await until(`${hz} Hz`, async () => levelAt(await listen(listener, 200), RATE, hz) > LOUD_DB);
}

interface Participant {
  readonly member_address: string;
  readonly quality: { readonly packets_sent: number } | null;
}

async function participants(mpc: string): Promise<readonly Participant[]> {
  const { status, body } = await server.api('GET', `/MultiPartyCall/name_${mpc}/Participant/`);
  return status === 200 ? (body as { objects: Participant[] }).objects : [];
}

/** Packets sent to a phone, as of the last whole second. */
async function sentTo(mpc: string, name: string): Promise<number> {
  const found = (await participants(mpc)).find(({ member_address }) => member_address.startsWith(`sip:${name}@`));
  return found?.quality?.packets_sent ?? 0;
}

for (const [transport, codec] of [
  ['udp', 'PCMU'],
  ['tcp', 'PCMA'],
] as const) {
  test(`two phones hear each other over ${transport}, not while one holds, and again when it resumes`, async (t: TestContext) => {
    if (!requireProgram(t, 'baresip')) return;
    const mpc = `hold-${transport}`;
    const ana = await phone({ name: 'ana', hz: ANA_HZ, codec });
    const bob = await phone({ name: 'bob', hz: BOB_HZ });
    await ana.dial(uri(mpc, transport));
    await bob.dial(uri(mpc, transport));
    assert.equal((await participants(mpc)).length, 2);

    await hears(ana, BOB_HZ);
    await hears(bob, ANA_HZ);
    const heard = await listen(ana, 1000);
    assert.ok(levelAt(heard, RATE, BOB_HZ) > LOUD_DB, 'ana hears bob');
    assert.ok(levelAt(heard, RATE, ANA_HZ) < SILENT_DB, 'ana does not hear herself');

    // Its recorder stops for good at the first hold, so the server has to tell what it sends to bob. A phone that holds
    // goes on sending.
    await bob.hold();
    await listen(ana, 1200);
    const held = await sentTo(mpc, 'bob');
    await listen(ana, 1200);
    assert.equal(await sentTo(mpc, 'bob'), held, 'nothing is sent to bob while he holds');

    await bob.resume();
    await until('bob is sent sound again', async () => (await sentTo(mpc, 'bob')) > held + 25);
    await hears(ana, BOB_HZ);

    await ana.hangUp();
    await bob.hangUp();
    await until('the MPC ends', async () => (await participants(mpc)).length === 0);
  });
}

test('a phone calls, holds, resumes and hangs up although every fifth message is lost either way', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  // What the server calls its own address is the bad network in front of it.
  const address = '127.0.0.2';
  const distant = await startServer({ PUBLIC_ADDRESS: address });
  t.after(() => distant.stop());
  const ana = await phone({ name: 'ana', hz: ANA_HZ });
  const conditions = { delay: () => 1, loss: 0.2 };
  const relay = await UdpRelay.start({ toServer: conditions, toPhone: conditions, seed: 3 }, ana.sipPort, {
    address,
    port: distant.sipPort,
  });
  t.after(() => relay.close());
  relay.target(distant.sipPort);
  for (let i = 0; i < 4; i++) {
    await ana.dial(`sip:lossy-${i}@${address}:${distant.sipPort}`, LOSSY_MS);
    await ana.hold(LOSSY_MS);
    await ana.resume(LOSSY_MS);
    await ana.hangUp();
    await until('the call is over', async () => /^partyline_sip_dialogs 0$/m.test(await distant.metrics()), LOSSY_MS);
  }
  assert.ok(relay.lostToServer.length >= 4, `only ${relay.lostToServer.length} messages to the server were lost`);
});

test('phones are hung up when the MPC is ended through the API', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const ana = await phone({ name: 'ana', hz: ANA_HZ });
  const bob = await phone({ name: 'bob', hz: BOB_HZ });
  await ana.dial(uri('ended', 'udp'));
  await bob.dial(uri('ended', 'tcp'));
  const { status } = await server.api('DELETE', '/MultiPartyCall/name_ended/');
  assert.equal(status, 204);
  await Promise.all([ana.event('CALL_CLOSED'), bob.event('CALL_CLOSED')]);
});

test('phones are hung up when the server ends', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const other = await startServer();
  try {
    const ana = await phone({ name: 'ana', hz: ANA_HZ });
    await ana.dial(`sip:last@127.0.0.1:${other.sipPort}`);
    const stopped = other.stop();
    await ana.event('CALL_CLOSED');
    assert.equal(await stopped, 0);
  } finally {
    await other.stop();
  }
});

test('a phone that dials what cannot be a name is told so', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const ana = await phone({ name: 'ana', hz: ANA_HZ });
  await ana.command('dial', `sip:%00@127.0.0.1:${server.sipPort}`);
  const closed = await ana.event('CALL_CLOSED');
  assert.match(closed.param, /404/);
});
