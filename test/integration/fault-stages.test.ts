import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readVitals } from '../soak/vitals.ts';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { ClipServer, neverAnswers, stalls } from '../support/clip-server.ts';
import { type SeenPlay, type StartedPlay, seenPlay, startPlay, stopPlay } from '../support/plays.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { writeWav } from '../support/wav.ts';

const MP3 = readFileSync(new URL('../fixtures/audio/announcement.mp3', import.meta.url));
/** Enough to be taken for an mp3, and too little for a first frame of sound to be played. */
const MP3_BEGINNING = 300;
const RATE = 8000;

let source: ClipServer;
let receiver: CallbackReceiver;
let server: TestServer;

before(async () => {
  [source, receiver] = [await ClipServer.start(), await CallbackReceiver.start()];
  server = await startServer({ FETCH_ALLOW: `${source.allow},${receiver.allow}`, FETCH_TOTAL_SECONDS: '60' });
});

after(async () => {
  assert.equal(await server.stop(), 0);
  await source.close();
  await receiver.close();
});

/** A play of one member that has come to some stage. */
interface Staged {
  readonly body: object;
  /** What the play waits behind, if behind anything. */
  readonly before?: object;
  readonly reached: (seen: SeenPlay, path: string) => boolean;
  readonly next?: (mpc: string, play: StartedPlay) => Promise<unknown>;
}

const tone = (seconds: number): Buffer =>
  writeWav(
    Int16Array.from({ length: seconds * RATE }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * i) / RATE)),
    RATE,
  );

/** `path`: of the source, its own for each play, so that none finds another's clip in memory. */
const STAGES: Readonly<Record<string, (path: string) => Staged>> = {
  fetching: (path) => ({
    body: { url: source.on(path, neverAnswers) },
    reached: ({ status }) => status === 'fetching' && source.hits(path) === 1,
  }),
  decoding: (path) => ({
    body: { url: source.on(path, stalls(MP3.subarray(0, MP3_BEGINNING))) },
    reached: ({ status }) => status === 'fetching' && source.hits(path) === 1,
    // Only this stage needs an ffmpeg.
    next: () => until('an ffmpeg at work', async () => (await readVitals(server, 0)).children > 0),
  }),
  queued: (path) => ({
    before: { url: source.file(`${path}-first.wav`, tone(30)) },
    body: { url: source.file(path, tone(1)) },
    reached: ({ status }) => status === 'queued',
  }),
  sounding: (path) => ({
    body: { url: source.file(path, tone(30)) },
    reached: ({ status, targets }) => status === 'playing' && (targets[0]?.played_ms ?? 0) > 0,
  }),
  paused: (path) => ({
    body: { url: source.file(path, tone(30)) },
    reached: ({ status }) => status === 'playing',
    next: async (mpc, { id }) => {
      const answer = await server.api('POST', `/MultiPartyCall/name_${mpc}/Play/${id}/`, { action: 'pause' });
      assert.ok(answer.status < 300, JSON.stringify(answer.body));
    },
  }),
  looping: (path) => ({
    body: { url: source.file(path, tone(0.2)), loop: 0 },
    reached: ({ targets }) => (targets[0]?.played_ms ?? 0) > 400,
  }),
};

const EVENTS: Readonly<Record<string, (mpc: string, phone: Softphone) => Promise<void>>> = {
  member_left: (_mpc, phone) => phone.hangUp(),
  conference_ended: async (mpc) => {
    assert.equal((await server.api('DELETE', `/MultiPartyCall/name_${mpc}/`)).status, 204);
  },
  stopped: (mpc) => stopPlay(server, mpc, '1'),
};

async function outcome(stage: string, event: string): Promise<void> {
  const mpc = `${stage}-${event}`;
  const call = () => Softphone.call({ sipPort: server.sipPort, mpc });
  const [phone, other] = [await call(), await call()];
  try {
    const { body, before: first, reached, next } = (STAGES[stage] ?? assert.fail(stage))(`/${mpc}`);
    if (first) await startPlay(server, mpc, '1', first);
    const play = await startPlay(server, mpc, '1', { ...body, callback_url: receiver.url(`/${mpc}`) });
    await until(`${mpc} at its stage`, async () => reached(await seenPlay(server, mpc, play), `/${mpc}`), 10_000);
    await next?.(mpc, play);
    await EVENTS[event]?.(mpc, phone);
    const told = await receiver.play(play.id, 10_000);
    const ended = told.filter(({ fields }) => fields.EventName === 'PlayEnded');
    assert.deepEqual(
      ended.map(({ fields }) => fields.Reason),
      [event],
      `${mpc}: one end, and for what happened`,
    );
    assert.equal(told.filter(({ fields }) => fields.EventName === 'PlayFinished').length, 1, mpc);
    assert.equal(told.at(-1)?.fields.EventName, 'PlayFinished', `${mpc}: nothing is told after the end`);
  } finally {
    await Promise.all([phone.hangUp(), other.hangUp()]);
  }
}

test('whoever leaves, ends or stops, at whatever stage of a play: it ends once, for that, and leaves nothing behind', async () => {
  const idle = await readVitals(server, 0);
  for (const event of Object.keys(EVENTS)) await Promise.all(Object.keys(STAGES).map((stage) => outcome(stage, event)));
  await until(
    'nothing is left',
    async () => {
      const { children, descriptors, metrics } = await readVitals(server, 0);
      const busy = ['partyline_plays_active', 'partyline_play_queue_depth', 'partyline_members'].map((n) =>
        metrics.get(n),
      );
      // Kept-alive connections of ours to the receiver, and of the test to the server.
      return children === idle.children && descriptors <= idle.descriptors + 6 && busy.every((count) => count === 0);
    },
    15_000,
  );
  assert.equal([...source.sockets].filter((socket) => !socket.destroyed).length <= 2, true, 'no source is held on to');
  const counts = receiver.received.filter(({ fields }) => fields.EventName === 'PlayFinished').length;
  assert.equal(counts, Object.keys(EVENTS).length * Object.keys(STAGES).length, 'none was told twice');
});
