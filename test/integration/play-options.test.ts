import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ClipServer } from '../support/clip-server.ts';
import { between, envelope, lengthMs, melody, notes, RATE, sounding } from '../support/listening.ts';
import { playOver, type SeenPlay, type StartedPlay, seenPlay, startPlay } from '../support/plays.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn, levelAt, rmsDb, tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

/*
 * Every option of a play, through the API, judged by what members hear. Members are silent unless a test says otherwise,
 * so a recording has what was played and nothing else. Times are counted in samples, not by the clock.
 */

const HZ = 1000;
const OTHER_HZ = 1400;
const DB = -20;
/** One pitch for each half second, so that one hears where in the file one is. */
const STEPS = [500, 620, 740, 860, 980, 1100, 1220, 1340, 1460, 1580];
const STEP_MS = 500;

let server: TestServer;
let clips: ClipServer;
let mpcs = 0;
const file: Record<'half' | 'second' | 'long' | 'other' | 'otherLong' | 'steps' | 'loud' | 'quiet', string> =
  Object.create(null);

const wav = (name: string, ms: number, hz: number, db = DB): string =>
  clips.file(`/${name}.wav`, writeWav(tone(RATE, (RATE * ms) / 1000, { hz, db }), RATE));

before(async () => {
  clips = await ClipServer.start();
  file.half = wav('half', 500, HZ);
  file.second = wav('second', 1000, HZ);
  file.long = wav('long', 20_000, HZ);
  file.other = wav('other', 1000, OTHER_HZ);
  file.otherLong = wav('other-long', 20_000, OTHER_HZ);
  file.loud = wav('loud', 1500, HZ, -12);
  file.quiet = wav('quiet', 1500, HZ, -24);
  const steps = STEPS.flatMap((hz) => [...tone(RATE, (RATE * STEP_MS) / 1000, { hz, db: DB })]);
  file.steps = clips.file('/steps.wav', writeWav(Int16Array.from(steps), RATE));
  server = await startServer({ FETCH_ALLOW: clips.allow });
});

after(async () => {
  await clips.close();
  assert.equal(await server.stop(), 0);
});

function join(mpc: string, role: 'agent' | 'customer' | 'supervisor' = 'customer'): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  const contentType = 'audio/x-l16;rate=8000';
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, role, contentType, framing: 'binary' });
}

/** An MPC of so many members of its own. */
async function party(size: number): Promise<{ mpc: string; members: WsClient[] }> {
  mpcs += 1;
  const mpc = `options-${mpcs}`;
  const members: WsClient[] = [];
  for (let i = 0; i < size; i++) members.push(await join(mpc));
  return { mpc, members };
}

/** A member alone, to whom something is played to its end; what she heard of it. */
async function heardOf(body: object): Promise<{ sound: Int16Array; seen: SeenPlay }> {
  const { mpc, members } = await party(1);
  const [ana] = members as [WsClient];
  const play = await startPlay(server, mpc, 'all', body);
  const seen = await playOver(server, mpc, play);
  await ana.hearFor(100);
  await ana.leave();
  assert.equal(seen.status, 'completed', JSON.stringify(seen));
  return { sound: sounding(ana.heard()), seen };
}

const change = async (mpc: string, play: StartedPlay, body: object): Promise<SeenPlay> => {
  const answer = await server.api('POST', `/MultiPartyCall/name_${mpc}/Play/${play.id}/`, body);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  return answer.body as SeenPlay;
};

const hears = async (member: WsClient, ms = 300): Promise<number[]> =>
  hzIn(await member.hearFor(ms), RATE, [HZ, OTHER_HZ, 440]);

async function untilHears(member: WsClient, expected: readonly number[]): Promise<void> {
  await until(`${expected} Hz are heard`, async () => (await hears(member, 200)).join() === expected.join());
}

const near = (actual: number, expected: number, within: number, what = ''): void =>
  assert.ok(Math.abs(actual - expected) <= within, `${what} ${actual} instead of ${expected}`);

