import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mulaw } from '../../media/codec/g711.ts';
import { signaturesV3 } from '../../server/callbacks/signature.ts';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { StreamApp } from '../support/stream-app.ts';
import { hzIn, tone } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

const TONES = [440, 550, 660, 880];

let server: TestServer;
let app: StreamApp;
let receiver: CallbackReceiver;

before(async () => {
  app = await StreamApp.start();
  receiver = await CallbackReceiver.start();
  server = await startServer({ FETCH_ALLOW: `127.0.0.1:${app.port},${receiver.allow}` });
});
after(async () => {
  assert.equal(await server.stop(), 0);
  await app.close();
  await receiver.close();
});

function join(mpc: string): Promise<WsClient> {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${mpc}`, contentType: 'audio/x-l16;rate=8000' });
}

/** Starts a stream of a call and returns its id. */
async function start(call: WsClient, body: object): Promise<string> {
  const answer = await server.api('POST', `/Call/${call.callUuid}/Stream/`, body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const { message, stream_id } = answer.body as { message: string; stream_id: string };
  assert.equal(message, 'audio streaming started');
  return stream_id;
}

async function shown(call: WsClient, id: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await server.api('GET', `/Call/${call.callUuid}/Stream/${id}/`);
  assert.equal(answer.status, 200);
  return answer.body as Readonly<Record<string, unknown>>;
}

/** The events told of a stream, once the last of them has come. */
async function told(id: string, last: string): Promise<readonly string[]> {
  const own = () => receiver.received.filter(({ fields }) => fields.StreamID === id);
  await until(`${last} is told`, () => own().some(({ fields }) => fields.Event === last));
  return own().map(({ fields }) => fields.Event ?? '');
}

const hears = (client: WsClient, hz: number) =>
  until(`${client.memberId} hears ${hz} Hz`, async () => hzIn(await client.hearFor(200), 8000, TONES).includes(hz));

test('a voice bot written for Plivo takes part in a call', async () => {
  const ana = await join('bot');
  const ben = await join('bot');
  const voices = [ana.speak(440), ben.speak(550)];
  const id = await start(ana, {
    service_url: app.url('/bot?x=1'),
    bidirectional: true,
    extra_headers: 'ticket=42,name=Ana B',
    status_callback_url: receiver.url('/stream'),
  });
  const bot = await app.stream('/bot?x=1');

  const { headers } = bot.request;
  const nonce = String(headers['x-plivo-signature-v3-nonce']);
  const signed = new URL(`http://127.0.0.1:${app.port}/bot?x=1`);
  assert.equal(
    headers['x-plivo-signature-v3'],
    signaturesV3('GET', signed, new Map(), nonce, server.authToken),
    'the app can tell who calls',
  );
  const begun = await bot.message('start');
  assert.deepEqual(begun, {
    sequenceNumber: 1,
    event: 'start',
    start: {
      callId: ana.callUuid,
      streamId: id,
      accountId: server.authId,
      tracks: ['inbound'],
      mediaFormat: { encoding: 'audio/x-l16', sampleRate: 8000 },
    },
    extra_headers: '{"ticket":"42","name":"Ana B"}',
  });
  await bot.hear(200);
  assert.deepEqual(hzIn(await bot.hear(600), 8000, TONES), [440], 'the bot hears the caller alone');

  const playAudio = (hz: number, ms: number): object => ({
    event: 'playAudio',
    media: {
      contentType: 'audio/x-l16',
      sampleRate: 8000,
      payload: Buffer.from(tone(8000, ms * 8, hz).buffer).toString('base64'),
    },
  });
  bot.say(playAudio(660, 800));
  bot.say({ event: 'checkpoint', streamId: id, name: 'said' });
  await Promise.all([hears(ana, 660), hears(ben, 660)]);
  assert.equal((await bot.message('playedStream')).name, 'said');
  assert.deepEqual(hzIn(await bot.hear(200), 8000, TONES), [440], 'it does not hear itself');

  for (let i = 0; i < 10; i++) bot.say(playAudio(880, 500));
  await hears(ana, 880);
  bot.say({ event: 'checkpoint', streamId: id, name: 'never' });
  bot.say({ event: 'clearAudio', streamId: id });
  await bot.message('clearedAudio');
  await until('the bot is silent', async () => !hzIn(await ana.hearFor(200), 8000, TONES).includes(880), 2000);

  ana.sendDigits('5');
  assert.equal(((await bot.message('dtmf')).dtmf as { digit: string }).digit, '5');

  const listed = await server.api('GET', `/Call/${ana.callUuid}/Stream/`);
  assert.deepEqual(
    (listed.body as { objects: { stream_id: string; status: string }[] }).objects.map((each) => [
      each.stream_id,
      each.status,
    ]),
    [[id, 'streaming']],
  );
  assert.equal((await server.api('DELETE', `/Call/${ana.callUuid}/Stream/${id}/`)).status, 204);
  assert.deepEqual(await bot.ended(), { code: 1000, reason: 'stopped' });
  assert.equal(
    bot.messages.some(({ name }) => name === 'never'),
    false,
    'a checkpoint that was cleared is not reached',
  );
  assert.deepEqual(await told(id, 'StopStream'), ['StartStream', 'StopStream']);
  assert.equal((await shown(ana, id)).status, 'stopped');
  for (const voice of voices) voice.stop();
  await Promise.all([ana.leave(), ben.leave()]);
});

