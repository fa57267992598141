import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, type TestContext, test } from 'node:test';
import { alaw, mulaw } from '../../media/codec/g711.ts';
import { ClipServer, HeldFile } from '../support/clip-server.ts';
import { firstSound, playOver, seenPlay, startPlay } from '../support/plays.ts';
import { seededRandom } from '../support/random.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { Softphone, type SoftphoneOptions } from '../support/softphone.ts';
import { tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

const ANNOUNCEMENT = new URL('../fixtures/audio/announcement.mp3', import.meta.url);
/** 1.01 s: the last frame is only half full. */
const CLIP_SAMPLES = 8080;
const FRAME = 160;

let source: ClipServer;
let server: TestServer;
let noise: Int16Array;
let noiseUrl: string;

before(async () => {
  source = await ClipServer.start();
  server = await startServer({ FETCH_ALLOW: source.allow });
  const random = seededRandom(7);
  noise = Int16Array.from({ length: CLIP_SAMPLES }, () => Math.round((random() * 2 - 1) * 32_767));
  // Every frame begins loudly, so that the first one is easily found.
  noise[0] = 32_767;
  noiseUrl = source.file('/noise.wav', writeWav(noise, 8000), { 'cache-control': 'max-age=600' });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
});

/** Joins, hears a moment of silence, and leaves with the test. */
async function call(t: TestContext, options: Omit<SoftphoneOptions, 'sipPort'>): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, ...options });
  t.after(() => phone.hangUp());
  await phone.hearFor(60);
  return phone;
}

/** What a codec makes of samples. */
function codedOnce(codec: typeof mulaw, samples: Int16Array): Int16Array {
  const bytes = new Uint8Array(samples.length);
  codec.createEncoder().encode(samples, bytes, 0);
  const decoded = new Int16Array(samples.length);
  codec.createDecoder().decode(bytes, 0, bytes.length, decoded);
  return decoded;
}

for (const [name, codec] of [
  ['PCMU', mulaw],
  ['PCMA', alaw],
] as const)
  test(`a wav played to a silent member arrives bit for bit after one encoding, ${name}`, async (t) => {
    const mpc = `exact-${name}`;
    const phone = await call(t, { mpc, codec: name });
    const play = await startPlay(server, mpc, 'all', { url: noiseUrl });
    const first = await firstSound(phone, play.at);
    assert.equal((await playOver(server, mpc, play)).status, 'completed');
    const frames = Math.ceil(CLIP_SAMPLES / FRAME);
    const from = phone.packets.indexOf(first);
    await phone.until(() => phone.packets.length > from + frames + 5, 3000, 'the rest and some silence');
    const padded = new Int16Array(frames * FRAME);
    padded.set(noise);
    const heard = phone.packets.slice(from, from + frames).flatMap(({ samples }) => [...samples]);
    assert.deepEqual(Int16Array.from(heard), codedOnce(codec, padded));
    const before = phone.packets[from - 1];
    const behind = phone.packets.slice(from + frames);
    const silence = codedOnce(codec, new Int16Array(FRAME));
    for (const packet of [before, ...behind]) assert.deepEqual(packet?.samples, silence);
  });

test('a wav played to a WebSocket member that takes L16 arrives unchanged', async (t) => {
  const { wsUrl, authId, authToken } = server;
  const client = await WsClient.join({
    wsUrl,
    authId,
    authToken,
    mpc: 'name_exact-l16',
    contentType: 'audio/x-l16;rate=8000',
    framing: 'binary',
  });
  t.after(() => client.leave());
  const play = await startPlay(server, 'exact-l16', client.memberId, { url: noiseUrl });
  assert.equal((await playOver(server, 'exact-l16', play)).targets[0]?.played_ms, 1010);
  await client.hearFor(100);
  const heard = client.heard();
  const from = heard.findIndex((sample) => sample !== 0);
  assert.equal(from % FRAME, 0);
  assert.deepEqual(heard.slice(from, from + CLIP_SAMPLES), noise);
  assert.ok(heard.subarray(from + CLIP_SAMPLES).every((sample) => sample === 0));
});