describe('one play', { concurrency: 4 }, () => {
  test('loop plays the file so many times, without a gap', async () => {
    const { sound, seen } = await heardOf({ url: file.half, loop: 3 });
    near(lengthMs(sound), 1500, 2);
    assert.equal(seen.targets[0]?.played_ms, 1500);
    for (const db of envelope(sound)) near(db, DB, 0.5);
  });

  test('several files follow each other without a gap', async () => {
    const { sound } = await heardOf({ urls: [file.half, file.other] });
    near(lengthMs(sound), 1500, 2);
    assert.deepEqual(notes(melody(sound, [HZ, OTHER_HZ], 50)), [HZ, OTHER_HZ]);
    for (const db of envelope(sound)) near(db, DB, 1);
  });

  test('volume is heard as so many dB', async () => {
    for (const volume of [-9.5, 6]) {
      const { sound } = await heardOf({ url: file.second, volume });
      near(levelAt(sound, RATE, HZ), DB + volume, 0.5, 'dB');
    }
  });

  test('start_ms and length cut a piece out of the file', async () => {
    const { sound, seen } = await heardOf({ url: file.steps, start_ms: 1250, length: 1.5 });
    near(lengthMs(sound), 1500, 2);
    const pieces = [
      between(sound, 0, 240),
      between(sound, 260, 740),
      between(sound, 760, 1240),
      between(sound, 1260, 1490),
    ];
    assert.deepEqual(
      pieces.map((piece) => melody(piece, STEPS, lengthMs(piece))[0]),
      STEPS.slice(2, 6),
    );
    assert.equal(seen.targets[0]?.played_ms, 1500);
    near(seen.position_ms, 2750, 250, 'position');
  });

  test('fades rise and fall in a straight line', async () => {
    const { sound } = await heardOf({ url: file.second, fade_in_ms: 400, fade_out_ms: 400 });
    const linear = envelope(sound, 40).map((db) => 10 ** ((db - DB) / 20));
    near(lengthMs(sound), 1000, 30);
    for (const [i, gain] of linear.entries()) {
      const middle = (i + 0.5) * 40;
      near(gain, Math.max(0, Math.min(1, middle / 400, (1000 - middle) / 400)), 0.12, `at ${middle} ms the gain is`);
    }
  });

  test('normalize brings files that are 12 dB apart to one loudness, the volume on top', async () => {
    const [loud, quiet, softer] = await Promise.all([
      heardOf({ url: file.loud, normalize: true }),
      heardOf({ url: file.quiet, normalize: true }),
      heardOf({ url: file.quiet, normalize: -23, volume: -6 }),
    ]);
    const level = ({ sound }: { sound: Int16Array }) => levelAt(sound, RATE, HZ);
    near(level(loud), level(quiet), 1, 'dB apart:');
    // A tone of 1 kHz reads 3 LU less than its level against a full-scale sine.
    near(level(quiet), -19 + 3, 0.5, 'dB');
    near(level(softer), -23 + 3 - 6, 0.5, 'dB');
    for (const { sound } of [loud, quiet]) near(lengthMs(sound), 1500, 2);
  });
});

