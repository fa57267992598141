import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Tap } from '../sdk/tap.ts';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { ClipServer } from '../support/clip-server.ts';
import { tableRows } from '../support/markdown.ts';
import { plivoClient, type SdkAnswer } from '../support/plivo-sdk.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { StreamApp } from '../support/stream-app.ts';
import { tone } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';
import { WsClient } from '../support/ws-client.ts';

/*
 * Every endpoint of docs/api.md (which a unit test holds against the routes) is driven by Plivo's npm package, or stands below
 * with the reason why it cannot be.
 */

const EXTENSION = 'an extension: the SDK knows no such path';
const GO_ONLY = 'only the Go SDK has it: test/sdk';

const UNDRIVEN: Readonly<Record<string, string>> = {
  'POST /MultiPartyCall/:mpc/Member/:members/Speak/': GO_ONLY,
  'DELETE /MultiPartyCall/:mpc/Member/:members/Speak/': GO_ONLY,
  'GET /Speak/Voices/': EXTENSION,
  'GET /MultiPartyCall/:mpc/Play/': EXTENSION,
  'GET /MultiPartyCall/:mpc/Play/:play/': EXTENSION,
  'POST /MultiPartyCall/:mpc/Play/': EXTENSION,
  'DELETE /MultiPartyCall/:mpc/Play/': EXTENSION,
  'POST /MultiPartyCall/:mpc/Play/:play/': EXTENSION,
  'DELETE /MultiPartyCall/:mpc/Play/:play/': EXTENSION,
  'GET /Clip/': EXTENSION,
  'POST /Clip/': EXTENSION,
  'DELETE /Clip/': EXTENSION,
  'GET /Clip/:clip/': EXTENSION,
  'DELETE /Clip/:clip/': EXTENSION,
  'POST /MultiPartyCall/:mpc/Stream/': EXTENSION,
};

const SLEEP_FOREVER = '<Response><Wait length="60"/></Response>';
/** Made anew each time: the SDK takes the name out of what it is given. */
const of = () => ({ friendlyName: 'coverage' });

let clips: ClipServer;
let app: StreamApp;
let xml: CallbackReceiver;
let server: TestServer;
let tap: Tap;

before(async () => {
  clips = await ClipServer.start();
  app = await StreamApp.start();
  xml = await CallbackReceiver.start();
  xml.answer = (_received, response) => response.setHeader('content-type', 'application/xml').end(SLEEP_FOREVER);
  server = await startServer({
    FETCH_ALLOW: [clips.allow, `127.0.0.1:${app.port}`, xml.allow].join(),
    SIP_DIAL_ALLOW: '127.0.0.1:9',
    SIP_REALM: 'example.com',
  });
  tap = await Tap.before(server.httpUrl);
});

after(async () => {
  await tap.close();
  assert.equal(await server.stop(), 0);
  await Promise.all([clips.close(), app.close(), xml.close()]);
});

const join = (role: 'agent' | 'customer') => {
  const { wsUrl, authId, authToken } = server;
  return WsClient.join({ wsUrl, authId, authToken, mpc: `name_${of().friendlyName}`, role });
};

