import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CallbackReceiver } from '../support/callback-receiver.ts';
import { startServer, type TestServer, until } from '../support/server.ts';
import { hzIn } from '../support/tones.ts';
import { WsClient } from '../support/ws-client.ts';

/** A disk of its own, which takes the right to mount one. */
const disk = mkdtempSync(join(tmpdir(), 'partyline-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]).status === 0;
after(() => {
  if (mounted) spawnSync('umount', ['-l', disk]);
  rmdirSync(disk);
});

interface Shown {
  readonly [field: string]: unknown;
}

const LEFT_BYTES = 80_000;

/** Leaves a little room only. Returns what gives it back. */
function fill(): () => void {
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, 'filler');
  writeFileSync(filler, Buffer.alloc(bavail * bsize - LEFT_BYTES));
  return () => rmSync(filler);
}

test('a disk that fills up ends the recording with what it holds, no call notices, and the next one is whole', {
  skip: mounted ? false : 'no disk can be mounted here',
}, async () => {
  const receiver = await CallbackReceiver.start();
  const server: TestServer = await startServer({ DATA_DIR: disk, FETCH_ALLOW: receiver.allow });
  const { wsUrl, authId, authToken } = server;
  const join = () => WsClient.join({ wsUrl, authId, authToken, mpc: 'name_board' });
  const [ana, ben] = [await join(), await join()];
  const voice = ana.speak(440);
  const record = async (): Promise<string> => {
    const body = { file_format: 'wav', recording_callback_url: receiver.url('/rec') };
    const started = await server.api('POST', '/MultiPartyCall/name_board/Record/', body);
    assert.equal(started.status, 202, JSON.stringify(started.body));
    return String((started.body as Shown).recording_id);
  };
  const over = (id: string) =>
    until(
      'it is over',
      async () => {
        const shown = (await server.api('GET', `/Recording/${id}/`)).body as Shown;
        return (shown.status === 'failed' || shown.status === 'completed') && shown;
      },
      20_000,
    );

  const giveBack = fill();
  const cut = await record();
  const { status, reason, size } = await over(cut);
  assert.deepEqual([status, reason], ['failed', 'disk_full']);
  assert.ok(Number(size) > LEFT_BYTES / 4, `${size} bytes of it are kept`);
  const authorization = `Basic ${Buffer.from(`${authId}:${authToken}`).toString('base64')}`;
  const file = await fetch(`${server.httpUrl}/v1/Account/${authId}/Recording/${cut}.wav`, {
    headers: { authorization },
  });
  assert.deepEqual([file.status, (await file.arrayBuffer()).byteLength], [200, size], 'what there is can be had');
  const told = () => receiver.received.map(({ fields }) => fields.EventName);
  await until('it is told of', () => told().includes('MPCRecordingFailed'));
  assert.deepEqual(hzIn(await ben.hearFor(400), ben.sampleRate, [440, 550]), [440], 'the call goes on');
  assert.match(await server.metrics(), /^partyline_recording_failures_total\{reason="disk_full"\} 1$/m);

  giveBack();
  const whole = await record();
  await ana.hearFor(1000);
  assert.equal((await server.api('DELETE', '/MultiPartyCall/name_board/Record/')).status, 204);
  assert.equal((await over(whole)).status, 'completed');
  await until('what waited is on disk', async () => /_store_pending_rows 0$/m.test(await server.metrics()), 40_000);
  voice.stop();
  await Promise.all([ana.leave(), ben.leave()]);
  assert.equal(await server.stop(), 0);
  await receiver.close();
});
