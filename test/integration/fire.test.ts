/*
 * Callers who talk, beside strangers who break every rule at once. `FIRE_LEGS` and `FIRE_SECONDS` make it larger and longer.
 */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Crowd, faultsOf, roomsOf } from '../bench/load/crowd.ts';
import { buildGenerator } from '../bench/load/generator.ts';
import { SipCaller } from '../bench/load/sip-caller.ts';
import { UNPINNED } from '../bench/machine.ts';
import type { System } from '../bench/systems/system.ts';
import { ClipServer, drips, endless, neverAnswers, resets, stalls } from '../support/clip-server.ts';
import { lacking } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { RawHttp } from '../support/raw-http.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { CallScript, sdpText } from '../support/sip-script.ts';
import { StallWatch } from '../support/stall-watch.ts';

const LEGS = Number(process.env.FIRE_LEGS ?? 64);
const SECONDS = Number(process.env.FIRE_SECONDS ?? 8);
const TICK_MS = 20;
const ROOM = 8;
/** Strangers come from another loopback address than callers, as they would from another host. */
const STRANGER = '127.0.0.9';

async function metric(server: TestServer, name: string): Promise<number> {
  // Mixers report once a second.
  const lines = await until(`${name} is counted`, async () => {
    const found = (await server.metrics()).split('\n').filter((line) => line.startsWith(name));
    return found.length > 0 && found;
  });
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Sends what `bytes` makes, `perMs` datagrams each ms, from a stranger's address. */
async function shower(end: number, perMs: number, next: () => [bytes: Buffer, port: number]): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, STRANGER);
  socket.on('error', () => {});
  let sent = 0;
  while (performance.now() < end) {
    for (let i = 0; i < perMs * 5; i++) {
      const [bytes, port] = next();
      socket.send(bytes, port, '127.0.0.1');
      sent += 1;
    }
    await wait(5);
  }
  socket.close();
  return sent;
}