test("Plivo's npm package drives every endpoint that it has a method for", async () => {
  const {
    multiPartyCalls: mpcs,
    calls,
    recordings,
    endpoints,
  } = plivoClient({ ...server, httpUrl: `http://${tap.host}` });
  const clip = clips.file('/clip.wav', writeWav(tone(8000, 80_000, 1000), 8000));
  const [ana, ben, eve] = [await join('agent'), await join('customer'), await join('customer')];

  assert.equal((await mpcs.list(of()))[0]?.friendlyName, of().friendlyName);
  await mpcs.start({ ...of(), status: 'active' });
  assert.equal((await mpcs.get(of())).status, 'Active');
  assert.equal(((await mpcs.listParticipants(of())).objects as SdkAnswer[]).length, 3);
  assert.equal((await mpcs.getParticipant(1, of())).role, 'agent');
  assert.match(String((await mpcs.updateParticipant(1, { ...of(), mute: true })).mute), /succeeded$/);
  assert.deepEqual((await mpcs.startPlayAudio('all', clip, of())).mpcMemberId, ['1', '2', '3']);
  await mpcs.stopPlayAudio('all', of());
  const added = await mpcs.addParticipant('customer', { ...of(), from: '4915112345678', to: 'sip:bob@127.0.0.1:9' });
  assert.equal(added.message, 'add participant action initiated');

  const recording = await mpcs.startRecording({ ...of(), fileFormat: 'wav' });
  await mpcs.pauseRecording(of());
  await mpcs.resumeRecording(of());
  await mpcs.stopRecording(of());
  await mpcs.startParticipantRecording(1, { ...of(), fileFormat: 'wav' });
  await mpcs.pauseParticipantRecording(1, of());
  await mpcs.resumeParticipantRecording(1, of());
  await mpcs.stopParticipantRecording(1, of());
  const id = String(recording.recordingId);
  await until('both recordings are finished', async () => {
    const lengths = (await recordings.list({})).map(({ recordingDurationMs }) => recordingDurationMs);
    return lengths.length === 2 && !lengths.includes(null);
  });
  assert.equal((await recordings.get(id)).recordingId, id);
  await recordings.delete(id);

  assert.ok((await calls.listLiveCalls()).length >= 3, 'everybody who is connected is a live call');
  assert.equal((await calls.getLiveCall(ana.callUuid)).callUuid, ana.callUuid);
  assert.equal((await calls.playMusic(ana.callUuid, clip)).message, 'play started');
  await calls.stopPlayingMusic(ana.callUuid);
  assert.equal((await calls.speakText(ana.callUuid, 'hello')).message, 'speak started');
  await calls.stopSpeakingText(ana.callUuid);
  assert.equal((await calls.sendDigits(ana.callUuid, '12#')).message, 'digits sent');

  const stream = await calls.stream(ana.callUuid, app.url('/bot'), { bidirectional: true });
  const streamId = String(stream.streamId);
  assert.equal(((await calls.getAllStream(ana.callUuid)).objects as SdkAnswer[]).length, 1);
  assert.equal((await calls.getStream(ana.callUuid, streamId)).streamId, streamId);
  await calls.stopStream(ana.callUuid, streamId);
  await calls.stopAllStream(ana.callUuid);

  const { endpointId, username } = await endpoints.create('ana', 'correct horse', 'front-desk');
  assert.equal(username, 'ana');
  assert.equal((await endpoints.list())[0]?.endpointId, endpointId);
  assert.equal((await endpoints.get(String(endpointId))).alias, 'front-desk');
  assert.equal((await endpoints.update(String(endpointId), { alias: 'desk' })).message, 'changed');
  await endpoints.delete(String(endpointId));

  assert.equal(
    (await calls.transfer(ben.callUuid, { legs: 'aleg', alegUrl: xml.url('/xml') })).message,
    'transfer executed',
  );
  await calls.hangup(ben.callUuid);
  await mpcs.kickParticipant(3, of());
  await mpcs.stop(of());
  await Promise.all([ana, ben, eve].map((member) => member.closed));

  const routes = tableRows(readFileSync('docs/api.md', 'utf8'), ['method', 'path', 'does', 'success']).map(
    ([method = '', path = '']) => `${method} ${path.slice(1, -1)}`,
  );
  const driven = new Set(tap.requests.map(routeOf(routes)));
  const undriven = routes.filter((route) => !driven.has(route));
  assert.deepEqual(undriven.sort(), Object.keys(UNDRIVEN).sort(), 'drive it here, or say above why that cannot be');
});

/** Which route a request is for. */
function routeOf(routes: readonly string[]): (request: string) => string {
  const patterns = routes.map((route) => {
    const [method, path = ''] = route.split(' ');
    // Words before names: /Record/ is no :play.
    const source = path.replace(/:\w+/g, '[^/]+');
    return {
      route,
      pattern: new RegExp(`^${method} /v1/Account/[^/]+${source}?(\\?[^ ]*)? `),
      names: path.split(':').length,
    };
  });
  return (request) => {
    const found = patterns.filter(({ pattern }) => pattern.test(request)).sort((a, b) => a.names - b.names);
    return found[0]?.route ?? assert.fail(`no route for ${request}`);
  };
}
