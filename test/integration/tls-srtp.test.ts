import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, afterEach, before, suite, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { mulaw } from '../../media/codec/g711.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../media/rtp/packet.ts';
import { Authority } from '../support/authority.ts';
import { Baresip, type BaresipOptions, hasModule } from '../support/baresip.ts';
import { lacking, requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { SipClient } from '../support/sip-client.ts';
import { CallScript, sdpText } from '../support/sip-script.ts';
import { SrtpPeer } from '../support/srtp-peer.ts';
import { levelAt, ToneSource } from '../support/tones.ts';

const LOUD_DB = -15;
const RATE = 8000;
const FRAME = 160;
const REFUSED = 'partyline_rtp_discarded_total{reason="srtp"}';
const SUITE = 'AES_CM_128_HMAC_SHA1_80';

suite('SRTP with keys in SDP', () => {
  const authority = new Authority();
  const open: { close(): unknown }[] = [];
  let server: TestServer;

  before(async () => {
    const { certPath, keyPath } = authority.issue('srtp');
    const nodeFlags = ['--import', './test/support/thread-killer.mjs'];
    server = await startServer({ TLS_CERT: certPath, TLS_KEY: keyPath }, { ca: authority.ca, nodeFlags });
  });
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
  });
  after(async () => {
    authority.close();
    assert.equal(await server.stop(), 0);
  });

  function keep<T extends { close(): unknown }>(thing: T): T {
    open.push(thing);
    return thing;
  }

  async function phone(options: BaresipOptions): Promise<Baresip> {
    const started = await Baresip.start({ caPath: authority.caPath, ...options });
    open.push({ close: () => started.stop() });
    return started;
  }

  /** Waits until the phone has heard these tones for a fifth of a second from now on. */
  async function hears(listener: Baresip, ...tones: number[]): Promise<void> {
    const before = (await listener.heard()).samples.length;
    await until(`${tones} Hz`, async () => {
      const last = (await listener.heard()).samples.subarray(before).subarray(-RATE / 5);
      return last.length === RATE / 5 && tones.every((hz) => levelAt(last, RATE, hz) > LOUD_DB);
    });
  }

  async function metric(line: string): Promise<number> {
    const found = (await server.metrics()).split('\n').find((other) => other.startsWith(`${line} `));
    return Number(found?.slice(line.length + 1) ?? 0);
  }

  test('phones that insist on SRTP, that like it and that have none hear each other, also after a hold and the death of the mixer', async (t) => {
    if (!canCall(t)) return;
    const secure = `sip:mixed@127.0.0.1:${server.sipTlsPort};transport=tls`;
    const [ana, bob, col] = await Promise.all([
      phone({ name: 'ana', hz: 440, encryption: 'srtp-mand' }),
      phone({ name: 'bob', hz: 900, encryption: 'srtp' }),
      phone({ name: 'col', hz: 1500 }),
    ]);
    await ana.dial(secure);
    await bob.dial(secure);
    await col.dial(`sip:mixed@127.0.0.1:${server.sipPort}`);
    await Promise.all([hears(ana, 900, 1500), hears(bob, 440, 1500), hears(col, 440, 900)]);
    assert.equal(server.log().match(/"srtp":true/g)?.length, 2, 'two of the three calls are encrypted');

    await ana.hold();
    await ana.resume();
    await hears(col, 440, 900);
    process.kill(server.pid, 'SIGUSR2');
    await until('another mixer', async () => (await metric('partyline_worker_restarts_total')) === 1);
    await col.hangUp();
    await col.dial(`sip:mixed@127.0.0.1:${server.sipPort}`);
    await Promise.all([hears(col, 440, 900), hears(bob, 440, 1500)]);
    assert.equal(await metric(REFUSED), 0, 'all that came was authentic');
  });

  test('the wire carries no sound in clear, and what is not authentic neither latches nor is heard', async () => {
    const sip = keep(await SipClient.tls(server.sipTlsPort, authority.ca));
    const rtp = await udpSocket();
    open.push(rtp);
    const theirs = randomBytes(30);
    const call = new CallScript({ uri: 'sip:wire@127.0.0.1', local: sip.local, transport: 'TLS' });
    const body = sdpText({ port: rtp.address().port, payloads: '0' })
      .replace('RTP/AVP', 'RTP/SAVP')
      .concat(`a=crypto:7 ${SUITE} inline:${theirs.toString('base64')}|2^31\r\n`);
    sip.send(call.request('INVITE', { body }));
    const answer = await sip.final();
    assert.equal(answer.status, 200);
    call.learn(answer);
    assert.match(answer.body, /^m=audio \d+ RTP\/SAVP 0\r$/m);
    const [, inline = ''] =
      new RegExp(`^a=crypto:7 ${SUITE} inline:([A-Za-z0-9+/]{40})\r$`, 'm').exec(answer.body) ?? [];
    const ours = Buffer.from(inline, 'base64');
    assert.ok(!ours.equals(theirs), 'each side has a key of its own');
    assert.ok(!server.log().includes(inline) && !server.log().includes(theirs.toString('base64')), 'no key is logged');
    const port = Number(/^m=audio (\d+)/m.exec(answer.body)?.[1]);
    sip.send(call.request('ACK'));

    const talker = await talk(server, keep(await SipClient.udp(server.sipPort)), 700);
    open.push(talker);
    const heard: Buffer[] = [];
    rtp.on('message', (datagram) => heard.push(datagram));
    await until('a second of sound', () => heard.length >= 50);
    const peer = new SrtpPeer(ours);
    const plain = heard.map((each) => peer.unprotect(each));
    assert.ok(
      plain.every((each) => each !== undefined && each.length === RTP_HEADER_BYTES + FRAME),
      'all are authentic',
    );
    assert.ok(levelAt(decoded(plain.slice(-20) as Buffer[], 0), RATE, 700) > LOUD_DB, 'with the key there is a tone');
    assert.ok(levelAt(decoded(heard.slice(-20), 10), RATE, 700) < -25, 'without it there is none');

    // From elsewhere, as through a NAT: what may be learned is what has the key.
    const refused = await metric(REFUSED);
    const [stranger, behindNat] = [await udpSocket(), await udpSocket()];
    open.push(stranger, behindNat);
    const forged = packets(2000, 20, 9).map((each) => new SrtpPeer(randomBytes(30)).protect(each));
    await sendSlowly(stranger, port, [...packets(2000, 20, 8), ...forged]);
    await until('they are counted', async () => (await metric(REFUSED)) === refused + 40);
    let followed = 0;
    let misled = 0;
    stranger.on('message', () => (misled += 1));
    behindNat.on('message', () => (followed += 1));
    const mine = new SrtpPeer(theirs);
    const sound = packets(440, 40, 9).map((each) => mine.protect(each));
    await sendSlowly(
      behindNat,
      port,
      sound.flatMap((each) => [each, each]),
    );
    await until('copies are counted', async () => (await metric(REFUSED)) === refused + 80);
    await until('our sound follows', () => followed > 5);
    assert.equal(misled, 0, 'nothing was ever sent to the stranger');
    sip.send(call.request('BYE'));
    assert.equal((await sip.final()).status, 200);
  });

  test('phones that are called get an offer they can take: SRTP, and plain RTP when they refuse that', async (t) => {
    if (!canCall(t)) return;
    for (const [name, encryption] of [
      ['mand', 'srtp-mand'],
      ['none', undefined],
    ] as const) {
      const password = 'a-password-1';
      const made = await server.api('POST', '/Endpoint/', { username: name, password, alias: name });
      const user = (made.body as { username: string }).username;
      const account = { user, password, server: `127.0.0.1:${server.sipTlsPort};transport=tls` };
      const called = await phone({ name, hz: 440, account, ...(encryption && { encryption }) });
      await until('its registration', () => server.log().includes(`"user":"${user}"`));
      const order = { role: 'agent', from: '1000', to: user };
      assert.equal((await server.api('POST', `/MultiPartyCall/name_${name}/Participant/`, order)).status, 201);
      await called.accept();
      const caller = await phone({ name: 'caller', hz: 900 });
      await caller.dial(`sip:${name}@127.0.0.1:${server.sipPort}`);
      await Promise.all([hears(called, 900), hears(caller, 440)]);
      const taken =
        server
          .log()
          .split('\n')
          .filter((line) => line.includes('call taken'))
          .at(-1) ?? '';
      assert.equal(taken.includes('"srtp":true'), encryption !== undefined, taken);
    }
  });
});

