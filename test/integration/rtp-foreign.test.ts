import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, type TestContext, test } from 'node:test';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp/packet.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { hzIn } from '../support/tones.ts';

const RATE = 8000;
const HZ = 440;
const FOREIGN_HZ = 1000;
const PACKETS = 40;
/** In 20 ms: more than one look at a socket takes. */
const FLOOD_PER_TICK = 40;

let server: TestServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

/** Sends mu-law packets of a square wave from an address of its own, and counts what comes back. */
class Stranger {
  answers = 0;
  readonly #socket: Socket;
  readonly #packet = new Uint8Array(RTP_HEADER_BYTES + 160);
  #sent = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', () => {
      this.answers += 1;
    });
    const halfPeriod = RATE / FOREIGN_HZ / 2;
    for (let i = 0; i < 160; i++)
      this.#packet[RTP_HEADER_BYTES + i] = Math.floor(i / halfPeriod) % 2 === 0 ? 0x90 : 0x10;
  }

  static async at(t: TestContext, address: string): Promise<Stranger> {
    const socket = createSocket('udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    t.after(() => socket.close());
    return new Stranger(socket);
  }

  send(port: number): void {
    writeRtpHeader(this.#packet, 0, false, 0, this.#sent, this.#sent * 160, 0xbad);
    this.#sent += 1;
    this.#socket.send(this.#packet, port, '127.0.0.1');
  }
}

async function call(t: TestContext, mpc: string): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc });
  t.after(() => phone.hangUp());
  return phone;
}

async function foreignPackets(): Promise<number> {
  return Number(/^partyline_rtp_discarded_total\{reason="foreign"\} (\d+)$/m.exec(await server.metrics())?.[1] ?? 0);
}

for (const address of ['127.0.0.1', '127.0.0.2'])
  test(`sound from a stranger at ${address} is neither heard nor answered, and counted`, async (t) => {
    const ana = await call(t, `from-${address}`);
    const ben = await call(t, `from-${address}`);
    const stranger = await Stranger.at(t, address);
    ana.speak(HZ);
    await until('ana is heard', async () => hzIn(await ben.hearFor(200), RATE, [HZ]).length === 1);
    const before = await foreignPackets();
    ben.forget();
    for (let i = 0; i < PACKETS; i++) {
      stranger.send(ana.remotePort);
      await ben.hearFor(20);
    }
    await until('all are counted', async () => (await foreignPackets()) === before + PACKETS);
    assert.deepEqual(hzIn(ben.heard(), RATE, [HZ, FOREIGN_HZ], -20), [HZ]);
    assert.equal(stranger.answers, 0);
  });

test('a stranger on another host is not learned while the caller itself is silent', async (t) => {
  const ana = await call(t, 'silent');
  const ben = await call(t, 'silent');
  const stranger = await Stranger.at(t, '127.0.0.2');
  const before = await foreignPackets();
  for (let i = 0; i < PACKETS; i++) {
    stranger.send(ana.remotePort);
    await ben.hearFor(20);
  }
  await until('all are counted', async () => (await foreignPackets()) === before + PACKETS);
  assert.deepEqual(hzIn(ben.heard(), RATE, [FOREIGN_HZ], -20), []);
  assert.equal(stranger.answers, 0);
  assert.ok((await ana.hearFor(100)).length >= RATE / 10, 'ana is still sent hers');
});

test('thousands of packets a second from a stranger take no sound away from a call', async (t) => {
  const ana = await call(t, 'flooded');
  const ben = await call(t, 'flooded');
  const stranger = await Stranger.at(t, '127.0.0.2');
  ana.speak(HZ);
  await until('ana is heard', async () => hzIn(await ben.hearFor(200), RATE, [HZ]).length === 1);
  const before = await foreignPackets();
  ben.forget();
  for (let tick = 0; tick < 100; tick++) {
    for (let i = 0; i < FLOOD_PER_TICK; i++) stranger.send(ana.remotePort);
    await ben.hearFor(20);
  }
  const heard = ben.heard();
  const parts = Array.from({ length: 10 }, (_, i) =>
    heard.subarray((i * heard.length) / 10, ((i + 1) * heard.length) / 10),
  );
  for (const [i, part] of parts.entries()) assert.deepEqual(hzIn(part, RATE, [HZ, FOREIGN_HZ]), [HZ], `part ${i}`);
  assert.ok((await foreignPackets()) - before > 100 * FLOOD_PER_TICK * 0.5, 'they came, and were dropped');
});
