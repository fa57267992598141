import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { plivoClient } from '../support/plivo-sdk.ts';
import { freePorts } from '../support/ports.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { answerTo } from '../support/sip-answer.ts';
import { SipText, sdpText } from '../support/sip-script.ts';
import { sippTrunk, TRUNK_PASSWORD, TRUNK_USER, type TrunkScenario } from '../support/sipp-trunk.ts';
import { levelAt } from '../support/tones.ts';

const ANA_HZ = 440;
const BOB_HZ = 900;
const RATE = 8000;
const LOUD_DB = -15;
const SILENT_DB = -45;
const NUMBER = '+493012345';

let server: TestServer;
let trunkPort: number;

before(async () => {
  trunkPort = await freePorts(6);
  server = await startServer({
    SIP_TRUNK: `sip:127.0.0.1:${trunkPort}`,
    SIP_TRUNK_USER: TRUNK_USER,
    SIP_TRUNK_PASSWORD: TRUNK_PASSWORD,
    SIP_TRUNK_REALM: 'carrier',
    DIAL_ALLOW: '49',
    SIP_TRUSTED: '192.0.2.1',
    DRAIN_SECONDS: '0',
  });
});

after(async () => {
  assert.equal(await server.stop(), 0);
});

async function add(mpc: string, body: Readonly<Record<string, unknown>>) {
  const path = `/MultiPartyCall/name_${mpc}/Participant/`;
  return server.api('POST', path, { role: 'agent', from: '4930111', dial_music: 'none', ...body });
}

interface Participant {
  readonly member_id: string;
  readonly exit_time: string | null;
}

async function present(mpc: string): Promise<readonly Participant[]> {
  const { status, body } = await server.api('GET', `/MultiPartyCall/name_${mpc}/Participant/`);
  return status === 200 ? (body as { objects: Participant[] }).objects.filter((each) => each.exit_time === null) : [];
}