/** Whether there is a phone with SRTP. */
function canCall(t: TestContext): boolean {
  return requireProgram(t, 'baresip') && (hasModule('srtp') || lacking(t, 'baresip without its module srtp'));
}

/** Somebody in the MPC `wire` who speaks a tone by plain RTP. */
async function talk(server: TestServer, sip: SipClient, hz: number): Promise<{ close(): void }> {
  const rtp = await udpSocket();
  const call = new CallScript({ uri: `sip:wire@127.0.0.1:${server.sipPort}`, local: sip.local });
  sip.send(call.request('INVITE', { body: sdpText({ port: rtp.address().port, payloads: '0' }) }));
  const answer = await sip.final();
  call.learn(answer);
  sip.send(call.request('ACK'));
  const port = Number(/^m=audio (\d+)/m.exec(answer.body)?.[1]);
  const said = packets(hz, 1000, 77);
  const timer = setInterval(() => {
    const next = said.shift();
    if (next) rtp.send(next, port, '127.0.0.1');
  }, 20);
  return {
    close: () => {
      clearInterval(timer);
      rtp.close();
    },
  };
}

async function udpSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Fewer at a time than a mixer takes from a socket in one tick. */
async function sendSlowly(rtp: Socket, port: number, datagrams: readonly Buffer[]): Promise<void> {
  for (const [i, each] of datagrams.entries()) {
    rtp.send(each, port, '127.0.0.1');
    if (i % 4 === 3) await setTimeout(20);
  }
}

function packets(hz: number, count: number, ssrc: number): Buffer[] {
  const source = new ToneSource(RATE, hz);
  const encoder = mulaw.createEncoder();
  return Array.from({ length: count }, (_, i) => {
    const packet = Buffer.alloc(RTP_HEADER_BYTES + FRAME);
    writeRtpHeader(packet, 0, i === 0, 0, i + 1, (i + 1) * FRAME, ssrc);
    const pcm = new Int16Array(FRAME);
    source.next(pcm);
    encoder.encode(pcm, packet, RTP_HEADER_BYTES);
    return packet;
  });
}

/** The payloads as G.711, but for `behind` bytes at the end of each. */
function decoded(datagrams: readonly Buffer[], behind: number): Int16Array {
  const payload = Buffer.concat(datagrams.map((each) => each.subarray(RTP_HEADER_BYTES, each.length - behind)));
  const samples = new Int16Array(payload.length);
  mulaw.createDecoder().decode(payload, 0, payload.length, samples);
  return samples;
}
