import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CallCentre } from '../call-centre/call-centre.ts';
import { Baresip } from '../support/baresip.ts';
import { type PlivoClient, plivoClient } from '../support/plivo-sdk.ts';
import { requireProgram } from '../support/programs.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { hzIn, tone } from '../support/tones.ts';
import { readWav, writeWav } from '../support/wav.ts';

const RATE = 8000;
/** Whole periods in a whole second, so that repeating it is one tone. */
const HZ = { customer: 440, agent: 650, coach: 900, wait: 1010, hold: 1250, notice: 1500 } as const;
type Sound = keyof typeof HZ;
const AUTH_TOKEN = 'token-of-a-call-centre-in-a-test-1';
const PASSWORD = 'correct-horse';

let centre: CallCentre;
let server: TestServer;
let plivo: PlivoClient;

before(async () => {
  const wav = (sound: Sound, seconds: number) => writeWav(tone(RATE, seconds * RATE, HZ[sound]), RATE);
  const sounds = new Map([
    ['wait', wav('wait', 1)],
    ['hold', wav('hold', 1)],
    ['notice', wav('notice', 4)],
  ]);
  centre = await CallCentre.start(AUTH_TOKEN, sounds);
  server = await startServer({
    AUTH_ID: 'MACALLCENTRECALLCENT',
    AUTH_TOKEN,
    ANSWER_URL: centre.url('/answer'),
    HANGUP_URL: centre.url('/hangup'),
    FETCH_ALLOW: centre.allow,
    MEDIA_WORKERS: '2',
  });
  plivo = plivoClient(server);
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await centre.close();
});

/** A phone of a SIP user that the app's administrator made. */
async function registered(name: 'agent' | 'coach'): Promise<{ phone: Baresip; user: string }> {
  const made = await plivo.endpoints.create(name, PASSWORD, name);
  const user = String(made.username);
  const account = { user, password: PASSWORD, server: `127.0.0.1:${server.sipPort}` };
  const phone = await Baresip.start({ name, hz: HZ[name], account });
  const isThere = async () => (await plivo.endpoints.get(String(made.endpointId))).sipRegistered === 'true';
  await until(`${name} is registered`, isThere, 15_000);
  return { phone, user };
}

type Ear = () => Promise<Int16Array>;

function earOf(phone: Softphone | Baresip): Ear {
  if (phone instanceof Softphone) return () => phone.hearFor(300);
  return async () => (await phone.heard()).samples.subarray(-0.3 * RATE);
}

/** Waits until somebody hears these sounds and no other for a third of a second. */
async function hears(who: string, ear: Ear, ...sounds: Sound[]): Promise<void> {
  const wanted = sounds.map((sound) => HZ[sound]).sort((a, b) => a - b);
  let last: readonly number[] = [];
  const isHeard = async () => {
    last = hzIn(await ear(), RATE, Object.values(HZ)).sort((a, b) => a - b);
    return last.join() === wanted.join();
  };
  await until(`${who} hears ${wanted}`, isHeard, 10_000).catch((error: Error) => {
    throw new Error(`${error.message}; at last ${last} Hz`);
  });
}

function eventsAt(path: string): string[] {
  return centre.told
    .filter((each) => each.path === path)
    .map(({ fields }) => [fields.EventName ?? fields.Event, fields.MemberID].filter(Boolean).join(' '));
}

