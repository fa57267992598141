import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { bellShaped } from '../support/network-simulator.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { runSipp } from '../support/sipp.ts';
import { Softphone, type SoftphoneOptions } from '../support/softphone.ts';
import { WsClient } from '../support/ws-client.ts';

/** 20 ms at 8 kHz. */
const FRAME_TICKS = 160;

let server: TestServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function call(t: TestContext, options: Omit<SoftphoneOptions, 'sipPort'>, on = server): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: on.sipPort, ...options });
  t.after(() => phone.hangUp());
  return phone;
}

async function stream(t: TestContext, mpc: string, on = server): Promise<WsClient> {
  const { wsUrl, authId, authToken } = on;
  const client = await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}` });
  t.after(() => client.leave());
  return client;
}

/** The digits that a WebSocket was told of so far. */
function told(client: WsClient): string {
  return client.messages
    .filter(({ message }) => message.event === 'dtmf')
    .map(({ message }) => (message.dtmf as { digit: string }).digit)
    .join('');
}

/** The digits that a telephone got, each by its first packet. */
function heard(phone: Softphone): string {
  return phone.events
    .filter(({ duration }) => duration === FRAME_TICKS)
    .map(({ digit }) => digit)
    .join('');
}

test('keys of a telephone, as captured from a real one, reach a WebSocket once each', async (t) => {
  if (!requireProgram(t, 'sipp')) return;
  if (process.getuid?.() !== 0) {
    t.skip('sipp sends captures as root only');
    return;
  }
  const ws = await stream(t, 'captured');
  const { code, output } = await runSipp({
    ...{ port: server.sipPort, service: 'captured', calls: 1, rate: 1, callMs: 300 },
    digits: '15*#',
  });
  assert.equal(code, 0, output);
  await ws.hearFor(300);
  assert.equal(told(ws), '15*#');
});

test('each key once over a network that loses, repeats and reorders packets, while the caller speaks', async (t) => {
  const ws = await stream(t, 'lossy');
  const toServer = { loss: 0.15, duplicate: 0.2, reorder: 0.1, delay: bellShaped(10, 8) };
  const phone = await call(t, { mpc: 'lossy', network: { toServer, seed: 3 } });
  phone.speak(440);
  await ws.hearFor(200);
  const keys = '0123456789*#ABCD';
  await phone.press(keys);
  await ws.until(() => told(ws).length >= keys.length, 5000, 'all digits');
  await ws.hearFor(400);
  assert.equal(told(ws), keys);
  assert.ok(phone.lostPackets.length > 10, 'something was lost');
});

for (const [codec, frame] of [
  ['PCMU', 160],
  ['G722', 160],
  ['opus', 960],
] as const) {
  test(`sendDTMF of a WebSocket rings out as telephone-events to a telephone, ${codec}`, async (t) => {
    const mpc = `dial-${codec}`;
    const ws = await stream(t, mpc);
    const phone = await call(t, { mpc, codec });
    await phone.hearFor(200);
    phone.forget();
    ws.sendDigits('48#');
    await phone.until(() => phone.events.filter(({ ended }) => ended).length === 9, 5000, 'three ends of three digits');
    await phone.hearFor(200);
    const { events } = phone;
    assert.equal(events.map(({ digit }) => digit).join(''), '4444444' + '8888888' + '#######');
    assert.deepEqual(
      events.slice(0, 7).map(({ duration }) => duration),
      [1, 2, 3, 4, 5, 5, 5].map((n) => n * frame),
      'durations in the clock of the events',
    );
    const numbers = [...events, ...phone.packets].map(({ sequence }) => sequence).sort((a, b) => a - b);
    const span = numbers.at(-1)! - numbers[0]! + 1;
    assert.ok(span === numbers.length || span > 60_000, 'one packet a tick, sound or event, without a gap');
    assert.equal(told(ws), '', 'nobody hears herself');
  });
}

test('keys of a telephone are not sent to other telephones, unless that is asked for', async (t) => {
  const relaying = await startServer({ RELAY_DTMF: 'true' });
  try {
    for (const on of [server, relaying]) {
      const mpc = 'telephones';
      const ws = await stream(t, mpc, on);
      const [ana, bob] = [await call(t, { mpc }, on), await call(t, { mpc }, on)];
      await ana.press('7');
      await ws.message('dtmf');
      await bob.hearFor(500);
      assert.equal(heard(bob), on === relaying ? '7' : '');
      assert.equal(heard(ana), '');
      await Promise.all([ana.hangUp(), bob.hangUp(), ws.leave()]);
    }
  } finally {
    assert.equal(await relaying.stop(), 0);
  }
});
