import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RecordingRow } from '../../../../server/recordings/recording-row.ts';
import { RecordingRig, type RecordingRigOptions, smallDisk } from '../../../support/recordings.ts';
import { until } from '../../../support/server.ts';
import { readWav, writeWav } from '../../../support/wav.ts';

const SECOND = 8000;

function rig(t: TestContext, options: RecordingRigOptions = {}): RecordingRig {
  const made = new RecordingRig(options);
  t.after(() => made.remove());
  return made;
}

function sound(samples: number, from = 0): Int16Array {
  return Int16Array.from({ length: samples }, (_, i) => from + i);
}

test('what is heard is in the file, whole and under its name once it is over', async (t) => {
  const one = rig(t);
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc);
  assert.equal(mpc.recording, 'recording');
  await engine.request.write(sound(3));
  await engine.request.write(sound(2, 100));
  const part = one.file(`${row.id}.wav.part`);
  assert.ok(part, 'it grows under another name');
  assert.deepEqual([...readWav(part).samples], [0, 1, 2, 100, 101]);
  one.recordings.stop(row.id);
  assert.equal(mpc.recording, 'not-recording');
  const over = await one.over(row.id);
  assert.deepEqual([...readWav(one.file(`${row.id}.wav`)!).samples], [0, 1, 2, 100, 101]);
  assert.equal(one.file(`${row.id}.wav.part`), undefined);
  assert.equal(over.reason, 'stopped');
  assert.equal(over.bytes, 54);
  assert.deepEqual(one.types(row.id), ['initiated', 'stopped', 'completed']);
});

test('pausing and resuming change what is told of the MPC, and only when there is something to change', async (t) => {
  const one = rig(t);
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc);
  assert.ok(!one.recordings.resume(row.id), 'it is not paused');
  assert.ok(one.recordings.pause(row.id), 'it pauses');
  assert.ok(!one.recordings.pause(row.id), 'it is paused already');
  assert.deepEqual([mpc.recording, engine.paused], ['paused', true]);
  assert.ok(one.recordings.resume(row.id), 'it goes on');
  assert.deepEqual([mpc.recording, engine.paused], ['recording', false]);
  assert.deepEqual(one.types(row.id), ['initiated', 'paused', 'resumed']);
  assert.deepEqual(
    one.news.map(({ serial }) => serial),
    [1, 2, 3],
  );
});

test('an MPC has one recording, a member one of each track, and one that was stopped makes room at once', async (t) => {
  const one = rig(t);
  const { mpc, member } = await one.join();
  const { row } = one.begin(mpc);
  assert.deepEqual(one.start(mpc), { ok: false, reason: 'already_recording' });
  one.begin(mpc, { member, track: 'all' });
  const { engine } = one.begin(mpc, { member, track: 'participant' });
  assert.equal(engine.request.leg, member.leg?.id);
  assert.deepEqual(one.start(mpc, { member, track: 'all' }), { ok: false, reason: 'already_recording' });
  one.recordings.stop(row.id);
  const again = one.begin(mpc);
  await one.over(row.id);
  assert.equal(mpc.recording, 'recording', 'the end of the first does not hide the second');
  assert.equal(one.recordings.running(mpc, undefined, 'mpc')?.id, again.row.id);
});

test('more than may run, or than there is room for, are refused, all of an order or none', async (t) => {
  const one = rig(t, { limits: { running: 2, totalBytes: 100 } });
  const { mpc, member } = await one.join();
  const { row, engine } = one.begin(mpc);
  const orders = (['all', 'participant'] as const).map((track) => ({
    mpc,
    member,
    track,
    format: 'wav' as const,
    callback: undefined,
    base: '',
  }));
  assert.deepEqual(one.recordings.start(orders), { ok: false, reason: 'too_many_recordings' });
  assert.equal(one.recordings.active, 1);
  await engine.request.write(sound(20));
  one.recordings.stop(row.id);
  await one.over(row.id);
  assert.equal(one.recordings.archive.bytes, 84);
  const next = one.begin(mpc);
  await next.engine.request.write(sound(9));
  const failed = await one.over(next.row.id);
  assert.deepEqual([failed.state, failed.reason, failed.bytes], ['failed', 'budget_used', null]);
  assert.equal(await one.recordings.archive.remove(row.id), 'removed');
  assert.equal(one.recordings.archive.bytes, 0);
  assert.ok(one.start(mpc).ok, 'what was deleted makes room');
});