test('a clip in memory starts within 250 ms, at the receiver and by the own account of the server', async (t) => {
  const phone = await call(t, { mpc: 'warm' });
  const url = source.file('/blip.wav', writeWav(tone(8000, 1600, { hz: 700, phase: 1 }), 8000), {
    'cache-control': 'max-age=600',
  });
  await playOver(server, 'warm', await startPlay(server, 'warm', '1', { url }));
  const latencies: number[] = [];
  for (let i = 0; i < 5; i++) {
    await phone.hearFor(100);
    const play = await startPlay(server, 'warm', '1', { url });
    const first = await firstSound(phone, play.at);
    latencies.push(first.at - play.at);
    const seen = await playOver(server, 'warm', play);
    assert.equal(seen.cache, 'hit');
    const own = seen.targets[0]?.start_latency_ms ?? Number.NaN;
    assert.ok(own > 0 && own < 250, `${own} ms by the server's account`);
    assert.ok(own < first.at - play.at + 5, 'the server does not claim to be later than it was heard');
  }
  assert.ok(Math.max(...latencies) < 250, `${latencies.map(Math.round)} ms at the receiver`);
});

test('the first frame of an mp3 is on the wire while its source is still sending', async (t) => {
  const file = await readFile(ANNOUNCEMENT);
  const held = new HeldFile(file, file.length >> 1);
  const url = source.on('/held.mp3', held.handler);
  const phone = await call(t, { mpc: 'cold' });
  const play = await startPlay(server, 'cold', '1', { url });
  // Nothing lets go of the second half before the first sound is heard.
  const first = await firstSound(phone, play.at);
  assert.equal((await seenPlay(server, 'cold', play)).status, 'playing');
  held.release();
  const seen = await playOver(server, 'cold', play, 15_000);
  assert.deepEqual([seen.status, seen.cache, seen.targets[0]?.underruns], ['completed', 'miss', 0]);
  assert.ok((seen.targets[0]?.played_ms ?? 0) > 6500, 'all of it was played');
  assert.ok(first.at - play.at < 2000, `${first.at - play.at} ms`);
});

test('a play to all begins on the same tick for every idle member, and later for one who is busy', async (t) => {
  const mpc = 'together';
  const phones: Softphone[] = [];
  for (let i = 0; i < 5; i++) phones.push(await call(t, { mpc }));
  await Promise.all(phones.map((phone) => phone.hearFor(200)));
  const starts: number[][] = [];
  for (let round = 0; round < 2; round++) {
    const play = await startPlay(server, mpc, 'all', { url: noiseUrl });
    assert.deepEqual(play.members, ['1', '2', '3', '4', '5']);
    const firsts = await Promise.all(phones.map((phone) => firstSound(phone, play.at)));
    const arrivals = firsts.map(({ at }) => at);
    assert.ok(Math.max(...arrivals) - Math.min(...arrivals) < 5, `${arrivals.map((at) => at - play.at)} ms`);
    starts.push(firsts.map(({ timestamp }) => timestamp));
    await playOver(server, mpc, play);
    await Promise.all(phones.map((phone) => phone.hearFor(100)));
  }
  // Every leg counts its RTP timestamps from a number of its own, but ticks pass for all of them alike.
  const between = phones.map((_, i) => ((starts[1]?.[i] ?? 0) - (starts[0]?.[i] ?? 0)) >>> 0);
  assert.deepEqual(new Set(between).size, 1, `${between}`);

  const [busy, ...idle] = phones as [Softphone, ...Softphone[]];
  const long = source.file('/hum.wav', writeWav(tone(8000, 8000, { hz: 400, phase: 1 }), 8000));
  const first = await startPlay(server, mpc, '1', { url: long });
  const since = (await firstSound(busy, first.at)).at;
  const all = await startPlay(server, mpc, 'all', { url: noiseUrl });
  const firsts = await Promise.all(idle.map((phone) => firstSound(phone, all.at)));
  const arrivals = firsts.map(({ at }) => at);
  assert.ok(Math.max(...arrivals) - Math.min(...arrivals) < 5, `${arrivals} ms`);
  await playOver(server, mpc, all);
  await busy.hearFor(200);
  const heard = busy.heard(since);
  assert.deepEqual(heard.slice(8000, 8000 + FRAME), codedOnce(mulaw, noise.subarray(0, FRAME)));
});
