import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { findClip, withoutTones } from '../support/clip-match.ts';
import { ClipServer } from '../support/clip-server.ts';
import { playOver, playSounds, type StartedPlay } from '../support/plays.ts';
import { plivoClient, type SdkAnswer } from '../support/plivo-sdk.ts';
import { requireProgram } from '../support/programs.ts';
import { seededRandom } from '../support/random.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn, levelAt, rmsDb } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

const RATE = 8000;
const PITCHES = { ana: 440, bob: 660, eve: 880 } as const;
const HUMS = Object.values(PITCHES);
const MPC = 'Story of three';
/** A clip is there when it stands this far out of all that is not it; without it chance gives about -20 dB. */
const THERE_DB = 8;
const NOT_THERE_DB = -12;
const SILENT_DB = -45;
/** The clips are at -15 dB; what G.711 adds to the hums is below this. */
const STOPPED_DB = -32;

let source: ClipServer;
let server: TestServer;

before(async () => {
  source = await ClipServer.start();
  server = await startServer({ FETCH_ALLOW: source.allow });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
});

/** Noise, as no stretch of it is like another: a recording tells exactly which part of which clip it holds. */
function noise(seed: number, seconds: number): Int16Array {
  const random = seededRandom(seed);
  return Int16Array.from({ length: seconds * RATE }, () => Math.round((random() * 2 - 1) * 8000));
}

function serve(name: string, samples: Int16Array): string {
  return source.file(`/${name}.wav`, writeWav(samples, RATE), { 'cache-control': 'max-age=600' });
}

/**
 * How far a clip stands out of all that is not it, in dB: the lower middle one of its quarters, each found by itself. A recording
 * of what was received is shorter for each packet that a busy machine lost, and then holds the clip in two places.
 */
function presence(clip: Int16Array, recording: Int16Array): number {
  const quarter = clip.length >> 2;
  const found = [0, 1, 2, 3].map((i) =>
    findClip(clip.subarray(i * quarter, (i + 1) * quarter), recording, HUMS, recording.length - quarter),
  );
  return found.map(({ snrDb }) => snrDb).sort((a, b) => a - b)[1] ?? Number.NaN;
}

async function phone(t: TestContext, name: 'ana' | 'bob'): Promise<Baresip> {
  const started = await Baresip.start({ name, hz: PITCHES[name] });
  t.after(() => started.stop());
  await started.dial(`sip:${encodeURIComponent(MPC)}@127.0.0.1:${server.sipPort}`);
  return started;
}

