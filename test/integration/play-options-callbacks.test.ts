import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { CallbackReceiver, type ReceivedCallback } from '../support/callback-receiver.ts';
import { Canary, ClipServer } from '../support/clip-server.ts';
import { lengthMs, melody, notes, RATE, sounding } from '../support/listening.ts';
import { playOver, seenPlay, startPlay } from '../support/plays.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

/** The validator that apps of Plivo's use; the package brings no types. */
const { validateV3Signature } = createRequire(import.meta.url)('plivo') as {
  validateV3Signature(
    method: string,
    uri: string,
    nonce: string,
    token: string,
    signature: string,
    fields: Readonly<Record<string, string>>,
  ): boolean;
};

/** One pitch for each half second, so that one hears where in the file one is. */
const STEPS = [500, 620, 740, 860, 980, 1100, 1220, 1340];
const STEP_MS = 500;

let server: TestServer;
let clips: ClipServer;
let receiver: CallbackReceiver;
let short: string;
let long: string;
let steps: string;

before(async () => {
  clips = await ClipServer.start();
  receiver = await CallbackReceiver.start();
  receiver.answer = (received, response) => {
    const answers = ANSWERS[received.path.split('?')[0] ?? ''];
    response.writeHead(answers?.shift() ?? 200).end();
  };
  short = clips.file('/short.wav', writeWav(tone(RATE, RATE / 2, 1000), RATE));
  long = clips.file('/long.wav', writeWav(tone(RATE, RATE * 20, 1000), RATE));
  const samples = STEPS.flatMap((hz) => [...tone(RATE, (RATE * STEP_MS) / 1000, hz)]);
  steps = clips.file('/steps.wav', writeWav(Int16Array.from(samples), RATE));
  server = await startServer({ FETCH_ALLOW: `${clips.allow},${receiver.allow}` });
});

after(async () => {
  await clips.close();
  assert.equal(await server.stop(), 0);
  await receiver.close();
});

/** What the receiver answers at some paths, attempt by attempt, before it answers 200. */
const ANSWERS: Record<string, number[]> = { '/busy': [500, 429], '/unwanted': [404, 404, 404, 404] };

function join(mpc: string, to: TestServer = server): Promise<WsClient> {
  return WsClient.join({ ...to, mpc: `name_${mpc}`, contentType: 'audio/x-l16;rate=8000' });
}

const inShort = (callbacks: readonly ReceivedCallback[]) =>
  callbacks.map(({ fields }) => [fields.EventName, fields.MemberID, fields.Reason ?? fields.Status].join(' ').trim());

/** As an app with Plivo's SDK would look at it. */
function isSigned({ method, path, headers, fields }: ReceivedCallback): boolean {
  const header = (name: string) => String(headers[name]);
  return validateV3Signature(
    method,
    receiver.url(path),
    header('x-plivo-signature-v3-nonce'),
    server.authToken,
    header('x-plivo-signature-v3'),
    method === 'POST' ? fields : {},
  );
}