async function dials(result: string): Promise<number> {
  const text = await server.metrics();
  return Number(new RegExp(`^partyline_dials_total\\{result="${result}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? -1);
}

/** Waits until a tone is there in the last 200 ms that a phone heard. */
async function hears(listener: Baresip, hz: number): Promise<Int16Array> {
  return until(`${hz} Hz`, async () => {
    const { samples } = await listener.heard();
    const last = samples.subarray(-RATE / 5);
    return levelAt(last, RATE, hz) > LOUD_DB && last;
  });
}

test('phones answer calls that Plivo’s SDK asked for, and hear each other', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const phones = [
    await Baresip.start({ name: 'ana', hz: ANA_HZ }),
    await Baresip.start({ name: 'bob', hz: BOB_HZ, codec: 'PCMA' }),
  ];
  const [ana, bob] = phones as [Baresip, Baresip];
  t.after(() => Promise.all(phones.map((phone) => phone.stop())));
  const hosts = [ana, bob].map(({ sipPort }) => `127.0.0.1:${sipPort}`).join();
  const callbacks = await CallbackReceiver.start();
  t.after(() => callbacks.close());
  const dialler = await startServer({
    SIP_DIAL_ALLOW: hosts,
    FETCH_ALLOW: callbacks.allow,
    SIP_TRUSTED: '192.0.2.1',
    AUTH_ID: 'MADIALDIALDIALDIALDI',
  });
  t.after(() => dialler.stop());
  const plivo = plivoClient(dialler);
  const of = { friendlyName: 'demo' };

  const options = { ...of, from: '4930111', callerName: 'The team', enterSound: 'none', dialMusic: 'none' };
  const first = await plivo.multiPartyCalls.addParticipant('Customer', {
    ...options,
    to: `sip:ana@127.0.0.1:${ana.sipPort}`,
    callStatusCallbackUrl: callbacks.url('/call.status'),
  });
  assert.equal(first.message, 'add participant action initiated');
  await ana.accept();
  await plivo.multiPartyCalls.addParticipant('Agent', {
    ...options,
    to: `sip:bob@127.0.0.1:${bob.sipPort};transport=tcp`,
  });
  await bob.accept();

  await hears(bob, ANA_HZ);
  const heard = await hears(ana, BOB_HZ);
  assert.ok(levelAt(heard, RATE, ANA_HZ) < SILENT_DB, 'ana does not hear herself');

  // The far side may hang up, though no address of it is trusted.
  await bob.hangUp();
  await plivo.multiPartyCalls.stop(of).catch(() => {});
  await ana.event('CALL_CLOSED');
  const told = await until('the story of the call', () => {
    const events = callbacks.received.map(({ fields }) => fields.Event);
    return events.includes('Hangup') && events;
  });
  assert.deepEqual(told, ['Ring', 'StartApp', 'Hangup']);
});

/** A call to the trunk; `settle` does what is to be done once sipp was called. */
async function throughTrunk(
  scenario: TrunkScenario,
  mpc: string,
  body: Readonly<Record<string, unknown>>,
  settle: () => Promise<void>,
): Promise<string> {
  const trunk = await sippTrunk({ port: trunkPort, scenario });
  const answer = await add(mpc, { to: NUMBER, ...body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  await settle();
  const { code, output } = await trunk.result;
  assert.equal(code, 0, output);
  return output;
}

test('a trunk that asks for credentials gets them, takes the call, and is hung up on', async (t) => {
  if (!requireProgram(t, 'sipp')) return;
  const output = await throughTrunk('digest', 'trunk', {}, async () => {
    await until('the callee is in the MPC', async () => (await present('trunk')).length === 1, 10_000);
    assert.equal((await server.api('DELETE', '/MultiPartyCall/name_trunk/Participant/all/')).status, 204);
  });
  assert.match(output, /INVITE sip:\+493012345@127\.0\.0\.1:\d+ SIP\/2\.0/);
  assert.doesNotMatch(output, new RegExp(TRUNK_PASSWORD));
});

test('a line that is busy, and one that nobody answers in time, end the call and its MPC', async (t) => {
  if (!requireProgram(t, 'sipp')) return;
  await throughTrunk('busy', 'busy', {}, async () => {
    await until('the busy line is counted', async () => (await dials('busy')) === 1, 10_000);
  });
  await throughTrunk('ring', 'patience', { ring_timeout: 1 }, async () => {
    await until('nobody answered', async () => (await dials('no_answer')) === 1, 10_000);
  });
  assert.deepEqual(await present('busy'), []);
  assert.equal((await server.api('GET', '/MultiPartyCall/name_patience/')).status, 404);
});

test('a call that rings is taken back when its MPC is ended', async (t) => {
  if (!requireProgram(t, 'sipp')) return;
  await throughTrunk('ring', 'ended', { to: '+49777' }, async () => {
    await until('it rings', () => /\+49777@[^\n]*call rings/.test(server.log()), 10_000);
    assert.equal((await server.api('DELETE', '/MultiPartyCall/name_ended/')).status, 204);
  });
  await until('it is counted', async () => (await dials('cancelled')) === 1);
  await until('nothing is left', async () => /^partyline_sip_dialogs 0$/m.test(await server.metrics()), 40_000);
});

test('digits reach a far side that has early media while it still rings, pauses and all', async (t) => {
  const signalling = createSocket('udp4').bind(trunkPort, '127.0.0.1');
  const sound = createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => {
    signalling.close();
    sound.close();
  });
  await Promise.all([once(signalling, 'listening'), once(sound, 'listening')]);
  const told: SipText[] = [];
  const events: { readonly digit: number; readonly at: number }[] = [];
  const say = (to: RemoteInfo, request: SipText, status: number, reason: string, body?: string): void => {
    const contact = `sip:callee@127.0.0.1:${trunkPort}`;
    const text = answerTo(request, status, reason, { tag: 'far', contact, ...(body && { body }) });
    signalling.send(Buffer.from(text, 'latin1'), to.port, to.address);
  };
  signalling.on('message', (bytes, from) => {
    const request = new SipText(bytes.toString('latin1'));
    told.push(request);
    const early = sdpText({ address: '127.0.0.1', port: sound.address().port });
    if (request.method === 'INVITE') say(from, request, 183, 'Session Progress', early);
    else if (request.method === 'CANCEL') {
      say(from, request, 200, 'OK');
      say(from, told.find(({ method }) => method === 'INVITE')!, 487, 'Request Terminated');
    }
  });
  sound.on('message', (packet) => {
    const isMarked = (packet[1]! & 0x80) !== 0;
    if ((packet[1]! & 0x7f) === 101 && isMarked) events.push({ digit: packet[12]!, at: packet.readUInt32BE(4) });
  });
  const added = await add('early', { to: NUMBER, send_digits: '1w2', send_on_preanswer: true });
  assert.equal(added.status, 201, JSON.stringify(added.body));
  await until('both digits came', () => events.length === 2, 10_000);
  assert.deepEqual(
    events.map(({ digit }) => digit),
    [1, 2],
  );
  // 200 ms for the first digit and what follows it, and half a second: in samples of 8 kHz.
  assert.equal(((events[1]?.at ?? 0) - (events[0]?.at ?? 0)) >>> 0, 0.7 * RATE);
  assert.deepEqual(await present('early'), [], 'nobody has answered');
  assert.equal((await server.api('DELETE', '/MultiPartyCall/name_early/')).status, 204);
  await until('the call is taken back', () => told.some(({ method }) => method === 'CANCEL'));
  await until('its refusal is acknowledged', () => told.some(({ method }) => method === 'ACK'));
});

test('whoever may not be called is not: the answer is 403 and no packet leaves', async () => {
  for (const to of ['0019005551234', '+19005551234', 'sip:bob@127.0.0.1:5099', 'sip:bob@example.com', 'nobody']) {
    const { status, body } = await add('toll', { to });
    assert.equal(status, 403, `${to}: ${JSON.stringify(body)}`);
  }
  assert.equal((await server.api('GET', '/MultiPartyCall/name_toll/')).status, 404);
  const refused = await server.metrics();
  assert.match(refused, /^partyline_dials_refused_total\{reason="number"\} 2$/m);
  assert.match(refused, /^partyline_dials_refused_total\{reason="host"\} 2$/m);
  assert.match(refused, /^partyline_dials_refused_total\{reason="unknown_user"\} 1$/m);
  // Node's SDK leaves out why.
  const options = { friendlyName: 'toll', from: '4930111', to: 'sip:bob@example.com' };
  await assert.rejects(plivoClient(server).multiPartyCalls.addParticipant('agent', options), /status code 403$/);
});
