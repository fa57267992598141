import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { CodecName } from '../../media/codec/codec.ts';
import { bellShaped, type NetworkConditions } from '../support/network-simulator.ts';
import { speechLike } from '../support/receiving-leg.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { type HeardPacket, Softphone, type SoftphoneOptions } from '../support/softphone.ts';
import { levelAt, rmsDb, sinad, tone } from '../support/tones.ts';

const HZ = 440;
const SECONDS = 5;
const FRAME_MS = 20;
/** Of PCMU, in samples and ticks. */
const FRAME = 160;

let server: TestServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function call(t: TestContext, options: Omit<SoftphoneOptions, 'sipPort'>): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, ...options });
  t.after(() => phone.hangUp());
  return phone;
}

interface Quality {
  readonly packets_received: number;
  readonly packets_lost: number;
  readonly frames_concealed: number;
  readonly concealed_share: number;
  readonly jitter_ms: number;
  readonly playout_delay_ms: number;
  readonly mos: number;
}

/** Speaks to a listener through a network, and says what came of it. */
async function through(
  t: TestContext,
  mpc: string,
  codec: CodecName,
  toServer: NetworkConditions,
  say = (talker: Softphone): void => void talker.speak(HZ),
) {
  const talker = await call(t, { mpc, codec, network: { toServer, seed: 5 } });
  const listener = await call(t, { mpc });
  say(talker);
  await listener.hearFor(1000);
  listener.forget();
  const began = performance.now();
  await listener.hearFor(SECONDS * 1000);
  const tookMs = performance.now() - began;
  const packets = [...listener.packets];
  const { body } = await server.api('GET', `/MultiPartyCall/name_${mpc}/Participant/1/`);
  return { talker, packets, tookMs, quality: (body as { quality: Quality }).quality };
}

/** The value of one line of Prometheus' text. */
function metric(text: string, line: string): number {
  const found = text.split('\n').find((other) => other.startsWith(`${line} `));
  assert.ok(found, line);
  return Number(found.slice(line.length));
}

/** A crowded machine may hold the mixer up for a second in all; how punctual it is on a free one is another test's matter. */
const MOST_LEFT_OUT = 50;

function assertSteady(packets: readonly HeardPacket[], tookMs: number): void {
  for (const [i, packet] of packets.slice(1).entries()) {
    const before = packets[i]!;
    assert.equal(packet.sequence, (before.sequence + 1) & 0xffff, 'no gap in what is sent');
    // A mixer that the machine held up leaves ticks out, and its clock stays right.
    assert.equal(((packet.timestamp - before.timestamp) >>> 0) % FRAME, 0, 'its time is that of the ticks');
  }
  const frames = ((packets.at(-1)!.timestamp - packets[0]!.timestamp) >>> 0) / FRAME + 1;
  assert.ok(frames - packets.length <= MOST_LEFT_OUT, `${frames - packets.length} ticks were left out`);
  const perSecond = (frames * 1000) / tookMs;
  assert.ok(Math.abs(perSecond - 50) < 3, `${perSecond.toFixed(2)} packets a second`);
}

/** How clean the tone is on the whole: the errors of all 100 ms together against all of its energy, in dB. */
function cleanDb(samples: Int16Array): number {
  let signal = 0;
  let rest = 0;
  for (let at = 0; at + 800 <= samples.length; at += 800) {
    const part = samples.subarray(at, at + 800);
    const energy = part.reduce((sum, value) => sum + value * value, 0);
    const ratio = 10 ** (sinad(part, 8000, HZ) / 10);
    signal += (energy * ratio) / (1 + ratio);
    rest += energy / (1 + ratio);
  }
  return 10 * Math.log10(signal / rest);
}

/** Frames of which a half is more than 12 dB under the tone: what an ear takes for a gap. */
function gapsIn(samples: Int16Array): number {
  let gaps = 0;
  for (let at = 0; at + 160 <= samples.length; at += 160) {
    const halves = [samples.subarray(at, at + 80), samples.subarray(at + 80, at + 160)];
    if (halves.some((half) => rmsDb(half) < -24)) gaps += 1;
  }
  return gaps;
}

/** The same tone with silence in the place of every lost packet. */
function withGaps(lost: readonly number[]): Int16Array {
  const sound = tone(8000, (SECONDS + 1) * 8000, HZ);
  for (const frame of lost) sound.fill(0, frame * 160, (frame + 1) * 160);
  return sound.subarray(8000);
}