describe('callbacks of plays', { concurrency: 4 }, () => {
  for (const method of ['POST', 'GET'])
    test(`a play to two is told by ${method} in order, each event once, signed as Plivo signs`, async () => {
      const mpc = `told ü ${method}`;
      const members = [await join(mpc), await join(mpc)];
      const url = receiver.url('/events?tenant=a%20b&x=1');
      const play = await startPlay(server, mpc, 'all', { url: short, callback_url: url, callback_method: method });
      const told = await receiver.play(play.id);
      assert.deepEqual(inShort(told), [
        'PlayStarted 1',
        'PlayStarted 2',
        'PlayEnded 1 completed',
        'PlayEnded 2 completed',
        'PlayFinished  completed',
      ]);
      assert.deepEqual(
        told.map(({ fields }) => fields.SequenceNumber),
        ['1', '2', '3', '4', '5'],
      );
      for (const callback of told) {
        assert.equal(callback.method, method);
        assert.ok(isSigned(callback), `${callback.fields.EventName} is signed`);
        assert.equal(isSigned({ ...callback, path: '/elsewhere' }), false);
        assert.deepEqual([callback.fields.MPCName, callback.fields.MPCUUID], [mpc, members[0]?.mpcUuid]);
      }
      const seen = await playOver(server, mpc, play);
      const latency = Number(told[0]?.fields.StartLatencyMs) - (seen.targets[0]?.start_latency_ms ?? 0);
      assert.ok(Math.abs(latency) < 0.1, 'the latency is that of the play');
      assert.equal(told[2]?.fields.PlayedMs, '500');
      assert.equal(told[0]?.fields.ParticipantCallUUID, members[0]?.callUuid);
      await Promise.all(members.map((member) => member.leave()));
    });

  test('a play that fails is told of as well, with the reason', async () => {
    const ana = await join('failing');
    const body = { url: clips.url('/missing.wav'), callback_url: receiver.url('/') };
    const play = await startPlay(server, 'failing', 'all', body);
    const told = await receiver.play(play.id);
    assert.deepEqual(inShort(told), ['PlayEnded 1 http_status', 'PlayFinished  http_status']);
    assert.deepEqual([told[1]?.fields.Status, told[1]?.fields.Detail], ['failed', 'the source answered 404']);
    await ana.leave();
  });

  test('a receiver that stumbles is told again, and nothing overtakes', async () => {
    const ana = await join('stumbling');
    const play = await startPlay(server, 'stumbling', '1', { url: short, callback_url: receiver.url('/busy#rc=5') });
    const told = await receiver.play(play.id, 15_000);
    assert.deepEqual(inShort(told), [
      'PlayStarted 1',
      'PlayStarted 1',
      'PlayStarted 1',
      'PlayEnded 1 completed',
      'PlayFinished  completed',
    ]);
    assert.deepEqual(
      told.map(({ fields }) => fields.SequenceNumber),
      ['1', '1', '1', '2', '3'],
    );
    const pauses = told.slice(1, 3).map(({ at }, i) => (at - (told[i]?.at ?? 0)) / 1000);
    for (const [i, wanted] of [1, 5].entries())
      assert.ok(pauses[i]! > wanted - 0.1 && pauses[i]! < wanted + 3, `${pauses[i]} s instead of ${wanted}`);
    await ana.leave();
  });

  test('a receiver that does not want it is not asked twice, and it is counted', async () => {
    const ana = await join('unwanted');
    const play = await startPlay(server, 'unwanted', '1', { url: short, callback_url: receiver.url('/unwanted') });
    await receiver.play(play.id);
    assert.equal(receiver.received.filter(({ path }) => path === '/unwanted').length, 3);
    await until('it is counted', async () =>
      /partyline_callback_failed_total\{reason="http_status"\} 3\n/.test(await server.metrics()),
    );
    assert.match(server.log(), /"reason":"http_status","detail":"the receiver answered 404"/);
    await ana.leave();
  });

  test('who leaves, and an MPC that ends, are told of with what was heard', async () => {
    const [ana, ben] = [await join('leaving'), await join('leaving')];
    const play = await startPlay(server, 'leaving', 'all', { url: long, callback_url: receiver.url('/') });
    await ben.hearFor(600);
    await ben.leave();
    await ana.hearFor(300);
    assert.equal((await server.api('DELETE', '/MultiPartyCall/name_leaving/')).status, 204);
    const told = await receiver.play(play.id);
    assert.deepEqual(inShort(told), [
      'PlayStarted 1',
      'PlayStarted 2',
      'PlayEnded 2 member_left',
      'PlayEnded 1 conference_ended',
      'PlayFinished  stopped',
    ]);
    const [ofBen, ofAna] = [Number(told[2]?.fields.PlayedMs), Number(told[3]?.fields.PlayedMs)];
    assert.ok(ofBen > 300 && ofBen < 1500 && ofAna > ofBen + 200, `${ofBen} and ${ofAna} ms`);
  });

  test('who joins later hears it from where it is, becomes a target, and is told of by name', async () => {
    const ana = await join('later');
    const body = { url: steps, later_joiners: true, callback_url: receiver.url('/') };
    const play = await startPlay(server, 'later', 'all', body);
    await until(
      'it has come to its third step',
      async () => (await seenPlay(server, 'later', play)).position_ms > 1100,
    );
    const ben = await join('later');
    const seen = await playOver(server, 'later', play);
    await ben.hearFor(100);
    const sound = sounding(ben.heard());
    const heard = notes(melody(sound, STEPS, 100));
    assert.deepEqual(heard.slice(-2), STEPS.slice(-2));
    const missed = STEPS.indexOf(heard[0] ?? 0);
    assert.ok(missed >= 2 && missed <= 5, `she came in at ${heard[0]} Hz`);
    assert.deepEqual(
      seen.targets.map(({ member_id, status, start_latency_ms }) => [member_id, status, start_latency_ms === null]),
      [
        ['1', 'completed', false],
        ['2', 'completed', true],
      ],
    );
    const playedMs = seen.targets[1]?.played_ms ?? 0;
    assert.ok(Math.abs(playedMs - lengthMs(sound)) < 200, `${playedMs} ms against ${lengthMs(sound)} heard`);
    assert.equal(seen.targets[0]?.played_ms, STEPS.length * STEP_MS);
    const told = await receiver.play(play.id);
    assert.deepEqual(inShort(told), [
      'PlayStarted 1',
      'PlayStarted 2',
      'PlayEnded 1 completed',
      'PlayEnded 2 completed',
      'PlayFinished  completed',
    ]);
    assert.equal(told[1]?.fields.StartLatencyMs, undefined);
    await Promise.all([ana.leave(), ben.leave()]);
  });

  test('a URL that leads inside is refused at once, and never connected to', async () => {
    const canary = await Canary.start();
    const ana = await join('guarded');
    for (const url of [`http://127.0.0.1:${canary.port}/`, `http://localhost:${canary.port}/`]) {
      const body = { url: short, callback_url: url };
      const answer = await server.api('POST', '/MultiPartyCall/name_guarded/Member/all/Play/', body);
      assert.equal(answer.status, 400);
    }
    assert.equal(canary.connections, 0);
    await Promise.all([ana.leave(), canary.close()]);
  });
});

test('the end of the server is told of before it goes', async () => {
  const own = await startServer({ FETCH_ALLOW: `${clips.allow},${receiver.allow}` });
  const ana = await join('ending', own);
  const play = await startPlay(own, 'ending', 'all', { url: long, callback_url: receiver.url('/') });
  await ana.hearFor(500);
  assert.equal(await own.stop(), 0);
  assert.deepEqual(inShort(await receiver.play(play.id, 1000)), [
    'PlayStarted 1',
    'PlayEnded 1 member_left',
    'PlayFinished  stopped',
  ]);
});
