import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bytesOf, wavFile } from '../support/audio-files.ts';
import { ClipServer } from '../support/clip-server.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { hzIn, tone } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

/** Hz of everybody's voice and of everything that is played. */
const HZ = { ana: 440, agent: 550, coach: 660, beep: 880, wait: 1010, hold: 1250, agentHold: 1500 } as const;
type Sound = keyof typeof HZ;

let server: TestServer;
let source: ClipServer;
let music: Record<string, unknown>;

before(async () => {
  source = await ClipServer.start();
  server = await startServer({ FETCH_ALLOW: source.allow });
  for (const name of ['wait', 'hold', 'agentHold'] as const) {
    // Whole periods in a whole second, so that repeating it is one tone.
    const data = bytesOf(tone(8000, 8000, HZ[name]));
    source.file(`/${name}.wav`, wavFile({ tag: 1, bits: 16, channels: 1, sampleRate: 8000, data }));
  }
  xml('/wait', `<Play>${source.url('/wait.wav')}</Play>`);
  xml('/agent-hold', `<Hangup/><Play loop="0">${source.url('/agentHold.wav')}</Play>`);
  music = {
    wait_music_url: source.url('/wait'),
    customer_hold_music_url: source.url('/hold.wav'),
    agent_hold_music_url: source.url('/agent-hold'),
  };
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
});

function xml(path: string, inside: string): void {
  source.file(path, Buffer.from(`<?xml version="1.0"?><Response>${inside}</Response>`), {
    'content-type': 'application/xml',
  });
}

/** Joins by WebSocket under terms that its token carries. */
async function join(mpc: string, terms: Record<string, unknown>): Promise<WsClient> {
  const issued = await server.api('POST', `/MultiPartyCall/name_${mpc}/Stream/`, {
    role: 'customer',
    enter_sound: 'none',
    exit_sound: 'none',
    ...terms,
  });
  assert.equal(issued.status, 201, JSON.stringify(issued.body));
  const { token } = issued.body as { token: string };
  const { wsUrl, authId } = server;
  return WsClient.join({ wsUrl, authId, streamToken: token, mpc: `name_${mpc}` });
}

interface Ear {
  readonly sampleRate: number;
  hearFor(ms: number): Promise<Int16Array>;
}

/** Waits until somebody hears just these for a third of a second. */
async function hears(who: string, ear: Ear, ...sounds: Sound[]): Promise<void> {
  const wanted = sounds.map((sound) => HZ[sound]).sort((a, b) => a - b);
  let last: readonly number[] = [];
  await until(
    `${who} hears ${wanted} Hz`,
    async () => {
      last = hzIn(await ear.hearFor(300), ear.sampleRate, Object.values(HZ));
      return last.join() === wanted.join();
    },
    8000,
  ).catch((error: Error) => {
    throw new Error(`${error.message}; at last she heard ${last}`);
  });
}

async function mpcOf(ref: string): Promise<Record<string, unknown>> {
  const { status, body } = await server.api('GET', `/MultiPartyCall/${ref}/`);
  assert.equal(status, 200);
  return body as Record<string, unknown>;
}

async function update(mpc: string, member: string, changes: Record<string, unknown>): Promise<void> {
  const { status } = await server.api('POST', `/MultiPartyCall/name_${mpc}/Participant/${member}/`, changes);
  assert.equal(status, 202);
}

test('a customer waits to music, talks to an agent, is held and coached around, and all ends with the one who may end it', async () => {
  const ana = await join('help', { ...music, start_mpc_on_enter: false, stay_alone: true, max_participants: 4 });
  ana.speak(HZ.ana);
  await hears('the first to wait', ana, 'wait');
  const waiting = await join('help', { start_mpc_on_enter: 'false' });
  await hears('the second to wait', waiting, 'wait');
  const before = await mpcOf('name_help');
  assert.deepEqual([before.status, before.start_time, before.stay_alone], ['Initialized', null, true]);
  assert.deepEqual([before.max_participants, before.max_duration], [4, 14_400]);
  await waiting.leave();

  const agent = await Softphone.call({ sipPort: server.sipPort, mpc: 'help', role: 'agent' });
  agent.speak(HZ.agent);
  await hears('the customer, once the agent is there', ana, 'agent');
  await hears('the agent', agent, 'ana');
  assert.equal((await mpcOf('name_help')).status, 'Active');

  await update('help', ana.memberId, { hold: true, disable_state_change_sound: true });
  await hears('the customer on hold', ana, 'hold');
  await hears('the agent, whose customer is on hold', agent);
  await update('help', ana.memberId, { hold: false });
  await update('help', '3', { hold: true });
  await hears('the agent on hold', agent, 'agentHold');
  await update('help', '3', { hold: false });
  await hears('the customer, taken back', ana, 'agent');

  const coach = await join('help', { role: 'supervisor', end_mpc_on_exit: true });
  coach.speak(HZ.coach);
  await hears('the agent, who is coached', agent, 'ana', 'coach');
  await hears('the customer, who is not to know', ana, 'agent');
  await hears('the coach', coach, 'ana', 'agent');
  const { body } = await server.api('GET', `/MultiPartyCall/name_help/Participant/${coach.memberId}/`);
  const { coach_mode, end_mpc_on_exit, start_mpc_on_enter } = body as Record<string, unknown>;
  assert.deepEqual([coach_mode, end_mpc_on_exit, start_mpc_on_enter], [true, true, true]);
  await update('help', coach.memberId, { coach_mode: false });
  await hears('the customer, when the supervisor joins in', ana, 'agent', 'coach');

  const { mpc_uuid } = await mpcOf('name_help');
  await coach.leave();
  assert.equal((await ana.closed).code, 1000);
  await agent.until(() => agent.ended, 5000, 'the agent is hung up');
  await agent.hangUp();
  const ended = await mpcOf(`uuid_${mpc_uuid}`);
  assert.deepEqual([ended.status, ended.termination_cause_code], ['Ended', 1000]);
});

test('an MPC is started by a request, tells by beeps who comes and goes, and leaves nobody alone', async () => {
  const ana = await join('board', { start_mpc_on_enter: false });
  const ben = await join('board', { start_mpc_on_enter: false });
  ben.speak(HZ.agent);
  await hears('who waits without music', ana);
  const started = await server.api('POST', '/MultiPartyCall/name_board/', { status: ['active'] });
  assert.equal(started.status, 204);
  await hears('who has been let in', ana, 'agent');

  ana.forget();
  const eve = await join('board', { enter_sound: 'beep:1', mute: true });
  const beeped = () => hzIn(ana.heard().subarray(-2000), 8000, [HZ.beep]).length > 0;
  await ana.until(beeped, 5000, 'the beep');
  await eve.leave();

  const { mpc_uuid } = await mpcOf('name_board');
  await ben.leave();
  assert.equal((await ana.closed).code, 1000);
  const ended = await mpcOf(`uuid_${mpc_uuid}`);
  assert.deepEqual([ended.termination_cause, ended.termination_cause_code], ['Stay Alone Not Permitted', 1010]);
  const { body } = await server.api('GET', `/MultiPartyCall/uuid_${mpc_uuid}/Participant/`);
  const { objects } = body as { objects: { exit_cause: string }[] };
  assert.deepEqual(
    objects.map(({ exit_cause }) => exit_cause),
    ['Multiparty Call Ended', 'Participant Call Hangup', 'Participant Call Hangup'],
  );
});
