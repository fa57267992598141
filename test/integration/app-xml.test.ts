import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signaturesV3 } from '../../server/callbacks/signature.ts';
import { CallbackReceiver, type ReceivedCallback } from '../support/callback-receiver.ts';
import { ClipServer } from '../support/clip-server.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { tone, tonesIn } from '../support/tones.ts';
import { writeWav } from '../support/wav.ts';

const RATE = 8000;
const [WELCOME, LATER, BEN, FAREWELL] = [500, 900, 1300, 1900];
const PITCHES = [WELCOME, LATER, BEN, FAREWELL];

let source: ClipServer;
let app: CallbackReceiver;
let server: TestServer;
const phones: Softphone[] = [];
/** What the app says, by path; the answer URL by the user that is called. */
const documents = new Map<string, string>();

before(async () => {
  source = await ClipServer.start();
  app = await CallbackReceiver.start();
  app.answer = (received, response) => {
    const user = /^sip:([^@]*)@/.exec(received.fields.To ?? '')?.[1];
    const path = received.path === '/answer' ? `/answer/${user}` : received.path;
    response.end(path === '/hangup' ? '' : (documents.get(path) ?? 'not XML'));
  };
  server = await startServer({
    FETCH_ALLOW: `${source.allow},${app.allow}`,
    ANSWER_URL: app.url('/answer'),
    FALLBACK_URL: app.url('/fallback'),
    HANGUP_URL: app.url('/hangup'),
    MEDIA_WORKERS: '2',
  });
});

after(async () => {
  for (const phone of phones) await phone.hangUp().catch(() => {});
  assert.equal(await server.stop(), 0);
  await app.close();
  await source.close();
});

async function call(user: string): Promise<Softphone> {
  const phone = await Softphone.call({ sipPort: server.sipPort, mpc: user });
  phones.push(phone);
  return phone;
}

function clip(hz: number, seconds: number): string {
  return source.file(`/${hz}-${seconds}.wav`, writeWav(tone(RATE, seconds * RATE, hz), RATE));
}

function response(...elements: string[]): string {
  return `<?xml version="1.0"?><Response>${elements.join('')}</Response>`;
}

/** Waits until somebody hears these pitches and no other. */
async function hears(phone: Softphone, ...wanted: number[]): Promise<void> {
  await until(
    `hearing ${wanted.join(' and ') || 'nothing'}`,
    async () => {
      const heard = tonesIn(await phone.hearFor(200), RATE, PITCHES).map(({ hz }) => hz);
      return heard.join() === wanted.join();
    },
    10_000,
  );
}

async function asked(path: string, nth = 0): Promise<ReceivedCallback> {
  return until(`a request for ${path}`, () => app.received.filter((each) => each.path === path)[nth], 10_000);
}

async function liveCalls(): Promise<readonly string[]> {
  const { body } = await server.api('GET', '/Call/?status=live');
  return (body as { calls: string[] }).calls;
}

