import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { playOver, playSounds, type StartedPlay } from '../support/plays.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { rmsDb } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

const TEXT = 'Good morning. This is the conference, and it can speak.';

/** The same text, spoken here at 8 kHz. */
function spokenHere(text: string): Int16Array {
  const wav = execFileSync('espeak-ng', ['--stdin', '--stdout', '-v', 'en-us+f3'], { input: text });
  const raw = execFileSync('sox', ['-t', 'wav', '--ignore-length', '-', '-r', '8000', '-t', 's16', '-'], {
    input: wav,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  return new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
}

async function speak(server: TestServer, members: string, body: object): Promise<StartedPlay> {
  const at = performance.now();
  const answer = await server.api('POST', `/MultiPartyCall/name_talk/Member/${members}/Speak/`, body);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const { api_id, mpcMemberId, message } = answer.body as { api_id: string; mpcMemberId: string[]; message: string };
  assert.equal(message, 'speak queued into MPC');
  return { id: api_id, at, members: mpcMemberId };
}

test('a text is spoken to those it is for, whole, once made for all, and stops when told', async (t) => {
  if (!requireProgram(t, 'espeak-ng', 'sox')) return;
  const server = await startServer();
  t.after(() => server.stop());
  const { wsUrl, authId, authToken } = server;
  const join = (): Promise<WsClient> =>
    WsClient.join({ wsUrl, authId, authToken, mpc: 'name_talk', contentType: 'audio/x-l16;rate=8000' });
  const ana = await join();
  const ben = await join();

  const expected = spokenHere(TEXT);
  const expectedMs = expected.length / 8;
  for (const cache of ['miss', 'hit']) {
    ana.forget();
    ben.forget();
    const seen = await playOver(server, 'talk', await speak(server, ana.memberId, { text: TEXT }), 20_000);
    assert.deepEqual([seen.status, seen.cache], ['completed', cache], seen.detail ?? '');
    const playedMs = seen.targets[0]?.played_ms ?? 0;
    assert.ok(Math.abs(playedMs - expectedMs) < 40, `${playedMs} ms of ${expectedMs}`);
    const sound = soundIn(ana.heard());
    const wanted = soundIn(expected);
    const lengths = `${sound.length / 8} ms of ${wanted.length / 8}`;
    assert.ok(Math.abs(sound.length - wanted.length) < 8 * 60, lengths);
    assert.ok(Math.abs(rmsDb(sound) - rmsDb(wanted)) < 1, `${rmsDb(sound)} dB instead of ${rmsDb(wanted)}`);
    assert.equal(soundIn(ben.heard()).length, 0, 'nobody else hears it');
  }

  const endless = await speak(server, 'all', { text: TEXT, loop: true, voice: 'Polly.Matthew', language: 'en-GB' });
  await playSounds(server, 'talk', endless);
  assert.deepEqual(endless.members, [ana.memberId, ben.memberId]);
  assert.equal((await server.api('DELETE', '/MultiPartyCall/name_talk/Member/all/Speak/')).status, 204);
  assert.equal((await playOver(server, 'talk', endless)).status, 'stopped');
  await until('silence', async () => rmsDb(await ana.hearFor(200)) < -80);

  const call = `/Call/${ben.callUuid}/Speak/`;
  const answer = await server.api('POST', call, { text: TEXT });
  assert.deepEqual((answer.body as { message: string }).message, 'speak started');
  await until('ben hears it', async () => rmsDb(await ben.hearFor(100)) > -40);
  assert.equal((await server.api('DELETE', call)).status, 204);

  const { body } = await server.api('GET', '/Speak/Voices/');
  const { engine, languages } = body as { engine: string; languages: { language: string }[] };
  assert.match(engine, /^espeak-ng \d/);
  assert.ok(languages.length > 20 && languages.some(({ language }) => language === 'en-US'), 'languages are listed');
  assert.match(await server.metrics(), /^partyline_speech_seconds_count [23]$/m);
  assert.equal(server.log().includes('Good morning'), false, 'no text is in the log');
  await Promise.all([ana.leave(), ben.leave()]);
});

test('where nothing can speak, Speak says what to install and all else works', async (t) => {
  const server = await startServer({ PATH: '' });
  t.after(() => server.stop());
  const { wsUrl, authId, authToken } = server;
  const ana = await WsClient.join({ wsUrl, authId, authToken, mpc: 'name_talk' });
  const answer = await server.api('POST', '/MultiPartyCall/name_talk/Member/1/Speak/', { text: TEXT });
  assert.equal(answer.status, 501);
  assert.match((answer.body as { error: string }).error, /install espeak-ng/);
  assert.equal((await server.api('GET', '/MultiPartyCall/name_talk/')).status, 200);
  await ana.leave();
});

/** From the first sample that is not silence to the last. */
function soundIn(samples: Int16Array): Int16Array {
  const isSound = (sample: number): boolean => Math.abs(sample) > 64;
  return samples.subarray(samples.findIndex(isSound), samples.findLastIndex(isSound) + 1);
}
