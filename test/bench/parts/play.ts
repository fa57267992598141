import { setTimeout as wait } from 'node:timers/promises';
import { seededRandom } from '../../support/random.ts';
import { Clips } from '../load/clips.ts';
import { type Crowd, type Room, roomsOf } from '../load/crowd.ts';
import { NO_TONE } from '../load/generator.ts';
import { heardAt, monotonicMs } from '../load/onsets.ts';
import { between, quantile } from '../measure/prometheus.ts';
import { percentile } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, type Table } from '../report/table.ts';
import type { Partyline } from '../systems/partyline.ts';

const CLIP_SECONDS = 10;
const LISTENERS = 8;
const DEADLINE_MS = 5000;
/** After a play is stopped: its last frames, and the quiet that makes the next onset one. */
const REST_MS = 160;
const TICK_MS = 20;

/** Starts plays one after another; for each the time from the request to the first packet that carries its sound. */
async function startLatencies(
  server: Partyline,
  crowd: Crowd,
  rooms: readonly Room[],
  plays: number,
  url: (play: number) => string,
): Promise<{ latencies: number[]; lost: number }> {
  const random = seededRandom(plays);
  const latencies: number[] = [];
  let lost = 0;
  for (let play = 0; play < plays; play++) {
    const room = rooms[play % rooms.length];
    const [leg] = room?.legs ?? [];
    if (!room || leg === undefined) throw new Error('no listener');
    // Any moment between two ticks is as likely.
    await wait(random() * TICK_MS);
    const asked = monotonicMs();
    await server.play(room.name, '1', url(play));
    const at = (await heardAt(crowd.generator, [leg], asked, DEADLINE_MS)).get(leg);
    if (at === undefined) lost += 1;
    else latencies.push(at - asked);
    await server.stopPlay(room.name, '1');
    await wait(REST_MS);
  }
  return { latencies, lost };
}

/** From the request to the first frame on the wire, with the clip in memory and without. */
export const play: Part = {
  name: 'play',
  about: 'from a play request to its first frame on the wire',
  async run(bench: Bench): Promise<PartResult> {
    const plays = bench.pick({ tiny: 2, short: 25, full: 100 });
    const backgrounds = bench.pick({ tiny: [0], short: [0, 400], full: [0, 400] });
    const clips = await Clips.start(1, CLIP_SECONDS);
    const rows: Table['rows'][number][] = [];
    const data: object[] = [];
    const faults: string[] = [];
    try {
      for (const background of backgrounds)
        await bench.withCrowd(
          () => bench.startPartyline({ legs: background + LISTENERS, env: { FETCH_ALLOW: clips.allow } }),
          async (server, crowd) => {
            const rooms = await crowd.join(server, roomsOf(LISTENERS, 1, 0, 'listener'));
            if (background > 0) await crowd.join(server, roomsOf(background, 4, 2));
            for (const room of rooms) for (const leg of room.legs) crowd.generator.watch(leg, NO_TONE);
            await wait(bench.size.settleSeconds * 1000);
            const warmUrl = clips.newUrl(0);
            await startLatencies(server, crowd, rooms, 1, () => warmUrl);
            for (const kind of ['warm', 'cold'] as const) {
              const before = await server.scrape();
              const url = (): string => (kind === 'warm' ? warmUrl : clips.newUrl(0));
              const { latencies, lost } = await startLatencies(server, crowd, rooms, plays, url);
              const after = await server.scrape();
              const labels = { cache: kind === 'warm' ? 'hit' : 'miss' };
              const name = 'partyline_play_start_seconds';
              const own = between(before.histogram(name, labels), after.histogram(name, labels));
              const [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1].map((share) => percentile(latencies, share));
              data.push({ kind, background, latencies, ownP50: quantile(own, 0.5) * 1000 });
              rows.push([
                kind,
                background,
                latencies.length,
                ...[p50, p90, p99, most, quantile(own, 0.5) * 1000].map((ms) => digits(ms ?? Number.NaN)),
              ]);
              if (lost > 0) faults.push(`play, ${kind}, ${background} legs beside it: ${lost} plays were not heard`);
              bench.progress(`${kind}, ${background} legs beside it: p50 ${digits(p50 ?? Number.NaN)} ms`);
            }
          },
        );
    } finally {
      await clips.close();
    }
    return {
      tables: [
        {
          title: `Start of a play (mp3, ${CLIP_SECONDS} s), request sent to first frame received, ms`,
          columns: ['clip', 'other legs', 'plays', 'p50', 'p90', 'p99', 'max', "server's own p50"],
          rows,
        },
      ],
      data,
      notes: [
        "The server's own figure comes from the buckets of partyline_play_start_seconds and is as coarse as they are.",
      ],
      faults,
    };
  },
};