test('a call is answered by XML: it hears a file, joins an MPC, is transferred by REST, and is hung up by XML', async () => {
  documents.set(
    '/answer/ana',
    response(
      `<Play>${clip(WELCOME, 2)}</Play>`,
      '<MultiPartyCall role="agent" enterSound="none">board</MultiPartyCall>',
    ),
  );
  documents.set(
    '/answer/ben',
    response('<MultiPartyCall role="customer" enterSound="none" stayAlone="true">board</MultiPartyCall>'),
  );
  documents.set('/transferred', response(`<Play>${clip(FAREWELL, 2)}</Play>`, '<Hangup/>'));
  const ana = await call('ana');
  await hears(ana, WELCOME);
  const { fields, headers, method } = await asked('/answer');
  assert.deepEqual(
    [fields.CallStatus, fields.Direction, fields.Event, method],
    ['ringing', 'inbound', 'StartApp', 'POST'],
  );
  const signed = signaturesV3(
    'POST',
    new URL(app.url('/answer')),
    new Map(Object.entries(fields)),
    String(headers['x-plivo-signature-v3-nonce']),
    server.authToken,
  );
  assert.equal(headers['x-plivo-signature-v3'], signed, 'the app can tell that it is us');

  const ben = await call('ben');
  ben.speak(BEN);
  await hears(ana, BEN);
  const uuid = fields.CallUUID ?? '';
  assert.deepEqual([...(await liveCalls())].length, 2);
  const shown = await server.api('GET', `/Call/${uuid}/?status=live`);
  assert.deepEqual(
    Object.entries(shown.body as object).flatMap(([name, value]) => (name === 'call_status' ? [value] : [])),
    ['in-progress'],
  );

  const transfer = await server.api('POST', `/Call/${uuid}/`, { legs: 'aleg', aleg_url: app.url('/transferred') });
  assert.equal(transfer.status, 202, JSON.stringify(transfer.body));
  await hears(ana, FAREWELL);
  assert.equal((await asked('/transferred')).fields.Event, 'Transfer');
  await ana.until(() => ana.ended, 10_000, 'the hang-up of the XML');
  const over = await asked('/hangup');
  assert.deepEqual([over.fields.CallUUID, over.fields.HangupCause], [uuid, 'hangup_xml']);
  assert.deepEqual((await liveCalls()).includes(uuid), false);
  const numbers = ana.packets.map(({ sequence }) => sequence);
  for (let i = 1; i < numbers.length; i++)
    assert.equal((numbers[i]! - numbers[i - 1]!) & 0xffff, 1, `one stream without a hole, at packet ${i}`);
  assert.equal((await server.api('DELETE', `/Call/${onlyOne(await liveCalls())}/`)).status, 204);
  await ben.until(() => ben.ended, 5000, 'the hang-up by REST');
});

test('after the MPC the exit action says how to go on', async () => {
  documents.set(
    '/answer/eve',
    response(
      `<MultiPartyCall role="agent" enterSound="none" onExitActionUrl="${app.url('/exit')}">club</MultiPartyCall>`,
    ),
  );
  documents.set('/exit', response(`<Play>${clip(LATER, 1)}</Play>`));
  const eve = await call('eve');
  await until('she is in', async () => {
    const { body } = await server.api('GET', '/MultiPartyCall/?status=active');
    return JSON.stringify(body).includes('"club"');
  });
  assert.equal((await server.api('DELETE', '/MultiPartyCall/name_club/')).status, 204);
  await hears(eve, LATER);
  const { fields } = await asked('/exit');
  assert.deepEqual([fields.MPCFriendlyName, fields.ExitCause, fields.CallStatus], ['club', 'mpc_ended', 'in-progress']);
  await eve.until(() => eve.ended, 10_000, 'the end of the XML');
});

test('an app turns calls down, and one that fails has a fallback', async () => {
  documents.set('/answer/busy', response('<Hangup reason="busy"/>'));
  documents.set('/answer/no', response('<Hangup/>'));
  await assert.rejects(call('busy'), /486/);
  await assert.rejects(call('no'), /603/);
  await assert.rejects(call('broken'), /480/);
  documents.set('/fallback', response(`<Play loop="0">${clip(WELCOME, 1)}</Play>`));
  const phone = await call('broken');
  await hears(phone, WELCOME);
  const [uuid] = await liveCalls();
  const urls = clip(LATER, 9);
  assert.equal(
    (await server.api('POST', `/Call/${uuid}/Play/`, { urls, layer: 'whisper', mode: 'layer' })).status,
    202,
  );
  await hears(phone, WELCOME, LATER);
  assert.equal((await server.api('DELETE', `/Call/${uuid}/Play/`)).status, 204);
  await hears(phone, WELCOME);
  await phone.hangUp();
  await until('nobody is left', async () => (await liveCalls()).length === 0);
});

function onlyOne(calls: readonly string[]): string {
  const [uuid] = calls;
  assert.ok(uuid && calls.length === 1, 'one call is left');
  return uuid;
}