test('both tracks are what the call says and what it hears, and a listener cannot speak', async () => {
  const ana = await join('both');
  const ben = await join('both');
  const voices = [ana.speak(440), ben.speak(550)];
  const id = await start(ana, {
    service_url: app.url('/both'),
    audio_track: 'both',
    content_type: 'audio/x-mulaw;rate=8000',
    status_callback_url: receiver.url('/stream'),
  });
  const listener = await app.stream('/both');
  const { tracks, mediaFormat } = (await listener.message('start')).start as Record<string, unknown>;
  assert.deepEqual(tracks, ['inbound', 'outbound']);
  assert.deepEqual(mediaFormat, { encoding: 'audio/x-mulaw', sampleRate: 8000 });
  await listener.hear(200);
  const [said, heard] = await Promise.all([listener.hear(600, 'PCMU'), listener.hear(600, 'PCMU', 'outbound')]);
  assert.deepEqual([hzIn(said, 8000, TONES), hzIn(heard, 8000, TONES)], [[440], [550]]);
  listener.say({
    event: 'playAudio',
    media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: Buffer.alloc(160).toString('base64') },
  });
  assert.match(String((await listener.message('error')).error), /not bidirectional/);
  for (const voice of voices) voice.stop();
  await ana.leave();
  assert.deepEqual(await listener.ended(), { code: 1000, reason: 'hangup' });
  assert.deepEqual(await told(id, 'StopStream'), ['StartStream', 'StopStream']);
  await ben.leave();
});

test("a bot written for Twilio's Media Streams takes part as well", async () => {
  const ana = await join('twilio');
  const voice = ana.speak(440);
  const id = await start(ana, {
    service_url: app.url('/twilio'),
    bidirectional: true,
    protocol: 'twilio',
    extra_headers: 'ticket=42',
  });
  const bot = await app.stream('/twilio');
  assert.deepEqual(await bot.message('connected'), { event: 'connected', protocol: 'Call', version: '1.0.0' });
  assert.deepEqual(await bot.message('start'), {
    event: 'start',
    sequenceNumber: '1',
    streamSid: id,
    start: {
      streamSid: id,
      accountSid: server.authId,
      callSid: ana.callUuid,
      tracks: ['inbound'],
      customParameters: { ticket: '42' },
      mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
    },
  });
  await bot.hear(200);
  assert.deepEqual(hzIn(await bot.hear(600, 'PCMU'), 8000, TONES), [440]);
  const sound = tone(8000, 6400, 660);
  const payload = new Uint8Array(sound.length);
  mulaw.createEncoder().encode(sound, payload, 0);
  const media = { event: 'media', streamSid: id, media: { payload: Buffer.from(payload).toString('base64') } };
  bot.say(media);
  bot.say({ event: 'mark', streamSid: id, mark: { name: 'said' } });
  await hears(ana, 660);
  assert.deepEqual((await bot.message('mark')).mark, { name: 'said' });
  for (let i = 0; i < 10; i++) bot.say(media);
  bot.say({ event: 'mark', streamSid: id, mark: { name: 'dropped' } });
  bot.say({ event: 'clear', streamSid: id });
  await until(
    'a dropped mark comes back',
    () => bot.messages.filter(({ event }) => event === 'mark').length === 2,
    2000,
  );
  voice.stop();
  assert.equal((await server.api('DELETE', `/Call/${ana.callUuid}/Stream/`)).status, 204);
  await bot.ended();
  assert.equal(bot.messages.at(-1)?.event, 'stop');
  await ana.leave();
});

test('a bot that works at 24 kHz hears and speaks in an MPC of another rate', async () => {
  const ana = await join('wide');
  const voice = ana.speak(440);
  const content_type = 'audio/x-l16;rate=24000';
  await start(ana, { service_url: app.url('/wide'), bidirectional: true, content_type });
  const bot = await app.stream('/wide');
  const { mediaFormat } = (await bot.message('start')).start as Record<string, unknown>;
  assert.deepEqual(mediaFormat, { encoding: 'audio/x-l16', sampleRate: 24_000 });
  await bot.hear(200);
  const heard = await bot.hear(600);
  assert.equal(heard.length, 600 * 24);
  assert.deepEqual(hzIn(heard, 24_000, TONES), [440]);
  const payload = Buffer.from(tone(24_000, 800 * 24, 660).buffer).toString('base64');
  bot.say({ event: 'playAudio', media: { contentType: 'audio/x-l16', sampleRate: 24_000, payload } });
  await hears(ana, 660);
  voice.stop();
  await ana.leave();
});

test('an application that is not there, says no, or dies is told of, and the call goes on', async () => {
  const ana = await join('lost');
  const status_callback_url = receiver.url('/lost');
  const missing = await start(ana, { service_url: app.url('/missing'), status_callback_url });
  assert.deepEqual(await told(missing, 'DroppedStream'), ['DroppedStream']);
  const { status, reason, detail } = await shown(ana, missing);
  assert.deepEqual([status, reason, detail], ['failed', 'not_connected', 'rejected: the app answered 404']);

  const dying = await start(ana, { service_url: app.url('/dying'), bidirectional: true, status_callback_url });
  const bot = await app.stream('/dying');
  await bot.hear(100);
  bot.socket.terminate();
  assert.deepEqual(await told(dying, 'DroppedStream'), ['StartStream', 'DroppedStream']);
  assert.equal((await server.api('GET', '/MultiPartyCall/name_lost/')).status, 200);

  const answer = await server.api('POST', `/Call/${ana.callUuid}/Stream/`, { service_url: 'ws://10.0.0.1/x' });
  assert.equal(answer.status, 400, 'a private address is refused');
  const metrics = await server.metrics();
  assert.match(metrics, /^partyline_call_streams 0$/m);
  assert.match(metrics, /^partyline_call_streams_ended_total\{result="failed"\} 2$/m);
  await ana.leave();
});