test('at its longest a recording ends by itself, to the sample', async (t) => {
  const one = rig(t, { limits: { maxMs: 1000 } });
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc);
  await engine.request.write(sound(SECOND - 10));
  await engine.request.write(sound(400));
  await engine.request.write(sound(400));
  const over = await one.over(row.id);
  assert.deepEqual([over.state, over.reason, over.durationMs], ['completed', 'max_duration', 1000]);
  assert.equal(readWav(one.file(`${row.id}.wav`)!).samples.length, SECOND);
});

test('a full disk fails the recording, keeps what was written, and nothing else happens', async (t) => {
  const one = rig(t, { openFile: smallDisk(1000) });
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc, { format: 'mp3' });
  await engine.request.write(sound(400));
  await engine.request.write(sound(400));
  await engine.request.write(sound(400));
  const over = await one.over(row.id);
  assert.deepEqual([over.state, over.reason, over.detail, over.format], ['failed', 'disk_full', 'ENOSPC', 'wav']);
  assert.deepEqual(readWav(one.file(`${row.id}.wav`)!).samples.subarray(0, 400), sound(400));
  assert.deepEqual(one.types(row.id), ['initiated', 'stopped', 'failed']);
  assert.equal(mpc.status, 'active');
});

test('a disk that was full before the recording began fails it, and nothing of it is left open or lying about', async (t) => {
  let open = 0;
  const none = smallDisk(0);
  const one = rig(t, {
    openFile: async (path) => {
      const handle = await none(path);
      open += 1;
      return {
        ...handle,
        write: async () => {
          throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
        },
        close: async () => {
          open -= 1;
          await handle.close();
        },
      };
    },
  });
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc, { format: 'mp3' });
  await engine.request.write(sound(400));
  const over = await one.over(row.id);
  assert.deepEqual([over.state, over.reason, over.bytes], ['failed', 'disk_full', null]);
  assert.deepEqual([open, readdirSync(one.folder), one.recordings.archive.bytes], [0, [], 0]);
  assert.equal(mpc.recording, 'not-recording');
});

test('a folder that cannot be written to fails the recording', async (t) => {
  const one = rig(t, {
    openFile: async () => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    },
  });
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc);
  await engine.request.write(sound(400));
  const over = await one.over(row.id);
  assert.deepEqual([over.state, over.reason, over.detail, over.bytes], ['failed', 'disk_error', 'EACCES', null]);
});

test('a recording ends with its MPC, and one of a member with her', async (t) => {
  const one = rig(t);
  const { mpc, member } = await one.join();
  const { row } = one.begin(mpc);
  const hers = one.begin(mpc, { member, track: 'participant' });
  hers.engine.end('member_left');
  assert.equal((await one.over(hers.row.id)).reason, 'member_left');
  one.directory.end(mpc, 'hangup_api');
  assert.equal((await one.over(row.id)).reason, 'mpc_ended');
});

test('without an encoder, and with one that fails, the file is a wav, and it is said why', async (t) => {
  const none = rig(t, { encoder: 'there is no ffmpeg' });
  const first = none.begin((await none.join()).mpc, { format: 'mp3' });
  assert.equal(first.row.format, 'wav');
  assert.deepEqual(none.fallbacks, ['there is no ffmpeg']);

  const failing = rig(t, { encoder: { encode: async () => 'out of order' } });
  const second = failing.begin((await failing.join()).mpc, { format: 'mp3' });
  assert.equal(second.row.format, 'mp3');
  await second.engine.request.write(sound(400));
  failing.recordings.stop(second.row.id);
  const over = await failing.over(second.row.id);
  assert.deepEqual([over.state, over.format], ['completed', 'wav']);
  assert.deepEqual(failing.fallbacks, ['out of order']);
  assert.deepEqual(readWav(failing.file(`${second.row.id}.wav`)!).samples, sound(400));
});