for (const codec of ['PCMU', 'G722'] as const)
  test(`5 % loss and jitter: what others hear has no gap, and is cleaner than with silence in place of the lost, ${codec}`, async (t) => {
    const network = { loss: 0.05, delay: bellShaped(20, 6) };
    const { talker, packets, tookMs, quality } = await through(t, `loss-${codec}`, codec, network);
    assertSteady(packets, tookMs);
    const heard = Int16Array.from(packets.flatMap(({ samples }) => [...samples]));
    const silent = withGaps(talker.lostPackets);
    assert.ok(gapsIn(silent) > 5, `${talker.lostPackets.length} lost`);
    assert.ok(gapsIn(heard) < gapsIn(silent) / 2, `${gapsIn(heard)} gaps of ${gapsIn(silent)} are left`);
    const [concealed, silenced] = [cleanDb(heard), cleanDb(silent)];
    const seen = `${concealed.toFixed(1)} dB, and ${silenced.toFixed(1)} dB with gaps`;
    assert.ok(concealed > silenced, seen);
    assert.ok(levelAt(heard, 8000, HZ) > -15);
    const share = quality.packets_lost / (quality.packets_lost + quality.packets_received);
    assert.ok(share > 0.015 && share < 0.1, `${share} lost`);
    assert.ok(quality.jitter_ms > 1 && quality.jitter_ms < 20, `${quality.jitter_ms} ms of jitter`);
    assert.ok(quality.mos > 2.5 && quality.mos < 4.3, `MOS ${quality.mos}`);
    assert.ok(quality.frames_concealed >= quality.packets_lost * 0.7);
  });

test('10 % loss of speech in Opus: most of it is rebuilt from the packets that follow', async (t) => {
  const recovered = async (): Promise<number> => metric(await server.metrics(), 'partyline_rtp_recovered_total');
  const before = await recovered();
  const speech = speechLike(48_000, 10);
  const network = { loss: 0.1, delay: bellShaped(20, 6) };
  const say = (talker: Softphone) => void talker.speakSamples(speech);
  const { talker, packets, tookMs, quality } = await through(t, 'speech', 'opus', network, say);
  assertSteady(packets, tookMs);
  const lost = talker.lostPackets.length;
  assert.ok(lost > 15, `${lost} lost`);
  // Legs are counted once a second, and their sums are told a second later.
  let rebuilt = 0;
  await until('most of it is rebuilt', async () => {
    rebuilt = (await recovered()) - before;
    return rebuilt > lost * 0.4;
  }).catch(() => assert.fail(`${rebuilt} of ${lost} were rebuilt`));
  assert.ok(quality.packets_lost > 10, `${quality.packets_lost} lost`);
  assert.ok(quality.frames_concealed < quality.packets_lost, `${quality.frames_concealed} concealed`);
});

test('packets that come twice, late and out of order are played once and in order', async (t) => {
  const network = { duplicate: 0.2, reorder: 0.1, reorderMs: 30, delay: bellShaped(20, 8) };
  const { packets, tookMs, quality } = await through(t, 'disorder', 'PCMU', network);
  assertSteady(packets, tookMs);
  const heard = Int16Array.from(packets.flatMap(({ samples }) => [...samples]));
  assert.ok(cleanDb(heard) > 15, `clean to ${cleanDb(heard).toFixed(1)} dB`);
  assert.ok(quality.packets_lost <= 5, `${quality.packets_lost} lost`);
  assert.ok(quality.concealed_share < 0.03, `${quality.concealed_share} concealed`);
  const metrics = await server.metrics();
  assert.ok(metric(metrics, 'partyline_rtp_reordered_total') > 10);
  assert.ok(metric(metrics, 'partyline_rtp_discarded_total{reason="duplicate"}') > 20);
  assert.ok(metric(metrics, 'partyline_rtp_jitter_seconds_count') > 5);
  assert.ok(metric(metrics, 'partyline_rtp_mos_count') > 5);
});

test('a talker who falls silent for a second and goes on is heard from her first word on', async (t) => {
  const listener = await call(t, { mpc: 'pause' });
  const talker = await call(t, { mpc: 'pause' });
  await listener.hearFor(200);
  for (let round = 0; round < 3; round++) {
    const voice = talker.speak(HZ);
    await listener.hearFor(600);
    voice.stop();
    await listener.hearFor(1000);
  }
  const loud = listener.packets.filter(({ samples }) => samples.some((value) => Math.abs(value) > 3000)).length;
  const said = 3 * (600 / FRAME_MS);
  assert.ok(Math.abs(loud - said) < 25, `${loud} frames of ${said}`);
});
