import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ClipServer } from '../support/clip-server.ts';
import { type PlivoClient, plivoClient, type SdkAnswer } from '../support/plivo-sdk.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn, tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

const RATE = 8000;
const SPEECH_HZ = [440, 550, 660];
const PLAYED_HZ = 1000;
const OTHER_HZ = 1400;
const ALL_HZ = [...SPEECH_HZ, PLAYED_HZ, OTHER_HZ];

let server: TestServer;
let clips: ClipServer;
let plivo: PlivoClient;
let short: string;
let long: string;
let other: string;
let mpcs = 0;
let friendlyName: string;

before(async () => {
  clips = await ClipServer.start();
  short = clips.file('/short.wav', writeWav(tone(RATE, RATE, PLAYED_HZ), RATE));
  long = clips.file('/long.wav', writeWav(tone(RATE, RATE * 20, PLAYED_HZ), RATE));
  other = clips.file('/other.wav', writeWav(tone(RATE, RATE * 20, OTHER_HZ), RATE));
  server = await startServer({ FETCH_ALLOW: clips.allow });
  plivo = plivoClient(server);
});

after(async () => {
  await clips.close();
  assert.equal(await server.stop(), 0);
});

beforeEach(() => {
  mpcs += 1;
  friendlyName = `Plivo test ${mpcs}`;
});

