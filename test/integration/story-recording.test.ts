import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { chooseDecoder } from '../../media/clip/index.ts';
import { CallbackReceiver, type ReceivedCallback } from '../support/callback-receiver.ts';
import { ClipServer } from '../support/clip-server.ts';
import { plivoClient } from '../support/plivo-sdk.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { levelAt, rmsDb, tone } from '../support/tones.ts';
import { readWav, writeWav } from '../support/wav.ts';

const RATE = 8000;
const ANA = 440;
const BEN = 650;
const SECRET = 880;
const PLAYED = 1200;
const PITCHES = [ANA, BEN, SECRET, PLAYED];
const LOUD_DB = -30;

let receiver: CallbackReceiver;
let clips: ClipServer;
let server: TestServer;

before(async () => {
  receiver = await CallbackReceiver.start();
  clips = await ClipServer.start();
  server = await startServer({ FETCH_ALLOW: `${receiver.allow},${clips.allow}` });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await receiver.close();
  await clips.close();
});

/** The callbacks of one recording, waiting until one of this name has come. */
async function told(id: string, event: string, waitMs = 8000): Promise<readonly ReceivedCallback[]> {
  const own = () => receiver.received.filter(({ fields }) => fields.RecordingUUID === id);
  await until(`${event} of ${id}`, () => own().some(({ fields }) => fields.EventName === event), waitMs);
  return own();
}

function eventsOf(callbacks: readonly ReceivedCallback[]): (string | undefined)[] {
  return callbacks.map(({ fields }) => fields.EventName);
}

function authorization({ authId, authToken }: TestServer): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${authId}:${authToken}`).toString('base64')}` };
}

async function download(of: TestServer, url: string): Promise<Buffer> {
  const response = await fetch(url, { headers: authorization(of) });
  assert.equal(response.status, 200, await response.clone().text());
  return Buffer.from(await response.arrayBuffer());
}

/** When each pitch sounds, in seconds from the start, by windows of 100 ms. */
function heardAt(samples: Int16Array, hz: number): { readonly from: number; readonly to: number; seconds: number } {
  const window = RATE / 10;
  const loud: number[] = [];
  for (let at = 0; at + window <= samples.length; at += window)
    if (levelAt(samples.subarray(at, at + window), RATE, hz) > LOUD_DB) loud.push(at / RATE);
  return { from: loud[0] ?? Number.NaN, to: (loud.at(-1) ?? Number.NaN) + 0.1, seconds: loud.length / 10 };
}

function pitches(samples: Int16Array): number[] {
  return PITCHES.filter((hz) => heardAt(samples, hz).seconds > 0);
}

async function decodeMp3(file: Buffer): Promise<Int16Array> {
  const { decoder } = await chooseDecoder(undefined);
  assert.ok(decoder, 'an ffmpeg works');
  const args = [
    '-loglevel',
    'error',
    '-f',
    'mp3',
    '-i',
    'pipe:0',
    '-f',
    's16le',
    '-ac',
    '1',
    '-ar',
    String(RATE),
    'pipe:1',
  ];
  const child = spawn(decoder.path, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => parts.push(bytes));
  child.stdin.end(file);
  assert.deepEqual(await once(child, 'close'), [0, null]);
  const bytes = Buffer.concat(parts);
  return Int16Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(i * 2));
}

/** Speaks for so long, by the clock. */
async function say(phone: Softphone, hz: number, ms: number): Promise<void> {
  const voice = phone.speak({ hz, db: -12 });
  await wait(ms);
  voice.stop();
}