test("two phones and a WebSocket member hear each other and what Plivo's SDK plays to them, and nothing else", async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const { multiPartyCalls: mpcs } = plivoClient(server);
  const of = () => ({ friendlyName: MPC });
  const ana = await phone(t, 'ana');
  const bob = await phone(t, 'bob');
  const { wsUrl, authId, authToken } = server;
  const eve = await WsClient.join({ wsUrl, authId, authToken, mpc: `name_${MPC}`, role: 'agent' });
  t.after(() => eve.leave());
  eve.speak(PITCHES.eve);

  const [listed] = await mpcs.list({ status: 'active', friendlyName: MPC });
  assert.deepEqual([listed?.friendlyName, listed?.status, listed?.mpcUuid], [MPC, 'Active', eve.mpcUuid]);
  const { objects } = await mpcs.listParticipants(of());
  assert.deepEqual(
    (objects as SdkAnswer[]).map(({ memberId, role }) => [memberId, role]),
    [
      ['1', 'customer'],
      ['2', 'customer'],
      ['3', 'agent'],
    ],
  );

  // Everybody hears the other two before anything is played.
  const lastOf = async (listener: Baresip): Promise<Int16Array> => (await listener.heard()).samples.slice(-RATE / 2);
  const heardHz = async (): Promise<number[][]> =>
    [await lastOf(ana), await lastOf(bob), await eve.hearFor(500)].map((sound) => hzIn(sound, RATE, HUMS, -20));
  const others = [
    [660, 880],
    [440, 880],
    [440, 660],
  ];
  await until('all hear the others', async () => JSON.stringify(await heardHz()) === JSON.stringify(others), 10_000);

  const clips = { bob: noise(1, 1), two: noise(2, 1), all: noise(3, 1), long: noise(4, 20) };
  const play = async (members: string | number, url: string): Promise<StartedPlay & { readonly answer: SdkAnswer }> => {
    const at = performance.now();
    const answer = await mpcs.startPlayAudio(members, url, of());
    return { id: String(answer.apiId), at, members: answer.mpcMemberId as string[], answer };
  };
  const name = encodeURIComponent(MPC);

  const toBob = await play(2, serve('bob', clips.bob));
  assert.deepEqual(
    [toBob.answer.message, toBob.answer.mpcMemberId, toBob.answer.mpcName],
    ['play queued into MPC', ['2'], MPC],
  );
  assert.equal((await playOver(server, name, toBob)).status, 'completed');
  const toTwo = await play('1,3', serve('two', clips.two));
  assert.deepEqual(toTwo.members, ['1', '3']);
  assert.equal((await playOver(server, name, toTwo)).status, 'completed');

  // The second time its sound is in memory.
  const url = serve('all', clips.all);
  assert.equal((await playOver(server, name, await play('all', url))).cache, 'miss');
  const warm = await play('all', url);
  assert.deepEqual(warm.members, ['1', '2', '3']);
  const played = await playOver(server, name, warm);
  assert.deepEqual([played.cache, played.status], ['hit', 'completed']);
  for (const { member_id, start_latency_ms } of played.targets)
    assert.ok((start_latency_ms ?? Number.NaN) < 250, `${start_latency_ms} ms for member ${member_id}`);
  const since = eve.frames.filter(({ at }) => at >= warm.at);
  const found = findClip(clips.all.subarray(0, RATE / 4), eve.heard(warm.at), HUMS);
  const arrived = since[Math.floor(found.at / 160)]?.at ?? Number.NaN;
  assert.ok(found.snrDb > THERE_DB, `eve hears it ${found.snrDb} dB above the rest`);
  assert.ok(arrived - warm.at < 250, `${arrived - warm.at} ms until eve hears it`);

  const long = await play('all', serve('long', clips.long));
  await playSounds(server, name, long);
  await mpcs.stopPlayAudio('all', of());
  const stopped = await playOver(server, name, long, 1000);
  assert.deepEqual([stopped.status, stopped.reason], ['stopped', null]);
  await until('the stopped play is no longer heard', async () => {
    return rmsDb(withoutTones(await eve.hearFor(200), HUMS)) < STOPPED_DB;
  });

  await mpcs.kickParticipant(3, of());
  assert.equal((await eve.closed).reason, 'kicked');
  assert.equal(await mpcs.stop(of()), true);
  await Promise.all([ana.event('CALL_CLOSED'), bob.event('CALL_CLOSED')]);
  assert.deepEqual(await mpcs.list({ status: 'active' }).then((list) => list.map(({ mpcUuid }) => mpcUuid)), []);

  const recordings = { ana: (await ana.heard()).samples, bob: (await bob.heard()).samples, eve: eve.heard() };
  const heard = Object.entries(recordings).map(([member, recording]) => {
    const there = Object.entries({ bob: clips.bob, two: clips.two, all: clips.all }).map(([clip, samples]) => {
      const snrDb = presence(samples, recording);
      assert.ok(snrDb > THERE_DB || snrDb < NOT_THERE_DB, `${clip} at ${member}: ${snrDb} dB leaves doubt`);
      return snrDb > THERE_DB ? clip : '';
    });
    return [member, there.filter(Boolean)];
  });
  assert.deepEqual(heard, [
    ['ana', ['two', 'all']],
    ['bob', ['bob', 'all']],
    ['eve', ['two', 'all']],
  ]);
  for (const [member, recording] of Object.entries(recordings)) {
    const own = PITCHES[member as keyof typeof PITCHES];
    // The noise of the clips has a little of every pitch, so only the time before them counts.
    const first = findClip(member === 'bob' ? clips.bob : clips.two, recording, HUMS).at;
    const level = levelAt(recording.subarray(0, first), RATE, own);
    assert.ok(level < SILENT_DB, `${member} hears itself at ${level} dB`);
  }
});