test('after a crash each recording is finished from what is there, and told of with the next number', async (t) => {
  const one = rig(t);
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc, { format: 'mp3' });
  await engine.request.write(sound(800));
  const left = join(one.folder, `${row.id}.wav.part`);
  // The samples were written, and the header was not any more.
  const stale = writeWav(sound(800), 8000);
  stale.writeUInt32LE(0, 40);
  stale.writeUInt32LE(36, 4);
  writeFileSync(left, stale);
  one.news.length = 0;
  await one.restart();
  const over = await one.over(row.id);
  assert.deepEqual([over.state, over.reason, over.format, over.durationMs], ['completed', 'server_ended', 'mp3', 100]);
  assert.equal(over.endedAt, '2026-03-04T05:06:07.100Z');
  assert.deepEqual(readWav(one.file(`${row.id}.mp3`)!).samples, sound(800));
  assert.deepEqual(
    one.news.map(({ type, serial }) => [type, serial]),
    [['completed', 2]],
  );
  await one.restart();
  assert.equal(one.news.length, 1, 'what is over is told of once');
  assert.equal(one.recordings.archive.bytes, over.bytes);
});

test('after a crash a finished file whose row did not say so is taken as it is, and a missing one is lost', async (t) => {
  const one = rig(t);
  const { mpc, member } = await one.join();
  const made = one.begin(mpc);
  const gone = one.begin(mpc, { member, track: 'all' });
  await made.engine.request.write(sound(800));
  made.engine.stop();
  await one.over(made.row.id);
  const row = await one.rows.get(made.row.id);
  assert.ok(row, 'it is remembered');
  await one.rows.put({ ...row, state: 'finishing', reason: 'stopped', bytes: null });
  rmSync(join(one.folder, `${gone.row.id}.wav.part`));
  await one.restart();
  assert.deepEqual((await one.over(made.row.id)).state, 'completed');
  const lost = await one.over(gone.row.id);
  assert.deepEqual([lost.state, lost.reason, lost.bytes], ['failed', 'lost', null]);
});

test('what the end of the server cuts short is finished by the next start', async (t) => {
  const one = rig(t, {
    encoder: { encode: ({ signal }) => new Promise((done) => signal.addEventListener('abort', () => done('killed'))) },
  });
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc, { format: 'mp3' });
  await engine.request.write(sound(800));
  engine.end('conference_ended');
  const closing = one.recordings.close(10);
  const finishing = async () => (await one.recordings.archive.find(row.id))?.state === 'finishing';
  await until('its sound is in the file', finishing);
  one.clock.advance(10);
  await closing;
  assert.ok(await finishing(), 'the mp3 was not made');
  await one.restart();
  const over = await one.over(row.id);
  assert.deepEqual([over.state, over.reason, over.format], ['completed', 'mpc_ended', 'mp3']);
});

/** A recording that is over, of so many seconds. */
async function recorded(one: RecordingRig, seconds = 1): Promise<RecordingRow> {
  const { mpc } = await one.join();
  const { row, engine } = one.begin(mpc);
  await engine.request.write(sound(seconds * SECOND));
  one.date = new Date(one.date.getTime() + seconds * 1000);
  one.recordings.stop(row.id);
  engine.end('stopped');
  return one.over(row.id);
}

async function listed(one: RecordingRig): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of one.recordings.archive.newestFirst()) ids.push(id);
  return ids;
}

test('nothing of a recording that is over is in memory, and all are listed, the newest first', async (t) => {
  const one = rig(t);
  const rows = [await recorded(one), await recorded(one), await recorded(one)];
  const newest = rows.map(({ id }) => id).reverse();
  assert.deepEqual(await listed(one), newest);
  await one.restart();
  assert.deepEqual(await listed(one), newest);
  assert.deepEqual([one.recordings.archive.count, one.recordings.archive.bytes], [3, 3 * (44 + 2 * SECOND)]);
  // What the store forgets, nobody knows.
  await one.rows.remove(rows[1]!);
  assert.equal(await one.recordings.archive.find(rows[1]!.id), undefined);
});

test('no more recordings are begun than may be remembered, until some are deleted, which happens once', async (t) => {
  const one = rig(t, { limits: { totalCount: 2 } });
  const [first] = [await recorded(one), await recorded(one)];
  const { mpc } = await one.join();
  assert.deepEqual(one.start(mpc), { ok: false, reason: 'recordings_full' });
  const { archive } = one.recordings;
  const twice = await Promise.all([archive.remove(first.id), archive.remove(first.id)]);
  assert.deepEqual(twice, ['removed', 'unknown']);
  assert.deepEqual([archive.count, archive.bytes], [1, 44 + 2 * SECOND]);
  assert.equal(one.file(`${first.id}.wav`), undefined);
  const { row } = one.begin(mpc);
  assert.equal(await archive.remove(row.id), 'unfinished');
});