describe('several members and plays', { concurrency: 4 }, () => {
  test('replace ends what plays and begins at once; queue waits', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    const first = await startPlay(server, mpc, '1', { url: file.long });
    const waiting = await startPlay(server, mpc, '1', { url: file.long });
    await untilHears(ana, [HZ]);
    assert.equal((await seenPlay(server, mpc, waiting)).status, 'queued');
    await startPlay(server, mpc, '1', { url: file.otherLong, mode: 'replace' });
    await untilHears(ana, [OTHER_HZ]);
    for (const play of [first, waiting]) {
      const seen = await playOver(server, mpc, play);
      assert.deepEqual([seen.status, seen.targets[0]?.reason], ['stopped', 'stopped']);
    }
    await ana.leave();
  });

  test('priority goes in front of what waits', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    await startPlay(server, mpc, '1', { url: file.long, length: 2 });
    // What is asked for with a priority rightly goes in front of a play that has not begun to sound.
    await untilHears(ana, [HZ]);
    const last = await startPlay(server, mpc, '1', { url: file.other, length: 0.5 });
    await startPlay(server, mpc, '1', { url: file.steps, length: 0.4, priority: 5 });
    await playOver(server, mpc, last);
    await ana.hearFor(100);
    assert.deepEqual(
      notes(melody(sounding(ana.heard()), [HZ, STEPS[0] ?? 0, OTHER_HZ], 50)).filter((note) => note !== undefined),
      [HZ, STEPS[0], OTHER_HZ],
    );
    await ana.leave();
  });

  test('layers sound together: the bed dips under an announcement, waits when it is to, and comes back', async () => {
    const { mpc, members } = await party(2);
    const [ana, ben] = members as [WsClient, WsClient];
    const dipping = await startPlay(server, mpc, '1', { url: file.long, layer: 'bed' });
    const pausing = await startPlay(server, mpc, '2', {
      url: file.long,
      mode: 'layer',
      layer: 'bed',
      covered: 'pause',
    });
    await Promise.all([untilHears(ana, [HZ]), untilHears(ben, [HZ])]);
    const over = await startPlay(server, mpc, 'all', { url: file.otherLong });
    await until('both hear it', async () => {
      const [one, two] = await Promise.all([ana.hearFor(300), ben.hearFor(300)]);
      const under = levelAt(one, RATE, HZ);
      return levelAt(one, RATE, OTHER_HZ) > DB - 1 && under < DB - 6 && under > -60 && levelAt(two, RATE, HZ) < -60;
    });
    const stopped = await server.api('DELETE', `/MultiPartyCall/name_${mpc}/Play/${over.id}/`);
    assert.equal(stopped.status, 204);
    await until('the bed is back', async () => {
      const heard = await Promise.all([ana.hearFor(200), ben.hearFor(200)]);
      return heard.every(
        (sound) => Math.abs(levelAt(sound, RATE, HZ) - DB) < 0.5 && levelAt(sound, RATE, OTHER_HZ) < -60,
      );
    });
    const [played, waited] = await Promise.all([dipping, pausing].map((play) => seenPlay(server, mpc, play)));
    assert.ok((played?.targets[0]?.played_ms ?? 0) > (waited?.targets[0]?.played_ms ?? 0) + 200, 'it waited in place');
    await Promise.all([ana.leave(), ben.leave()]);
  });

  test('except and role choose who hears it', async () => {
    const mpc = 'options-roles';
    const members = [await join(mpc, 'agent'), await join(mpc), await join(mpc)];
    const [agent, ben, eve] = members as [WsClient, WsClient, WsClient];
    await startPlay(server, mpc, 'all', { url: file.long, except: '2' });
    await startPlay(server, mpc, 'all', { url: file.otherLong, role: 'customer', layer: 'whisper' });
    await until('each hears what is for her', async () => {
      const heard = await Promise.all(members.map((member) => hears(member, 200)));
      return heard.map((pitches) => pitches.includes(OTHER_HZ)).join() === 'false,true,true';
    });
    assert.deepEqual(await hears(agent), [HZ]);
    assert.deepEqual(await hears(ben), [OTHER_HZ]);
    assert.deepEqual(await hears(eve), [HZ, OTHER_HZ]);
    await server.api('DELETE', `/MultiPartyCall/name_${mpc}/Member/all/Play/`);
    await Promise.all(members.map((member) => untilHears(member, [])));
    await Promise.all(members.map((member) => member.leave()));
  });

  test('duck lowers the live speech and lets it come back; mix false leaves the play alone', async () => {
    const { mpc, members } = await party(2);
    const [ana, ben] = members as [WsClient, WsClient];
    const voice = ben.speak(440);
    await untilHears(ana, [440]);
    const ducking = await startPlay(server, mpc, '1', { url: file.long, duck: -15 });
    await untilHears(ana, [HZ, 440]);
    near(levelAt(await ana.hearFor(400), RATE, 440), -12 - 15, 1, 'speech at');
    await server.api('DELETE', `/MultiPartyCall/name_${mpc}/Play/${ducking.id}/`);
    await until('speech is back', async () => Math.abs(levelAt(await ana.hearFor(200), RATE, 440) + 12) < 0.5);
    await startPlay(server, mpc, '1', { url: file.long, mix: false });
    await untilHears(ana, [HZ]);
    voice.stop();
    await Promise.all([ana.leave(), ben.leave()]);
  });
});