test('an MPC and its members are recorded through the SDK: every voice and play at its time, nothing of a pause', async (t) => {
  // The SDK takes away what it is given.
  const of = () => ({ friendlyName: 'board' });
  const plivo = plivoClient(server);
  const ana = await Softphone.call({ sipPort: server.sipPort, mpc: 'board' });
  t.after(() => ana.hangUp());
  const ben = await Softphone.call({ sipPort: server.sipPort, mpc: 'board' });
  t.after(() => ben.hangUp());
  assert.equal((await plivo.multiPartyCalls.get(of())).recording, 'not-recording');

  const started = performance.now();
  const wav = await plivo.multiPartyCalls.startRecording({
    ...of(),
    fileFormat: 'wav',
    recordingCallbackUrl: receiver.url('/board.wav'),
  });
  assert.equal(wav.message, 'MPC: board record started');
  const both = await plivo.multiPartyCalls.startParticipantRecording(1, { ...of(), recordTrackType: 'both' });
  assert.equal(both.message, 'MPC: board participant record started');
  const [all, own] = both.recordings as { recordingId: string; recordingUrl: string }[];
  assert.ok(all && own && both.recordingId === own.recordingId, 'both are told, hers first of all');
  assert.equal((await plivo.multiPartyCalls.get(of())).recording, 'recording');
  await assert.rejects(plivo.multiPartyCalls.startRecording(of()), /is being recorded already/);

  await say(ana, ANA, 1000);
  const benAt = performance.now();
  await say(ben, BEN, 1000);
  await wait(300);
  await plivo.multiPartyCalls.pauseRecording(of());
  assert.equal((await plivo.multiPartyCalls.get(of())).recording, 'paused');
  await assert.rejects(plivo.multiPartyCalls.pauseRecording(of()), /paused already/);
  await plivo.multiPartyCalls.pauseParticipantRecording(1, { ...of(), recordTrackType: 'participant' });
  await say(ana, SECRET, 800);
  await wait(300);
  await plivo.multiPartyCalls.resumeParticipantRecording(1, { ...of(), recordTrackType: 'participant' });
  await plivo.multiPartyCalls.resumeRecording(of());
  const resumed = performance.now();
  const clip = clips.file('/note.wav', writeWav(tone(RATE, RATE, { hz: PLAYED, db: -12 }), RATE));
  assert.equal((await server.api('POST', '/MultiPartyCall/name_board/Member/2/Play/', { url: clip })).status, 202);
  await say(ana, ANA, 1000);
  await wait(500);
  await plivo.multiPartyCalls.stopRecording(of());
  const paused = resumed - benAt - 1300;
  const lasted = (performance.now() - started - paused) / 1000;
  await plivo.multiPartyCalls.stopParticipantRecording(1, { ...of(), recordTrackType: 'both' });
  await assert.rejects(plivo.multiPartyCalls.stopRecording(of()), /is not being recorded/);

  const callbacks = await told(String(wav.recordingId), 'MPCRecordingCompleted');
  assert.deepEqual(eventsOf(callbacks), [
    'MPCRecordingInitiated',
    'MPCRecordingPaused',
    'MPCRecordingResumed',
    'MPCRecordingCompleted',
  ]);
  const last = callbacks.at(-1)?.fields ?? {};
  assert.equal(last.RecordingURL, wav.recordingUrl);
  assert.equal(last.SequenceNumber, '4');

  const samples = readWav(await download(server, String(wav.recordingUrl))).samples;
  const seconds = samples.length / RATE;
  assert.ok(Math.abs(seconds - lasted) < 0.7, `${seconds} s recorded, ${lasted} s were meant`);
  assert.ok(Math.abs(seconds - Number(last.RecordingDurationMs) / 1000) < 0.01, 'the callback tells its length');
  assert.deepEqual(pitches(samples), [ANA, BEN, PLAYED]);
  const [first, second] = [heardAt(samples, ANA), heardAt(samples, BEN)];
  assert.ok(Math.abs(second.from - (benAt - started) / 1000) < 0.4, `ben begins at ${second.from} s`);
  assert.ok(Math.abs(second.seconds - 1) < 0.4 && Math.abs(first.seconds - 2) < 0.5, 'each as long as he spoke');
  assert.ok(first.from < second.from && first.to > second.to, 'ana before and after ben');

  // Members' recordings are mp3s, made one after the other.
  const finished = (id: string) =>
    until(`the file of ${id}`, async () => (await plivo.recordings.get(id)).recordingDurationMs !== null, 8000);
  await finished(all.recordingId);
  await finished(own.recordingId);
  const whole = await decodeMp3(await download(server, all.recordingUrl));
  assert.deepEqual(pitches(whole), [ANA, BEN, SECRET, PLAYED]);
  const hers = await decodeMp3(await download(server, own.recordingUrl));
  assert.deepEqual(pitches(hers), [ANA]);

  const listed = await plivo.recordings.list({ mpcName: 'board' });
  assert.equal(listed.length, 3);
  assert.equal((await plivo.recordings.get(own.recordingId)).recordingFormat, 'mp3');
  await plivo.recordings.delete(own.recordingId);
  await assert.rejects(plivo.recordings.get(own.recordingId), /not found/);
});

