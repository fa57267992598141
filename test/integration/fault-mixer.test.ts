import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { mulaw } from '../../media/codec/g711.ts';
import { ClipServer } from '../support/clip-server.ts';
import { playOver, playSounds, startPlay } from '../support/plays.ts';
import { seededRandom } from '../support/random.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { type HeardPacket, Softphone } from '../support/softphone.ts';
import { StallWatch } from '../support/stall-watch.ts';
import { hzIn, tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';

const FRAME = 160;
const CLIP_FRAMES = 200;
const PITCH = 700;
const BACK_WITHIN_MS = 1000;

let source: ClipServer;
let server: TestServer;
let code: number | null = null;

before(async () => {
  source = await ClipServer.start();
  server = await startServer(
    { FETCH_ALLOW: source.allow },
    { nodeFlags: ['--import', './test/support/thread-killer.mjs'] },
  );
});

after(async () => {
  code = await server.stop();
  await source.close();
  assert.equal(code, 1, 'whoever watches the process should start another');
});

async function call(t: TestContext, mpc: string): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc });
  t.after(() => phone.hangUp());
  return phone;
}

function killMixer(): void {
  process.kill(server.pid, 'SIGUSR2');
}

async function metric(name: string): Promise<number> {
  const lines = (await server.metrics()).split('\n').filter((line) => line.startsWith(name));
  assert.ok(lines.length > 0, `${name} is counted`);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function restarted(times: number): Promise<void> {
  await until('the mixer was replaced', async () => (await metric('partyline_worker_restarts_total')) === times);
}

/** Noise: each frame of it is known by its samples. */
function noise(): Int16Array {
  const random = seededRandom(7);
  return Int16Array.from({ length: CLIP_FRAMES * FRAME }, () => Math.round((random() * 2 - 1) * 12_000));
}

function framesOf(clip: Int16Array): Map<string, number> {
  const frames = new Map<string, number>();
  const [encoder, decoder] = [mulaw.createEncoder(), mulaw.createDecoder()];
  for (let i = 0; i < CLIP_FRAMES; i++) {
    const bytes = new Uint8Array(FRAME);
    encoder.encode(clip.subarray(i * FRAME, (i + 1) * FRAME), bytes, 0);
    const samples = new Int16Array(FRAME);
    decoder.decode(bytes, 0, FRAME, samples);
    frames.set(samples.join(), i);
  }
  return frames;
}

/** One stream from its first packet to its last: nothing in it goes back, starts anew or is missing. */
function assertOneStream(packets: readonly HeardPacket[]): void {
  for (const [i, packet] of packets.entries()) {
    const last = packets[i - 1];
    if (!last) continue;
    assert.equal(packet.ssrc, last.ssrc, 'the SSRC stays');
    assert.equal(packet.sequence, (last.sequence + 1) & 0xffff, 'no sequence number is missing or used twice');
    const step = (packet.timestamp - last.timestamp) >>> 0;
    assert.ok(
      step > 0 && step < 8 * 3000 && step % FRAME === 0,
      `the timestamp goes on by whole frames, not by ${step}`,
    );
  }
}

/** The longest time without a packet, in ms, and what the timestamps say of it. */
function longestGap(packets: readonly HeardPacket[]): { readonly ms: number; readonly byTimestampMs: number } {
  let at = 1;
  const gapAt = (i: number): number => packets[i]!.at - packets[i - 1]!.at;
  for (let i = 1; i < packets.length; i++) if (gapAt(i) > gapAt(at)) at = i;
  return { ms: gapAt(at), byTimestampMs: ((packets[at]!.timestamp - packets[at - 1]!.timestamp) >>> 0) / 8 };
}

test('calls and plays survive the death of their mixer thread: the same streams go on within a second', async (t) => {
  const [ana, ben, solo] = await Promise.all([call(t, 'talk'), call(t, 'talk'), call(t, 'quiet')]);
  const stalls = new StallWatch();
  t.after(() => stalls.stop());
  ana.speak(440);
  await ben.until(() => ben.packets.length >= 50, 5000, 'a second of sound');
  assert.deepEqual(hzIn((await ben.hearFor(400)).subarray(0, 1600), 8000, [440, PITCH], -20), [440]);

  const clip = noise();
  const long = await startPlay(server, 'quiet', '1', { url: source.file('/noise.wav', writeWav(clip, 8000)) });
  const pitched = writeWav(tone(8000, 4000, { hz: PITCH }), 8000);
  const next = await startPlay(server, 'quiet', '1', { url: source.file('/next.wav', pitched) });
  await playSounds(server, 'quiet', long);
  await solo.hearFor(700);
  const sent = await until('a second was counted', async () => {
    const count = await metric('partyline_rtp_packets_total{direction="out"}');
    return count > 0 && count;
  });
  const ticks = await metric('partyline_ticks_total');
  const stalledBefore = stalls.stalledMs;

  killMixer();
  await restarted(1);
  assert.ok((await metric('partyline_rtp_packets_total{direction="out"}')) >= sent, 'counters do not go back');
  assert.ok((await metric('partyline_ticks_total')) >= ticks, 'nor do the ticks');
  assert.deepEqual(hzIn((await ben.hearFor(600)).slice(-1600), 8000, [440, PITCH], -20), [440], 'Ben hears Ana again');

  assert.equal((await playOver(server, 'quiet', long)).status, 'completed');
  const over = await playOver(server, 'quiet', next);
  assert.equal(over.status, 'completed', 'who waited in the queue had her turn');
  assert.equal(over.targets[0]?.played_ms, 500);
  for (const phone of [ben, solo]) {
    assert.equal(phone.ended, false);
    assertOneStream(phone.packets);
    const gap = longestGap(phone.packets);
    const stalled = stalls.stalledMs - stalledBefore;
    t.diagnostic(
      `back after ${Math.round(gap.ms)} ms, ${gap.byTimestampMs} by the timestamps; the machine stalled ${stalled}`,
    );
    assert.ok(gap.ms < BACK_WITHIN_MS + stalled, `back after ${gap.ms} ms while the machine stalled for ${stalled}`);
    assert.ok(Math.abs(gap.ms - gap.byTimestampMs) < 100 + stalled, 'the timestamps tell the true time');
  }

  const frames = framesOf(clip);
  const heard = solo.packets.flatMap(({ samples }) => frames.get(samples.join()) ?? []);
  const jumps = heard.slice(1).filter((frame, i) => frame !== heard[i]! + 1);
  assert.equal(jumps.length, 1, `the clip goes on without a break but one: ${jumps}`);
  const lost = jumps[0]! - heard[heard.indexOf(jumps[0]!) - 1]! - 1;
  assert.ok(
    lost >= -2 && lost <= 3,
    `of the clip ${lost} frames are missing around the break, one of them for its fade`,
  );
  assert.equal(heard.at(-1), CLIP_FRAMES - 1, 'to its end');
  const played = (await playOver(server, 'quiet', long)).targets[0]?.played_ms ?? 0;
  assert.ok(Math.abs(played - CLIP_FRAMES * 20) <= 60, `what was sent is counted over both mixers: ${played} ms`);
  assert.equal(await metric('partyline_plays_total{result="failed"}'), 0);
});

test('a process whose mixers keep dying hangs up and ends with a failure', async () => {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc: 'talk' });
  killMixer();
  await restarted(2);
  assert.equal(phone.ended, false);
  await phone.hearFor(40);
  killMixer();
  await phone.until(() => phone.ended, 5000, 'a BYE');
  await until('the log says why', () => server.log().includes('mixer threads keep dying'));
  await phone.hangUp();
});