function spoil(text: string, random: () => number): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  for (let i = 0; i < 4; i++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

test('callers hear every packet while strangers attack everything at once', async (t) => {
  const generator = buildGenerator(join(tmpdir(), 'partyline-load'));
  if (generator === undefined) return void lacking(t, 'no C compiler for the load generator');
  const source = await ClipServer.start();
  t.after(() => source.close());
  const server = await startServer({
    FETCH_ALLOW: source.allow,
    SIP_TRUSTED: '127.0.0.1/32',
    SIP_RATE_LIMIT: '100000',
    AUTH_FAILURES_PER_MINUTE: '1000',
    LOG_LEVEL: 'info',
    RTP_PORT_MAX: '32767',
    RTP_PORT_MIN: '31000',
  });
  t.after(async () => assert.equal(await server.stop(), 0, 'it ends as if nothing had been'));
  const caller = await SipCaller.open();
  t.after(() => caller.close());
  const crowd = await Crowd.start(generator, UNPINNED);
  t.after(() => crowd.stop());
  const ports: number[] = [];
  const system: System = {
    name: 'partyline',
    pid: server.pid,
    admitAtOnce: 8,
    admit: async (room, port) => {
      const remote = await caller.call(server.sipPort, room, port);
      ports.push(remote);
      return remote;
    },
    lastWords: () => server.log().slice(-2000),
    stop: async () => {},
  };
  await crowd.join(system, roomsOf(LEGS, ROOM, 2));
  crowd.judge(2, 25);

  const random = seededRandom(Number(process.env.FIRE_SEED ?? 1));
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const head = Buffer.from('RIFF\xff\xff\xff\xffWAVEfmt ', 'latin1');
  const bad = [
    source.on('/mute', neverAnswers),
    source.on('/reset', resets),
    source.on('/stall', stalls(head)),
    source.on('/drip', drips(Buffer.alloc(9000), 20)),
    source.on('/endless', endless(head)),
    source.file('/noise.mp3', Buffer.alloc(50_000, 0xff)),
  ];
  const done = { sip: 0, rtp: 0, http: 0, plays: 0, sockets: 0 };
  const attack = async (end: number): Promise<void> => {
    const sip = shower(end, 1, () => {
      const script = new CallScript({ uri: `sip:room-0@127.0.0.1:${server.sipPort}`, local: `${STRANGER}:5060` });
      const method = pick(['INVITE', 'OPTIONS', 'REGISTER', 'BYE', 'REFER', 'CANCEL', 'ACK', 'MESSAGE', 'NONSENSE']);
      const authorization = `Digest username="a", realm="127.0.0.1", nonce="${random()}", uri="sip:x", response="${random()}"`;
      const headers = random() < 0.3 ? { Authorization: authorization } : {};
      const text = script.request(method, { body: method === 'INVITE' ? sdpText() : '', headers });
      return [random() < 0.6 ? spoil(text, random) : Buffer.from(text, 'latin1'), server.sipPort];
    });
    const rtp = shower(end, 3, () => {
      const bytes = Buffer.alloc(Math.floor(random() * 200), Math.floor(random() * 256));
      if (bytes.length > 12 && random() < 0.7) bytes.set([0x80, pick([0, 8, 101, 200, 203])]);
      // The odd port above takes RTCP.
      return [bytes, pick(ports) + (random() < 0.3 ? 1 : 0)];
    });
    const account = `/v1/Account/${server.authId}`;
    const web = async (): Promise<void> => {
      const open: RawHttp[] = [];
      while (performance.now() < end) {
        const raw = new RawHttp(server.httpUrl);
        open.push(raw);
        raw.write(
          pick([
            'GET / HTTP/1.1\r\nX-Slow: ',
            `POST ${account}/MultiPartyCall/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
            `GET ${account}/%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n`,
            `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`,
            `GET ${account}/MultiPartyCall/name_x/Stream/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n`,
            '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
          ]),
        );
        done.sockets += 1;
        if (open.length > 100) open.shift()?.destroy();
        await wait(10);
      }
      for (const raw of open) raw.destroy();
    };
    const bodies = async (): Promise<void> => {
      while (performance.now() < end) {
        const body = pick([
          '{"url":'.repeat(300),
          '['.repeat(60_000),
          '{"__proto__":{"url":1}}',
          '\0'.repeat(9000),
          '',
        ]);
        const authorization = `Basic ${Buffer.from(pick([`${server.authId}:${server.authToken}`, 'a:b'])).toString('base64')}`;
        const answer = await fetch(`${server.httpUrl}${account}/MultiPartyCall/name_room-0/Member/all/Play/`, {
          method: 'POST',
          headers: { authorization, 'content-type': pick(['application/json', 'application/x-www-form-urlencoded']) },
          body,
        });
        await answer.text();
        assert.ok(answer.status >= 400 && answer.status < 500, `a bad body gets ${answer.status}`);
        done.http += 1;
        await wait(10);
      }
    };
    const plays = async (): Promise<void> => {
      for (let i = 0; performance.now() < end; i++) {
        const url = `${pick(bad)}?${i}`;
        const path = `/MultiPartyCall/name_room-${i % Math.ceil(LEGS / ROOM)}/Member/all/Play/`;
        const { status } = await server.api('POST', path, { url });
        assert.ok([202, 429].includes(status), `a play of a hostile source gets ${status}`);
        done.plays += 1;
        await wait(20);
      }
    };
    const [sips, rtps] = await Promise.all([sip, rtp, web(), bodies(), plays()]);
    done.sip += sips;
    done.rtp += rtps;
  };

  const machine = new StallWatch();
  t.after(() => machine.stop());
  const names = ['partyline_frames_concealed_total', 'partyline_ticks_skipped_total'] as const;
  const before = await Promise.all(names.map((name) => metric(server, name)));
  const stalled = machine.stalledMs;
  const window = await crowd.measure(system, 1, SECONDS, () => attack(performance.now() + SECONDS * 1000));
  const excused = Math.ceil((machine.stalledMs - stalled) / TICK_MS);
  await wait(1100);
  const after = await Promise.all(names.map((name) => metric(server, name)));
  const [concealed = 0, skipped = 0] = after.map((value, i) => value - (before[i] ?? 0));
  const { load } = window;
  t.diagnostic(
    `${LEGS} legs, ${JSON.stringify(done)}, ${concealed} concealed, ${skipped} skipped, ${excused} ticks excused, ` +
      `${load.missing} missing, ${load.late} late of ${load.expected}, generator at worst ${load.sendLateness.max} ms`,
  );
  for (const [what, count] of Object.entries(done)) assert.ok(count > SECONDS * 4, `${what}: ${count} were real`);
  assert.ok((await metric(server, 'partyline_rtp_discarded_total{reason="foreign"}')) > 100, 'foreign RTP was dropped');
  assert.deepEqual(faultsOf('under fire', window), []);
  assert.equal(caller.hungUp, 0, 'nobody was hung up');
  assert.ok(skipped <= excused, `${skipped} ticks skipped, ${excused} excused`);
  // Who was kept from sending in time was the generator, or the machine.
  if (excused === 0 && load.sendLateness.max < TICK_MS) assert.equal(concealed, 0, 'no frame was concealed');
  const quick = performance.now();
  assert.equal((await server.api('GET', '/MultiPartyCall/')).status, 200, 'the API answers');
  assert.ok(performance.now() - quick < 2000, 'and soon');
});