test('a customer waits, is served by an agent who is coached, and all of it is recorded, told and remembered', async (t) => {
  if (!requireProgram(t, 'baresip')) return;
  const phones = await Promise.all([registered('agent'), registered('coach')]);
  t.after(() => Promise.all(phones.map(({ phone }) => phone.stop())));
  const [agent, coach] = phones;
  const customer = await Softphone.call({ sipPort: server.sipPort, mpc: 'hotline' });
  t.after(() => customer.hangUp());
  customer.speak({ hz: HZ.customer, db: -12 });
  const [atCustomer, atAgent, atCoach] = [customer, agent.phone, coach.phone].map(earOf) as [Ear, Ear, Ear];
  await hears('the customer who waits', atCustomer, 'wait');

  const called = await centre.addAgent(plivo, agent.user);
  assert.equal(called.message, 'add participant action initiated');
  await agent.phone.accept(10_000);
  await hears('the customer', atCustomer, 'agent');
  await hears('the agent', atAgent, 'customer');

  const { recordingId } = await centre.record(plivo);
  await centre.addCoach(plivo, coach.user);
  await coach.phone.accept(10_000);
  await hears('the coach', atCoach, 'customer', 'agent');
  await hears('the agent, who is coached', atAgent, 'customer', 'coach');
  await hears('the customer, who is not to know', atCustomer, 'agent');

  await centre.announce(plivo);
  await Promise.all([
    hears('the customer during the notice', atCustomer, 'agent', 'notice'),
    hears('the agent during the notice', atAgent, 'customer', 'coach', 'notice'),
    hears('the coach during the notice', atCoach, 'customer', 'agent', 'notice'),
  ]);
  await hears('the customer after the notice', atCustomer, 'agent');

  await centre.hold(plivo, '1', true);
  await hears('the customer on hold', atCustomer, 'hold');
  await hears('the agent, whose customer is on hold', atAgent, 'coach');
  await centre.hold(plivo, '1', false);
  await hears('the customer, taken back', atCustomer, 'agent');

  const { mpcUuid } = await plivo.multiPartyCalls.get({ friendlyName: 'support' });
  await agent.phone.hangUp();
  await customer.until(() => customer.ended, 10_000, 'the end of the customer’s call');
  await coach.phone.event('CALL_CLOSED', 10_000);

  await until('the end is told', () => eventsAt('/status').includes('MPCEnd'), 10_000);
  assert.deepEqual(eventsAt('/status'), [
    'MPCInitialized',
    'ParticipantJoin 1',
    'AddParticipantByAPIActionInitiated',
    'MPCStart',
    'ParticipantJoin 2',
    'AddParticipantByAPIActionCompleted',
    'AddParticipantByAPIActionInitiated',
    'ParticipantJoin 3',
    'AddParticipantByAPIActionCompleted',
    'ParticipantHold 1',
    'ParticipantUnhold 1',
    'ParticipantExit 2',
    'ParticipantExit 1',
    'ParticipantExit 3',
    'MPCEnd',
  ]);
  const numbers = centre.told.filter(({ path }) => path === '/status').map(({ fields }) => fields.SequenceNumber);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => String(index + 1)),
    'none is missing',
  );
  await until('the recording is told of', () => eventsAt('/recording.told').includes('MPCRecordingCompleted'), 10_000);
  assert.deepEqual(eventsAt('/recording.told'), ['MPCRecordingInitiated', 'MPCRecordingCompleted']);
  await until('the hang-up is told of', () => eventsAt('/hangup').includes('Hangup'));
  assert.equal(centre.forged, 0, 'every request was signed rightly');
  const posed = await fetch(centre.url('/status'), {
    method: 'POST',
    body: new URLSearchParams({ EventName: 'MPCEnd' }),
  });
  assert.deepEqual([posed.status, centre.forged], [403, 1], 'and the app would not have believed others');

  assert.deepEqual(await recorded(String(recordingId)), [HZ.customer, HZ.agent, HZ.coach, HZ.notice]);
  const ended = await plivo.multiPartyCalls.get({ uuid: String(mpcUuid) });
  assert.deepEqual([ended.status, ended.terminationCauseCode, ended.friendlyName], ['Ended', 1000, 'support']);
  const { body } = await server.api('GET', `/MultiPartyCall/uuid_${mpcUuid}/Participant/`);
  const { objects } = body as { objects: { member_id: string; role: string; exit_cause: string }[] };
  assert.deepEqual(
    objects.map(({ member_id, role, exit_cause }) => `${member_id} ${role}: ${exit_cause}`),
    ['1 customer: Multiparty Call Ended', '2 agent: Participant Call Hangup', '3 supervisor: Multiparty Call Ended'],
  );
});

/** What sounds in a recording at some time: the music of who is on hold does not. */
async function recorded(id: string): Promise<number[]> {
  const authorization = `Basic ${Buffer.from(`${server.authId}:${server.authToken}`).toString('base64')}`;
  const response = await fetch(`${server.httpUrl}/v1/Account/${server.authId}/Recording/${id}.wav`, {
    headers: { authorization },
  });
  assert.equal(response.status, 200, 'the recording can be had');
  const { samples } = readWav(Buffer.from(await response.arrayBuffer()));
  const window = RATE / 4;
  const found = new Set<number>();
  for (let at = 0; at + window <= samples.length; at += window)
    for (const hz of hzIn(samples.subarray(at, at + window), RATE, Object.values(HZ), -30)) found.add(hz);
  return [...found].sort((a, b) => a - b);
}