test('the file is for the account alone, comes in ranges, and no path leads anywhere else', async (t) => {
  const ana = await Softphone.call({ sipPort: server.sipPort, mpc: 'ranges' });
  t.after(() => ana.hangUp());
  const start = await server.api('POST', '/MultiPartyCall/name_ranges/Record/', {
    file_format: 'wav',
    recording_callback_url: receiver.url('/ranges'),
  });
  const { recording_id: id, recording_url: url } = start.body as { recording_id: string; recording_url: string };
  assert.equal((await server.api('GET', `/Recording/${id}.wav`)).status, 409);
  assert.equal((await server.api('DELETE', `/Recording/${id}/`)).status, 409);
  await say(ana, ANA, 400);
  // The MPC ends with its last member, and the recording with it.
  await ana.hangUp();
  const done = (await told(id, 'MPCRecordingCompleted')).at(-1)?.fields;
  assert.equal(done?.Reason, 'mpc_ended');
  const file = await download(server, url);
  assert.equal((await fetch(url)).status, 401);
  const headers = authorization(server);
  const part = await fetch(url, { headers: { ...headers, range: 'bytes=44-143' } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get('content-range'), `bytes 44-143/${file.length}`);
  assert.equal(part.headers.get('content-type'), 'audio/wav');
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), file.subarray(44, 144));
  const beyond = await fetch(url, { headers: { ...headers, range: `bytes=${file.length}-` } });
  assert.equal(beyond.status, 416);
  assert.match(((await beyond.json()) as { error: string }).error, /no such range/);
  const head = await fetch(url, { method: 'HEAD', headers });
  assert.equal(head.headers.get('content-length'), String(file.length));
  for (const path of [
    `${id}.wav.part`,
    '..%2fcredentials.json',
    `..%2f${id}.wav`,
    `${id}.wav%00`,
    `${id}.json`,
    '%2e%2e',
  ])
    assert.equal((await server.api('GET', `/Recording/${path}`)).status, 404, path);
  assert.equal((await server.api('DELETE', `/Recording/${id}/`)).status, 204);
  assert.equal((await server.api('GET', `/Recording/${id}.wav`)).status, 404);
  await until('the file is gone', async () =>
    (await readdir(join(server.dataDir, 'recordings'))).every((name) => !name.startsWith(id)),
  );
});

test('kill -9 in the midst: the next start has the recording up to the last second, and tells of it', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'partyline-crash-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const env = { FETCH_ALLOW: receiver.allow, DATA_DIR: dataDir };
  const first = await startServer(env);
  t.after(() => first.stop());
  const ana = await Softphone.call({ sipPort: first.sipPort, mpc: 'crash' });
  t.after(() => {
    // Nobody is there to answer her BYE.
    ana.ended = true;
    return ana.hangUp();
  });
  const start = await first.api('POST', '/MultiPartyCall/name_crash/Record/', {
    recording_callback_url: receiver.url('/crash'),
  });
  const { recording_id: id } = start.body as { recording_id: string };
  const startedAt = performance.now();
  await told(id, 'MPCRecordingInitiated');
  const voice = ana.speak({ hz: ANA, db: -12 });
  await wait(2500);
  const lived = (performance.now() - startedAt) / 1000;
  process.kill(first.pid, 'SIGKILL');
  voice.stop();
  await first.stop();

  const second = await startServer(env);
  t.after(() => second.stop());
  const callbacks = await told(id, 'MPCRecordingCompleted', 15_000);
  assert.deepEqual(eventsOf(callbacks), ['MPCRecordingInitiated', 'MPCRecordingCompleted']);
  const { fields } = callbacks.at(-1)!;
  assert.equal(fields.SequenceNumber, '2');
  assert.equal(fields.Reason, 'server_ended');
  assert.equal(fields.RecordingFormat, 'mp3');
  const path = new URL(fields.RecordingURL ?? '').pathname;
  const samples = await decodeMp3(await download(second, `${second.httpUrl}${path}`));
  const seconds = samples.length / RATE;
  assert.ok(seconds > lived - 1 && seconds < lived + 0.5, `${seconds} s of ${lived} s are there`);
  assert.ok(rmsDb(samples.subarray(-RATE / 2)) > LOUD_DB, 'sound to the end');
  assert.deepEqual(pitches(samples), [ANA]);
});
