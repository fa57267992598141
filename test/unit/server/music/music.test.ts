import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { type MusicDeps, playEntrySounds, playMusic } from '../../../../server/music/index.ts';
import { AppUnderTest } from '../../../support/app.ts';
import { termsOf } from '../../../support/terms.ts';

const MUSIC = {
  wait_music_url: 'https://app.example.com/wait',
  agent_hold_music_url: 'https://app.example.com/agent',
  customer_hold_music_url: 'https://app.example.com/customer',
  stay_alone: true,
};
let app: AppUnderTest;
let deps: MusicDeps;
/** What each source has; the others have nothing. */
let scores: Map<string, readonly string[]>;
let asked: string[];
/** What was logged as our own mistake. */
let errors: string[];

beforeEach(() => {
  app = new AppUnderTest();
  asked = [];
  errors = [];
  scores = new Map(Object.values(MUSIC).map((url) => [String(url), [`${url}.mp3`]]));
  deps = {
    directory: app.directory,
    engine: app.engine,
    score: async (source, _mpc, member) => {
      asked.push(`${member.id} ${source.url.pathname}`);
      return scores.get(source.url.href) ?? [];
    },
    nowMs: () => 7,
    log: { error: (_fields, message) => errors.push(message) },
    newUuid: randomUUID,
  };
});
afterEach(() => scores.clear());

const join = (body: Record<string, unknown> = {}) => app.join('standup', termsOf({ ...MUSIC, ...body }));

/** Lets what was asked for come, then says what sounds: the leg, and the name of what it hears. */
async function sounding(): Promise<string[]> {
  await new Promise((resolve) => setImmediate(resolve));
  return app.engine.plays
    .filter((play) => play.targets.some((target) => target.end === undefined))
    .map(({ request }) => `${request.legs.join('+')} ${request.urls.map((url) => url.split('/').at(-1)).join(' ')}`);
}

test('who is alone hears wait music until somebody comes, and again when she is alone again', async () => {
  playMusic(deps);
  await join();
  assert.deepEqual(await sounding(), ['1 wait.mp3']);
  const [play] = app.engine.plays;
  assert.deepEqual([play?.request.options.layer, play?.request.options.loop], ['bed', 0]);
  const ben = await join();
  assert.deepEqual(await sounding(), []);
  app.directory.leave(ben.mpc, ben.member, 'hangup', false);
  assert.deepEqual(await sounding(), ['1 wait.mp3']);
});

test('all who wait for the start hear wait music, each her own, and none once it starts', async () => {
  playMusic(deps);
  await join({ start_mpc_on_enter: false });
  const { mpc } = await join({ start_mpc_on_enter: false });
  assert.deepEqual(await sounding(), ['1 wait.mp3', '2 wait.mp3']);
  app.directory.start(mpc);
  assert.deepEqual(await sounding(), []);
});

test("who is on hold hears her role's hold music, a supervisor none, and nobody else anything", async () => {
  playMusic(deps);
  const members = [await join(), await join({ role: 'agent' }), await join({ role: 'supervisor' }), await join()];
  for (const { mpc, member } of members.slice(0, 3)) app.directory.change(mpc, member, { held: true });
  assert.deepEqual(await sounding(), ['1 customer.mp3', '2 agent.mp3']);
  for (const { mpc, member } of members) app.directory.change(mpc, member, { held: false });
  assert.deepEqual(await sounding(), []);
});

test('a coach is no company for a customer, but for an agent', async () => {
  playMusic(deps);
  await join();
  const coach = await join({ role: 'supervisor' });
  assert.deepEqual(await sounding(), ['1 wait.mp3'], 'the coach hears the customer');
  app.directory.change(coach.mpc, coach.member, { coach: false });
  assert.deepEqual(await sounding(), []);
});

test('music and sounds that cannot be had for a mistake of ours are logged, and nobody is the worse for it', async () => {
  const broken = { ...deps, score: () => Promise.reject(new Error('a mistake')) };
  playMusic(broken);
  playEntrySounds(broken);
  const { member } = await join({ enter_sound: 'https://app.example.com/hello' });
  await join();
  assert.deepEqual(await sounding(), ['1+2 beep-1'], 'the beep of the second');
  assert.deepEqual([...errors].sort(), ['a sound of who comes or goes failed', 'music failed']);
  assert.ok(member.present, 'she is still there');
});

test('music that comes too late is not played', async () => {
  let give: (score: readonly string[]) => void = () => {};
  playMusic({ ...deps, score: () => new Promise((resolve) => (give = resolve)) });
  const { mpc, member } = await join();
  app.directory.change(mpc, member, { held: true });
  const giveHold = give;
  app.directory.change(mpc, member, { held: false });
  app.directory.leave(mpc, member, 'hangup', false);
  giveHold(['https://app.example.com/late.mp3']);
  give(['https://app.example.com/later.mp3']);
  assert.deepEqual(await sounding(), []);
  assert.equal(app.engine.plays.length, 0);
});

test('who just dials in hears nothing, and neither does anybody whose source has nothing', async () => {
  playMusic(deps);
  await app.join('board');
  scores.clear();
  await join();
  assert.deepEqual(await sounding(), []);
  assert.deepEqual(asked, ['1 /wait'], 'only the one source was asked');
});

test('an engine that has no room for music is left in peace', async () => {
  playMusic(deps);
  app.engine.refusePlays = 'node_queue_full';
  const { mpc, member } = await join();
  await sounding();
  app.directory.leave(mpc, member, 'hangup', false);
  assert.equal(app.engine.plays.length, 0);
});

test('everybody hears a beep when a supervisor begins or ends coaching, unless it is to be quiet', async () => {
  playEntrySounds(deps);
  await join({ enter_sound: 'none' });
  const { mpc, member } = await join({ role: 'supervisor', enter_sound: 'none' });
  app.directory.change(mpc, member, { coach: false });
  app.directory.change(mpc, member, { coach: false });
  app.directory.change(mpc, member, { muted: true, held: true });
  app.directory.change(mpc, member, { muted: false, held: false });
  assert.deepEqual(await sounding(), ['1+2 beep-1'], 'the other changes make no sound');
  app.directory.change(mpc, member, { coach: true }, true);
  assert.equal((await sounding()).length, 1, 'it is to be quiet');
  app.directory.change(mpc, member, { coach: false });
  assert.deepEqual(await sounding(), ['1+2 beep-1', '1+2 beep-1']);
});

test('everybody in the conversation hears who comes and goes, by the sounds of her terms', async () => {
  playEntrySounds(deps);
  scores.set('https://app.example.com/hello', ['https://app.example.com/hello.wav']);
  const ana = await join({ start_mpc_on_enter: false });
  assert.deepEqual(await sounding(), [], 'nobody talks before the start');
  await join({ role: 'agent' });
  const { mpc, member } = await join({ enter_sound: 'https://app.example.com/hello', exit_sound: 'none' });
  app.directory.change(mpc, ana.member, { held: true });
  await join({ enter_sound: 'none' });
  app.directory.leave(mpc, member, 'hangup', false);
  app.directory.leave(mpc, ana.member, 'hangup', false);
  assert.deepEqual(await sounding(), ['1+2 beep-1', '1+2+3 hello.wav', '2+4 beep-2']);
  assert.deepEqual(
    app.engine.plays.map(({ request }) => [request.options.layer, request.options.loop]),
    Array(3).fill(['whisper', 1]),
  );
  await app.join('board');
  assert.equal((await sounding()).length, 3, 'who just dials in makes no sound');
});
