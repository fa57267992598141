import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClipServer } from '../support/clip-server.ts';
import { startServer, until } from '../support/server.ts';
import { Softphone } from '../support/softphone.ts';
import { StallWatch } from '../support/stall-watch.ts';
import { writeWav } from '../support/wav.ts';

const PLAYS = 1000;
const ROOM = 600;
const AT_ONCE = 20;
const RATE = 8000;
const HZ = 440;
const MEDIAN_MS = 250;

test('a thousand plays of different URLs fill the queues to their bound, and no caller hears of it', async (t) => {
  const source = await ClipServer.start();
  const stalls = new StallWatch();
  const server = await startServer({
    FETCH_ALLOW: source.allow,
    PLAYS_PER_MEMBER: '1000',
    PLAYS_PER_NODE: String(ROOM),
    LOG_LEVEL: 'info',
  });
  t.after(async () => {
    assert.equal(await server.stop(), 0);
    await source.close();
    stalls.stop();
  });
  const metric = async (line: string): Promise<number> => {
    const found = (await server.metrics()).split('\n').find((text) => text.startsWith(`${line} `));
    return Number(found?.slice(line.length) ?? Number.NaN);
  };
  const call = (mpc: string) => Softphone.call({ sipPort: server.sipPort, mpc });
  const [ana, ben, flooded] = [await call('talk'), await call('talk'), await call('flooded')];
  ana.speak(HZ);
  const skips = 'partyline_ticks_skipped_total{worker="0"}';
  await until('the mixer has reported', async () => (await metric(skips)) >= 0);
  await ben.hearFor(200);
  const [skippedBefore, stalledBefore] = [await metric(skips), stalls.stalledMs];
  ben.forget();

  const sound = writeWav(new Int16Array(2 * RATE).fill(1000), RATE);
  const statuses: number[] = [];
  const took: number[] = [];
  for (let i = 0; i < PLAYS; i += AT_ONCE)
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, j) => {
        const began = performance.now();
        const body = { url: source.file(`/${i + j}.wav`, sound) };
        const answer = await server.api('POST', '/MultiPartyCall/name_flooded/Member/1/Play/', body);
        took.push(performance.now() - began);
        statuses.push(answer.status);
        if (answer.status === 429) assert.ok(Number(answer.headers.get('retry-after')) > 0, 'says when to come back');
      }),
    );
  const count = (status: number): number => statuses.filter((each) => each === status).length;
  assert.equal(count(202) + count(429), PLAYS);
  assert.ok(count(202) >= ROOM && count(202) < ROOM + 20, `${count(202)} were taken: as many as there is room for`);
  assert.ok((await metric('partyline_play_queue_depth')) > ROOM - 20, 'the queue is shown');
  took.sort((a, b) => a - b);
  assert.ok((took[PLAYS / 2] ?? 0) < MEDIAN_MS, `half of the answers took ${took[PLAYS / 2]?.toFixed(0)} ms and more`);

  for (const [i, packet] of ben.packets.entries()) {
    const last = ben.packets[i - 1];
    if (last) assert.equal((packet.sequence - last.sequence) & 0xffff, 1, 'no packet is missing');
  }
  const skipped = (await metric(skips)) - skippedBefore;
  assert.ok(skipped * 20 <= stalls.stalledMs - stalledBefore, `${skipped} ticks skipped`);
  await Promise.all([ana, ben, flooded].map((phone) => phone.hangUp()));
  await until('nothing waits any more', async () => (await metric('partyline_play_queue_depth')) === 0);
});