describe('a play that is changed while it runs', { concurrency: 4 }, () => {
  test('pause is silent and stands still; resume goes on where it was', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    const play = await startPlay(server, mpc, '1', { url: file.steps });
    await until('it has come to its second step', async () => (await seenPlay(server, mpc, play)).position_ms > 600);
    const paused = await change(mpc, play, { action: 'pause' });
    assert.equal(paused.status, 'paused');
    await until('it is silent', async () => rmsDb(await ana.hearFor(100)) < -80);
    const later = await seenPlay(server, mpc, play);
    assert.deepEqual([later.status, later.position_ms], ['paused', paused.position_ms]);
    assert.ok(rmsDb(await ana.hearFor(300)) < -80);
    const still = await seenPlay(server, mpc, play);
    assert.deepEqual([still.status, still.position_ms], ['paused', paused.position_ms]);
    near(still.targets[0]?.played_ms ?? 0, still.position_ms, 60, 'played ms');
    assert.equal((await change(mpc, play, { action: 'resume' })).status, 'playing');
    const over = await playOver(server, mpc, play);
    await ana.hearFor(100);
    assert.equal(over.targets[0]?.played_ms, STEPS.length * STEP_MS, 'nothing was lost or heard twice');
    assert.deepEqual(notes(melody(sounding(ana.heard()), STEPS, 50).filter((note) => note !== undefined)), STEPS);
    await ana.leave();
  });

  test('seek moves to a place and by a distance', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    const play = await startPlay(server, mpc, '1', { url: file.steps });
    await untilPitch(ana, STEPS[0]);
    const there = await change(mpc, play, { position_ms: 4000 });
    near(there.position_ms, 4000, 100, 'position');
    await untilPitch(ana, STEPS[8]);
    await change(mpc, play, { by_ms: -3000 });
    await untilPitch(ana, STEPS[2]);
    await change(mpc, play, { position_ms: 4900 });
    const over = await playOver(server, mpc, play);
    assert.equal(over.status, 'completed');
    assert.ok((over.targets[0]?.played_ms ?? 0) < 3000);
    await ana.leave();
  });

  test('volume goes to its new level on a ramp', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    const play = await startPlay(server, mpc, '1', { url: file.long });
    await untilHears(ana, [HZ]);
    ana.forget();
    assert.equal((await change(mpc, play, { volume: -20, ramp_ms: 600 })).volume, -20);
    await ana.hearFor(1200);
    const levels = envelope(ana.heard());
    near(levels.at(-1) ?? 0, DB - 20, 0.5, 'dB');
    const falling = levels.filter((db) => db < DB - 0.7 && db > DB - 19);
    near(falling.length * 20, 560, 80, 'ms of ramp:');
    assert.ok(
      falling.every((db, i) => i === 0 || db < (falling[i - 1] ?? 0)),
      'it falls all the time',
    );
    await ana.leave();
  });

  test('what is changed while a play waits is in force with its first sample', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    await startPlay(server, mpc, '1', { url: file.half });
    const play = await startPlay(server, mpc, '1', { url: file.steps });
    await change(mpc, play, { position_ms: 3500, volume: -10 });
    assert.equal((await playOver(server, mpc, play)).status, 'completed');
    await ana.hearFor(100);
    const sound = sounding(ana.heard());
    assert.deepEqual(
      notes(melody(sound, [HZ, ...STEPS], 50)).filter((note) => note !== undefined),
      [HZ, ...STEPS.slice(7)],
    );
    near(Math.max(...envelope(sound.subarray(RATE * 0.6))), DB - 10, 0.7, 'dB');
    await ana.leave();
  });

  test('a stop fades out, and a play that is over answers 409', async () => {
    const { mpc, members } = await party(1);
    const [ana] = members as [WsClient];
    const play = await startPlay(server, mpc, '1', { url: file.long });
    await untilHears(ana, [HZ]);
    assert.equal((await server.api('DELETE', `/MultiPartyCall/name_${mpc}/Play/${play.id}/`)).status, 204);
    await playOver(server, mpc, play);
    await ana.hearFor(100);
    const [quarter, full] = envelope(sounding(ana.heard(), 4).slice(-RATE / 100), 5).reverse();
    assert.ok((quarter ?? 0) < (full ?? 0) - 6, `the last 5 ms are at ${quarter} dB, those before at ${full}`);
    const answer = await server.api('POST', `/MultiPartyCall/name_${mpc}/Play/${play.id}/`, { action: 'pause' });
    assert.equal(answer.status, 409);
    await ana.leave();
  });

  test('every play of an MPC is paused and stopped at once', async () => {
    const { mpc, members } = await party(2);
    await startPlay(server, mpc, '1', { url: file.long });
    await startPlay(server, mpc, '2', { url: file.otherLong });
    await Promise.all([untilHears(members[0]!, [HZ]), untilHears(members[1]!, [OTHER_HZ])]);
    const all = `/MultiPartyCall/name_${mpc}/Play/`;
    assert.equal((await server.api('POST', all, { action: 'pause' })).status, 202);
    await Promise.all(members.map((member) => untilHears(member, [])));
    assert.equal((await server.api('POST', all, { action: 'resume' })).status, 202);
    await Promise.all([untilHears(members[0]!, [HZ]), untilHears(members[1]!, [OTHER_HZ])]);
    assert.equal((await server.api('DELETE', all)).status, 204);
    await Promise.all(members.map((member) => untilHears(member, [])));
    await Promise.all(members.map((member) => member.leave()));
  });
});

test('a clip fetched ahead says what it is, and is played without another fetch', async () => {
  const url = clips.file('/ahead.wav', writeWav(tone(RATE, RATE * 2, { hz: HZ, db: -20 }), RATE));
  const first = await server.api('POST', '/Clip/', { url });
  assert.equal(first.status, 202);
  const location = first.headers.get('location') ?? '';
  const ready = await until('it is measured', async () => {
    const { body } = await server.api('GET', location.slice(location.indexOf('/Clip/')));
    const clip = body as { status: string; duration_ms: number; loudness_lufs: number | null };
    return clip.loudness_lufs !== null && clip;
  });
  assert.deepEqual([ready.status, ready.duration_ms], ['ready', 2000]);
  near(ready.loudness_lufs ?? 0, -23, 0.3, 'LUFS');
  assert.equal((await server.api('POST', '/Clip/', { url })).status, 200);
  const { seen } = await heardOf({ url, length: 0.2 });
  assert.deepEqual([seen.cache, clips.hits('/ahead.wav')], ['hit', 1]);
});

async function untilPitch(member: WsClient, hz: number | undefined): Promise<void> {
  await until(`${hz} Hz is heard`, async () => melody(await member.hearFor(60), STEPS, 60)[0] === hz);
}
