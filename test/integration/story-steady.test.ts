import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { mulaw } from '../../media/codec/g711.ts';
import { ClipServer } from '../support/clip-server.ts';
import type { FloodDone, FloodOptions } from '../support/flood.ts';
import { firstSound, startPlay } from '../support/plays.ts';
import { seededRandom } from '../support/random.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { type HeardPacket, Softphone } from '../support/softphone.ts';
import { StallWatch } from '../support/stall-watch.ts';
import { writeWav } from '../support/wav.ts';

const ANNOUNCEMENT = new URL('../fixtures/audio/announcement.mp3', import.meta.url);
const SECONDS = 60;
const PACKETS = SECONDS * 50;
const FRAME = 160;
const FRAME_MS = 20;
/** A body of so many keys, the most there may be, keeps the main thread busy for longer than any packet may be late. */
const LARGE_KEYS = 99_000;
const LATE_P99_MS = 40;
const LATE_WORST_MS = 120;

let source: ClipServer;
let server: TestServer;

before(async () => {
  source = await ClipServer.start();
  server = await startServer({
    FETCH_ALLOW: source.allow,
    MAX_BODY_BYTES: '1048576',
    MAX_JSON_KEYS: '100000',
    LOG_LEVEL: 'info',
  });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
});

/** The sum of a metric over all workers, which report once a second. */
async function metric(name: string): Promise<number> {
  const lines = await until(name, async () => {
    const found = (await server.metrics()).split('\n').filter((line) => line.startsWith(name));
    return found.length > 0 && found;
  });
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** What is said in a second, over and over: noise, so that one missing sample would show. */
function refrain(): Int16Array {
  const random = seededRandom(11);
  return Int16Array.from({ length: 50 * FRAME }, () => Math.round((random() * 2 - 1) * 16_000));
}

function codedOnce(samples: Int16Array): Int16Array {
  const bytes = new Uint8Array(samples.length);
  mulaw.createEncoder().encode(samples, bytes, 0);
  const decoded = new Int16Array(samples.length);
  mulaw.createDecoder().decode(bytes, 0, bytes.length, decoded);
  return decoded;
}

async function startFlood(mpc: string): Promise<ChildProcess> {
  const options: FloodOptions = {
    account: `${server.httpUrl}/v1/Account/${server.authId}`,
    authorization: `Basic ${Buffer.from(`${server.authId}:${server.authToken}`).toString('base64')}`,
    mpc,
    clip: source.file('/announcement.mp3', await readFile(ANNOUNCEMENT), { 'content-type': 'audio/mpeg' }),
    keys: LARGE_KEYS,
  };
  const args = ['--import', 'tsx', 'test/support/flood.ts', JSON.stringify(options)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function endFlood(child: ChildProcess): Promise<FloodDone> {
  let text = '';
  child.stdout?.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  const exited = once(child, 'close');
  child.kill('SIGTERM');
  await exited;
  return JSON.parse(text) as FloodDone;
}

test('for a minute under load a member gets 50 packets a second, none missing, each at its time', async (t) => {
  const listener = await Softphone.call({ sipPort: server.sipPort, mpc: 'steady' });
  t.after(() => listener.hangUp());
  const other = await Softphone.call({ sipPort: server.sipPort, mpc: 'busy' });
  t.after(() => other.hangUp());
  const samples = refrain();
  const play = await startPlay(server, 'steady', '1', {
    url: source.file('/refrain.wav', writeWav(samples, 8000)),
    loop: true,
  });
  const first = await firstSound(listener, play.at);
  const machine = new StallWatch();
  t.after(() => machine.stop());
  const skippedBefore = await metric('partyline_ticks_skipped_total');
  const flood = await startFlood('busy');
  t.after(() => flood.kill('SIGKILL'));
  const from = listener.packets.indexOf(first);
  await listener.until(() => listener.packets.length >= from + PACKETS, SECONDS * 2000, 'a minute of packets');
  const lag = await metric('nodejs_eventloop_lag_max_seconds');
  const skipped = (await metric('partyline_ticks_skipped_total')) - skippedBefore;
  const done = await endFlood(flood);
  t.diagnostic(
    `${JSON.stringify(done)}, main thread blocked for ${lag} s, machine stalled for ${machine.stalledMs} ms`,
  );

  // The load was real.
  assert.ok(done.requests > SECONDS * 20, `${done.requests} requests`);
  assert.ok(done.plays >= SECONDS / 2 && done.largeBodies >= SECONDS / 12, JSON.stringify(done));
  assert.equal(done.failures, 0);
  assert.ok(source.hits('/announcement.mp3') >= SECONDS / 2, 'the mp3s were fetched');
  assert.ok(lag * 1000 > LATE_WORST_MS, `the main thread stood still for ${lag} s at most`);

  // A tick may be left out only while the machine ran nobody's threads in time.
  const excused = Math.ceil(machine.stalledMs / FRAME_MS);
  assert.ok(skipped <= excused, `${skipped} ticks skipped, ${excused} excused`);
  const packets = listener.packets.slice(from, from + PACKETS);
  assertUnbroken(packets, skipped);
  assertSameSound(packets, codedOnce(samples));
  if (excused === 0) assertPaced(packets);
});

/** Sequence numbers without a gap; RTP timestamps leave out exactly the ticks that were skipped. */
function assertUnbroken(packets: readonly HeardPacket[], skipped: number): void {
  const [first] = packets;
  assert.ok(first);
  let leftOut = 0;
  for (const [i, { sequence, timestamp, ssrc }] of packets.entries()) {
    assert.equal(sequence, (first.sequence + i) & 0xffff, `sequence number of packet ${i}`);
    assert.equal(ssrc, first.ssrc);
    const ticks = ((timestamp - first.timestamp) >>> 0) / FRAME;
    assert.ok(Number.isInteger(ticks) && ticks >= i + leftOut, `timestamp of packet ${i}`);
    leftOut = ticks - i;
  }
  assert.ok(leftOut <= skipped, `${leftOut} ticks are missing, ${skipped} were counted`);
}

function assertSameSound(packets: readonly HeardPacket[], refrainHeard: Int16Array): void {
  for (const [i, { samples }] of packets.entries()) {
    const at = (i * FRAME) % refrainHeard.length;
    assert.deepEqual(samples, refrainHeard.subarray(at, at + FRAME), `sound of packet ${i}`);
  }
}

/**
 * Against a grid of exactly 20 ms, begun by the most punctual packet. What we measure with is also a busy process, so the
 * bounds leave room for it; a tick that waits for the main thread would miss them by far.
 */
function assertPaced(packets: readonly HeardPacket[]): void {
  const offsets = packets.map(({ at }, i) => at - i * FRAME_MS);
  const earliest = Math.min(...offsets);
  const late = offsets.map((offset) => offset - earliest).sort((a, b) => a - b);
  const p99 = late[Math.floor(late.length * 0.99)] ?? Number.NaN;
  const worst = late.at(-1) ?? Number.NaN;
  assert.ok(p99 < LATE_P99_MS, `one packet of 100 comes more than ${p99} ms after the most punctual one`);
  assert.ok(worst < LATE_WORST_MS, `the latest packet comes ${worst} ms late`);
}