test('a recording is deleted with its file when it is old, at the start and while the server runs', async (t) => {
  const DAY_MS = 86_400_000;
  const limits = { keptMs: 10 * DAY_MS };
  const one = rig(t, { limits });
  const old = await recorded(one);
  one.date = new Date(one.date.getTime() + 5 * DAY_MS);
  const young = await recorded(one);
  one.date = new Date(one.date.getTime() + 5 * DAY_MS);
  const last = await recorded(one);
  await one.restart({ limits });
  assert.deepEqual(one.told, [`expired ${old.id}`]);
  assert.deepEqual(await listed(one), [last.id, young.id]);
  assert.equal(one.file(`${old.id}.wav`), undefined);
  assert.ok(one.file(`${young.id}.wav`), 'the young one is there');
  one.date = new Date(one.date.getTime() + 5 * DAY_MS);
  one.clock.advance(3_600_000);
  await until('the next goes as well', () => one.told.includes(`expired ${young.id}`));
  assert.deepEqual(await listed(one), [last.id]);
  one.date = new Date(one.date.getTime() + 20 * DAY_MS);
  await one.restart();
  assert.deepEqual(await listed(one), [last.id], 'without the limit it stays');
});

test('a file that cannot be removed stays known, and is tried again', async (t) => {
  const one = rig(t, { limits: { keptMs: 1000 } });
  const { id } = await recorded(one);
  const path = join(one.folder, `${id}.wav`);
  rmSync(path);
  mkdirSync(join(path, 'in the way'), { recursive: true });
  one.date = new Date(one.date.getTime() + 2000);
  await one.restart({ limits: { keptMs: 1000 } });
  assert.deepEqual(one.told, [`stuck ${id}`]);
  await assert.rejects(one.recordings.archive.remove(id));
  assert.deepEqual(await listed(one), [id]);
  rmSync(path, { recursive: true });
  one.clock.advance(3_600_000);
  await until('it is gone', async () => (await listed(one)).length === 0);
});

test('files on their way that nothing is known of are adopted when they have sound, and removed when not', async (t) => {
  const one = rig(t);
  const over = await recorded(one);
  const id = (n: number) => `ffffffff-0000-4000-8000-00000000000${n}`;
  const put = (name: string, bytes: Buffer): void => writeFileSync(join(one.folder, name), bytes);
  put(`${id(1)}.wav.part`, writeWav(sound(SECOND / 2), SECOND));
  put(`${id(2)}.wav.part`, Buffer.from('no sound at all'));
  put(`${id(3)}.wav.part`, writeWav(sound(0), SECOND));
  put(`${id(4)}.mp3.part`, Buffer.from('half an mp3'));
  put(`${over.id}.wav.part`, writeWav(sound(8), SECOND));
  const failed: RecordingRow = {
    ...over,
    id: id(5),
    state: 'failed',
    reason: 'disk_error',
    format: 'mp3',
    bytes: null,
  };
  await one.rows.put(failed);
  put(`${failed.id}.wav.part`, writeWav(sound(10), SECOND));
  put('notes.txt', Buffer.from('not ours'));
  await one.restart();
  assert.deepEqual([...one.told].sort(), [
    `adopted ${id(1)}`,
    `adopted ${id(5)}`,
    ...[over.id, id(2), id(3), id(4)].map((each) => `removed ${each}`),
  ]);
  const row = await one.over(id(1));
  assert.deepEqual(
    [row.state, row.reason, row.format, row.durationMs, row.sampleRate, row.mpcUuid],
    ['completed', 'server_ended', 'wav', 500, SECOND, null],
  );
  assert.deepEqual(readWav(one.file(`${id(1)}.wav`)!).samples, sound(SECOND / 2));
  const rest = readdirSync(one.folder).sort();
  assert.deepEqual(rest, [`${over.id}.wav`, `${id(1)}.wav`, `${id(5)}.wav`, 'notes.txt'].sort());
  assert.equal(one.recordings.archive.bytes, 44 + 2 * SECOND + 44 + SECOND + 64);
  const late = await one.over(failed.id);
  assert.deepEqual([late.state, late.format, late.bytes], ['failed', 'wav', 64], 'its sound can be had after all');
  await one.restart();
  assert.equal(one.told.length, 6, 'each is found once');
});
