import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { ClipServer, neverAnswers } from '../support/clip-server.ts';
import { firstSound, playOver, playSounds, seenPlay, startPlay, stopPlay } from '../support/plays.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { hzIn, tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';

const PITCHES = [400, 500, 600, 700, 800];
const PLAY_MS = 300;

let source: ClipServer;
let server: TestServer;
let closedPort: number;

before(async () => {
  source = await ClipServer.start();
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  closedPort = typeof address === 'object' && address ? address.port : 0;
  await new Promise((done) => listener.close(done));
  server = await startServer({ FETCH_ALLOW: `${source.allow},127.0.0.1:${closedPort}`, FETCH_FIRST_BYTE_SECONDS: '1' });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
});

async function call(t: TestContext, mpc: string): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc });
  t.after(() => phone.hangUp());
  return phone;
}

/** A wav of one pitch. */
function pitched(hz: number, ms = PLAY_MS): string {
  const wav = writeWav(tone(8000, ms * 8, { hz, phase: 1 }), 8000);
  return source.file(`/${hz}-${ms}.wav`, wav, { 'cache-control': 'max-age=600' });
}

/** Pitches in the order in which they were heard, 20 ms at a time; silence is left out. */
function melody(samples: Int16Array, pitches: readonly number[]): number[] {
  const notes: number[] = [];
  // Two frames tell 100 Hz apart; the overlap finds short notes.
  for (let at = 0; at + 320 <= samples.length; at += 160) {
    const [hz, other] = hzIn(samples.subarray(at, at + 320), 8000, pitches, -20);
    if (hz !== undefined && other === undefined && notes.at(-1) !== hz) notes.push(hz);
  }
  return notes;
}

test('plays to one member wait in order of arrival and follow each other without a gap', async (t) => {
  const phone = await call(t, 'order');
  const plays = [];
  for (const hz of PITCHES) plays.push(await startPlay(server, 'order', '1', { url: pitched(hz) }));
  const [first] = plays;
  assert.ok(first);
  const { at } = await firstSound(phone, first.at);
  for (const play of plays) assert.equal((await playOver(server, 'order', play)).status, 'completed');
  await phone.hearFor(100);
  const heard = phone.heard(at);
  assert.deepEqual(melody(heard, PITCHES), PITCHES);
  const sounding = heard.subarray(0, PITCHES.length * PLAY_MS * 8);
  for (let i = 0; i < sounding.length; i += 160)
    assert.ok(
      sounding.subarray(i, i + 160).some((sample) => Math.abs(sample) > 1000),
      `silence ${i / 8} ms in`,
    );
});

test('a queue that is full refuses with 429, says when to come back, and takes more later', async (t) => {
  await call(t, 'full');
  const long = await startPlay(server, 'full', '1', { url: pitched(400, 5000) });
  await playSounds(server, 'full', long);
  for (let i = 0; i < 5; i++) await startPlay(server, 'full', '1', { url: pitched(500) });
  const refused = await server.api('POST', '/MultiPartyCall/name_full/Member/1/Play/', { url: pitched(600) });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  await stopPlay(server, 'full', '1');
  assert.equal((await playOver(server, 'full', long)).status, 'stopped');
  await startPlay(server, 'full', '1', { url: pitched(600) });
});

test('stopping a play that is still fetched ends it, its fetch, and lets the next one sound', async (t) => {
  const phone = await call(t, 'fetching');
  const silent = source.on('/silent.mp3', neverAnswers);
  const first = await startPlay(server, 'fetching', '1', { url: silent });
  await until('the source was asked', () => source.hits('/silent.mp3') === 1);
  assert.equal((await seenPlay(server, 'fetching', first)).status, 'fetching');
  const connections = source.sockets.size;
  await stopPlay(server, 'fetching', '1');
  const stopped = await playOver(server, 'fetching', first, 500);
  assert.deepEqual([stopped.status, stopped.targets[0]?.played_ms], ['stopped', 0]);
  await until('the fetch was given up', () => source.sockets.size < connections, 1000);
  const second = await startPlay(server, 'fetching', '1', { url: pitched(700) });
  const { at } = await firstSound(phone, second.at);
  assert.ok(at - second.at < 1000);
  assert.equal((await playOver(server, 'fetching', second)).status, 'completed');
});

test('a play that cannot be fetched fails with its reason, and the next one in the queue sounds', async (t) => {
  const phone = await call(t, 'failing');
  const failing = [
    { url: source.url('/nothing-here.mp3'), reason: 'http_status' },
    {
      url: source.file('/page.mp3', Buffer.from('<!doctype html><p>not a sound'), { 'content-type': 'text/html' }),
      reason: 'not_audio',
    },
    { url: `http://127.0.0.1:${closedPort}/gone.wav`, reason: 'unreachable' },
    { url: source.on('/mute.mp3', neverAnswers), reason: 'timeout' },
  ];
  const plays = [];
  for (const { url } of failing) plays.push(await startPlay(server, 'failing', '1', { url }));
  const good = await startPlay(server, 'failing', '1', { url: pitched(700) });
  const { at } = await firstSound(phone, good.at);
  assert.ok(at - good.at < 3000, 'nobody waits for the failed ones longer than the fetch may take');
  for (const [i, { reason }] of failing.entries()) {
    const play = plays[i];
    assert.ok(play);
    const seen = await playOver(server, 'failing', play);
    assert.deepEqual([seen.status, seen.reason, seen.targets[0]?.played_ms], ['failed', reason, 0]);
  }
  assert.equal((await playOver(server, 'failing', good)).status, 'completed');
  assert.deepEqual(melody(phone.heard(at), PITCHES), [700]);
  const metrics = await server.metrics();
  for (const { reason } of failing)
    assert.match(metrics, new RegExp(`partyline_play_failures_total\\{reason="${reason}"\\} 1`));
});

test('stop has to match start: all stops all, an id stops what was started by id', async (t) => {
  const phone = await call(t, 'forms');
  const byAll = await startPlay(server, 'forms', 'all', { url: pitched(400, 5000) });
  const byId = await startPlay(server, 'forms', '1', { url: pitched(600, 5000) });
  await playSounds(server, 'forms', byAll);
  await stopPlay(server, 'forms', 'all');
  assert.equal((await playOver(server, 'forms', byAll)).status, 'stopped');
  assert.equal((await playSounds(server, 'forms', byId)).status, 'playing');
  await stopPlay(server, 'forms', 'all');
  const heard = await phone.hearFor(400);
  assert.deepEqual(melody(heard.subarray(-1600), PITCHES), [600], 'the one by id goes on');
  const asked = performance.now();
  await stopPlay(server, 'forms', '1');
  assert.equal((await playOver(server, 'forms', byId)).status, 'stopped');
  await phone.hearFor(100);
  const last = phone.packets.findLast(({ samples }) => samples.some((sample) => Math.abs(sample) > 1000));
  assert.ok((last?.at ?? 0) - asked < 200, 'and ends at once');
});