function join(role: 'agent' | 'customer' | 'supervisor' = 'customer'): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${friendlyName}`, role });
}

/** Three members who each hum a pitch of their own. */
async function three(): Promise<[WsClient, WsClient, WsClient]> {
  const members = [await join('agent'), await join(), await join()] as const;
  for (const [i, member] of members.entries()) member.speak(SPEECH_HZ[i] ?? 0);
  await Promise.all(members.map((member) => member.hearFor(300)));
  return [...members];
}

const hears = async (member: WsClient): Promise<number[]> => hzIn(await member.hearFor(500), RATE, ALL_HZ);

/** Waits until a member hears exactly these pitches. */
async function untilHears(member: WsClient, expected: readonly number[]): Promise<void> {
  await until(`member ${member.memberId} hears ${expected.join(', ')} Hz`, async () => {
    const heard = hzIn(await member.hearFor(300), RATE, ALL_HZ);
    return heard.join() === expected.join();
  });
}

async function playOf(answer: SdkAnswer): Promise<SdkAnswer> {
  const path = `/MultiPartyCall/name_${encodeURIComponent(friendlyName)}/Play/${answer.apiId}/`;
  return (await server.api('GET', path)).body as SdkAnswer;
}

/** The SDK hands errors on with their status, our text and our id. */
const rejectsWith = (promise: Promise<unknown>, status: number, message: RegExp) =>
  assert.rejects(promise, (error: Error & { status?: number; apiID?: string }) => {
    assert.deepEqual([error.status, typeof error.apiID], [status, 'string']);
    assert.match(error.message, message);
    return true;
  });

test('the SDK lists and reads MPCs and participants', async () => {
  const [ana, ben] = await three();
  const mpc = await plivo.multiPartyCalls.get({ friendlyName });
  assert.equal(mpc.friendlyName, friendlyName);
  assert.equal(mpc.status, 'Active');
  assert.equal(mpc.mpcUuid, ana.mpcUuid);
  const listed = await plivo.multiPartyCalls.list({ friendlyName, status: 'active' });
  assert.deepEqual(
    listed.map((one) => one.mpcUuid),
    [ana.mpcUuid],
  );
  assert.equal((await plivo.multiPartyCalls.list({ friendlyName, status: 'ended' })).length, 0);

  const participants = (await plivo.multiPartyCalls.listParticipants({ uuid: ana.mpcUuid })).objects as SdkAnswer[];
  assert.deepEqual(
    participants.map((one) => [one.memberId, one.role]),
    [
      ['1', 'agent'],
      ['2', 'customer'],
      ['3', 'customer'],
    ],
  );
  const found = await plivo.multiPartyCalls.listParticipants({ friendlyName, callUuid: ben.callUuid });
  assert.deepEqual(
    (found.objects as SdkAnswer[]).map((one) => one.memberId),
    ['2'],
  );
  const one = await plivo.multiPartyCalls.getParticipant(2, { friendlyName });
  assert.equal(one.callUuid, ben.callUuid);
  await plivo.multiPartyCalls.stop({ friendlyName });
});

test('a play to one member is heard by that member alone, over the live speech, and can be stopped', async () => {
  const [ana, ben, eve] = await three();
  const answer = await plivo.multiPartyCalls.startPlayAudio('2', long, { friendlyName });
  assert.equal(answer.message, 'play queued into MPC');
  assert.deepEqual(answer.mpcMemberId, ['2']);
  assert.equal(answer.mpcName, friendlyName);
  await untilHears(ben, [440, 660, PLAYED_HZ]);
  assert.deepEqual(await hears(ana), [550, 660]);
  assert.deepEqual(await hears(eve), [440, 550]);
  assert.equal((await playOf(answer)).status, 'playing');

  await plivo.multiPartyCalls.stopPlayAudio('2', { friendlyName });
  await untilHears(ben, [440, 660]);
  const over = await until('the play is stopped', async () => {
    const play = await playOf(answer);
    return play.status === 'stopped' ? play : undefined;
  });
  const [target] = over.targets as { reason: string; played_ms: number; start_latency_ms: number }[];
  assert.equal(target?.reason, 'stopped');
  assert.ok((target?.played_ms ?? 0) >= 500, 'it says how much was really sent');
  assert.ok((target?.start_latency_ms ?? 0) > 0);
  await plivo.multiPartyCalls.stop({ friendlyName });
});

test('a list reaches those listed, "all" everybody, and each is stopped by its own form', async () => {
  const [ana, ben, eve] = await three();
  const listed = await plivo.multiPartyCalls.startPlayAudio('1,3', long, { friendlyName });
  assert.deepEqual(listed.mpcMemberId, ['1', '3']);
  await untilHears(ana, [550, 660, PLAYED_HZ]);
  await untilHears(eve, [440, 550, PLAYED_HZ]);
  assert.deepEqual(await hears(ben), [440, 660]);

  const all = await plivo.multiPartyCalls.startPlayAudio('all', other, { friendlyName });
  assert.deepEqual(all.mpcMemberId, ['1', '2', '3']);
  await untilHears(ben, [440, 660, OTHER_HZ]);
  assert.deepEqual(await hears(ana), [550, 660, PLAYED_HZ], 'for the others it waits in the queue');

  await plivo.multiPartyCalls.stopPlayAudio('1,3', { friendlyName });
  await untilHears(ana, [550, 660, OTHER_HZ]);
  await untilHears(eve, [440, 550, OTHER_HZ]);
  await plivo.multiPartyCalls.stopPlayAudio('all', { friendlyName });
  await untilHears(ana, [550, 660]);
  await untilHears(ben, [440, 660]);
  await plivo.multiPartyCalls.stopPlayAudio('all', { friendlyName });
  await plivo.multiPartyCalls.stop({ friendlyName });
});

test('a play ends by itself and says so', async () => {
  const ana = await join();
  const answer = await plivo.multiPartyCalls.startPlayAudio('all', short, { friendlyName });
  const over = await until('the play is over', async () => {
    const play = await playOf(answer);
    return play.end_time ? play : undefined;
  });
  assert.equal(over.status, 'completed');
  const [target] = over.targets as { member_id: string; played_ms: number }[];
  assert.deepEqual(target && [target.member_id, target.played_ms], ['1', 1000]);
  await ana.leave();
});

test('a play whose file is not there fails with its reason, and the next one starts', async () => {
  const ana = await join();
  const missing = await plivo.multiPartyCalls.startPlayAudio('1', clips.url('/missing.wav'), { friendlyName });
  await plivo.multiPartyCalls.startPlayAudio('1', long, { friendlyName });
  await untilHears(ana, [PLAYED_HZ]);
  const failed = await playOf(missing);
  assert.deepEqual([failed.status, failed.reason], ['failed', 'http_status']);
  await ana.leave();
});

test('the Call Play of the SDK reaches one leg, the others, or all of them', async () => {
  const [ana, ben, eve] = await three();
  const answer = await plivo.calls.playMusic(ben.callUuid, long);
  assert.equal(answer.message, 'play started');
  await untilHears(ben, [440, 660, PLAYED_HZ]);
  assert.deepEqual(await hears(ana), [550, 660]);
  await plivo.calls.stopPlayingMusic(ben.callUuid);
  await untilHears(ben, [440, 660]);

  await plivo.calls.playMusic(ben.callUuid, [long, other].join(), { legs: 'bleg', loop: true });
  await untilHears(ana, [550, 660, PLAYED_HZ]);
  await untilHears(eve, [440, 550, PLAYED_HZ]);
  assert.deepEqual(await hears(ben), [440, 660]);
  await plivo.calls.stopPlayingMusic(ben.callUuid);
  await untilHears(ana, [550, 660]);

  await plivo.calls.playMusic(ben.callUuid, long, { legs: 'both', mix: false });
  for (const member of [ana, ben, eve]) await untilHears(member, [PLAYED_HZ]);
  await plivo.multiPartyCalls.stop({ friendlyName });
});

test('mute and hold decide who is heard', async () => {
  const [ana, ben, eve] = await three();
  const answer = await plivo.multiPartyCalls.updateParticipant(2, { friendlyName, mute: true });
  assert.equal(answer.mute, `MPC: ${friendlyName} mute/unmute member(s) succeeded`);
  await untilHears(ana, [660]);
  await untilHears(ben, [440, 660]);
  await plivo.multiPartyCalls.updateParticipant('2', { friendlyName, mute: false, hold: true });
  await untilHears(ben, []);
  assert.deepEqual(await hears(eve), [440]);
  await plivo.multiPartyCalls.updateParticipant('all', { friendlyName, hold: false });
  await untilHears(eve, [440, 550]);
  await plivo.multiPartyCalls.stop({ friendlyName });
});

test('an MPC whose members wait is started', async () => {
  const path = `/MultiPartyCall/name_${encodeURIComponent(friendlyName)}/Stream/`;
  const issued = await server.api('POST', path, { role: 'customer', start_mpc_on_enter: false, stay_alone: true });
  const { token } = issued.body as { token: string };
  const { wsUrl, authId } = server;
  const ana = await WsClient.join({ wsUrl, authId, streamToken: token, mpc: `name_${friendlyName}` });
  const statusNow = async () => (await plivo.multiPartyCalls.get({ friendlyName })).status;
  assert.equal(await statusNow(), 'Initialized');
  await plivo.multiPartyCalls.start({ friendlyName, status: 'active' });
  assert.equal(await statusNow(), 'Active');
  await ana.leave();
});

test('a kicked member is gone, and an ended MPC hangs up on everybody', async () => {
  const [ana, ben, eve] = await three();
  await plivo.multiPartyCalls.kickParticipant(2, { friendlyName });
  await ben.closed;
  await untilHears(ana, [660]);
  await plivo.multiPartyCalls.stop({ friendlyName });
  await Promise.all([ana.closed, eve.closed]);
  await rejectsWith(plivo.multiPartyCalls.get({ friendlyName }), 404, /^not found$/);
  const ended = await plivo.multiPartyCalls.get({ uuid: ana.mpcUuid });
  assert.deepEqual([ended.status, ended.terminationCause], ['Ended', 'Hangup API Triggered']);
});

test('the SDK sees our errors as the errors it knows', async () => {
  await rejectsWith(plivo.multiPartyCalls.startPlayAudio('1', short, { friendlyName: 'nobody' }), 404, /^not found$/);
  const ana = await join();
  await rejectsWith(plivo.multiPartyCalls.startPlayAudio('9', short, { friendlyName }), 404, /^not found$/);
  await rejectsWith(
    plivo.multiPartyCalls.startPlayAudio('1', 'http://10.0.0.1/private.wav', { friendlyName }),
    400,
    /^a url cannot be played: url: the address is not public/,
  );
  const stranger = plivoClient({ ...server, authToken: 'wrong-token' });
  await rejectsWith(stranger.multiPartyCalls.get({ friendlyName }), 401, /^authentication failed$/);
  await ana.leave();
});
