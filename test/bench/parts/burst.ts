import { setTimeout as wait } from 'node:timers/promises';
import { CLIP_TONES, Clips, clipTone } from '../load/clips.ts';
import { type Crowd, faultsOf, type Room, roomsOf, type Window } from '../load/crowd.ts';
import { heardAt, monotonicMs } from '../load/onsets.ts';
import { percentile } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, spread, type Table } from '../report/table.ts';
import type { Partyline } from '../systems/partyline.ts';

const CLIP_SECONDS = 10;
const ROOM_SIZE = 4;
const DEADLINE_MS = 15_000;
/** The mixers report their counts once a second. */
const REPORT_MS = 1100;
const REST_MS = 300;

interface Burst {
  readonly kind: string;
  readonly asked: number;
  readonly heard: number;
  readonly refused: number;
  /** From the moment all were asked, in ms. */
  readonly answered: readonly number[];
  readonly started: readonly number[];
  readonly skipped: number;
  readonly window: Window;
}

/** A play of its own for every member, all asked for in one moment. */
export const burst: Part = {
  name: 'burst',
  about: '1,000 plays asked for at once',
  async run(bench: Bench): Promise<PartResult> {
    const count = bench.legs[0] ?? bench.pick({ tiny: 8, short: 1000, full: 1000 });
    const clips = await Clips.start(Math.min(CLIP_TONES, count), CLIP_SECONDS);
    const bursts: Burst[] = [];
    const faults: string[] = [];
    try {
      await bench.withCrowd(
        () => bench.startPartyline({ legs: count, env: { FETCH_ALLOW: clips.allow } }),
        async (server, crowd) => {
          const rooms = await crowd.join(server, roomsOf(count, ROOM_SIZE, 0));
          crowd.judge(1, bench.size.checkEvery, 0n);
          const newUrls = (): string[] => Array.from({ length: CLIP_TONES }, (_, i) => clips.newUrl(i));
          const urls = newUrls();
          await runBurst(bench, server, crowd, rooms, urls);
          bursts.push({ ...(await runBurst(bench, server, crowd, rooms, urls)), kind: 'in memory' });
          bursts.push({ ...(await runBurst(bench, server, crowd, rooms, newUrls())), kind: 'never fetched' });
        },
      );
    } finally {
      await clips.close();
    }
    for (const { kind, asked, heard, refused, window } of bursts) {
      if (heard < asked)
        faults.push(`burst, clips ${kind}: ${asked - heard} of ${asked} plays were not heard, ${refused} refused`);
      faults.push(...faultsOf(`burst, clips ${kind}`, window));
    }
    return {
      tables: [
        {
          title: `${count} plays of ${Math.min(CLIP_TONES, count)} clips asked for at once (rooms of ${ROOM_SIZE}), ms after asking`,
          columns: [
            'clips',
            'heard',
            'answered p50 / p99 / max',
            'first frame p50 / p99 / max',
            'ticks skipped',
            'packets late p50 / p99 / max',
          ],
          rows: bursts.map((each): Table['rows'][number] => [
            each.kind,
            `${each.heard} of ${each.asked}`,
            spread(summary(each.answered)),
            spread(summary(each.started)),
            each.skipped,
            spread(each.window.load.lateness),
          ]),
        },
      ],
      data: bursts,
      faults,
    };
  },
};

function summary(values: readonly number[]): { p50: number; p99: number; max: number } {
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) };
}

async function runBurst(
  bench: Bench,
  server: Partyline,
  crowd: Crowd,
  rooms: readonly Room[],
  urls: readonly string[],
): Promise<Burst> {
  const targets = rooms.flatMap((room) => room.legs.map((leg, i) => ({ room: room.name, member: String(i + 1), leg })));
  for (const { leg } of targets) crowd.generator.watch(leg, clipTone(leg));
  const answered: number[] = [];
  const started: number[] = [];
  let refused = 0;
  const skippedName = 'partyline_ticks_skipped_total';
  const skippedBefore = (await server.scrape()).total(skippedName);
  const window = await crowd.measure(
    server,
    bench.size.settleSeconds,
    bench.pick({ tiny: 0, short: 1, full: 1 }),
    async () => {
      await crowd.generator.onsets();
      const asked = monotonicMs();
      const heard = heardAt(
        crowd.generator,
        targets.map(({ leg }) => leg),
        asked,
        DEADLINE_MS,
      );
      await Promise.all(
        targets.map(async ({ room, member, leg }) => {
          const url = urls[leg % urls.length] ?? '';
          await server.play(room, member, url).catch(() => {
            refused += 1;
          });
          answered.push(monotonicMs() - asked);
        }),
      );
      for (const at of (await heard).values()) started.push(at - asked);
    },
  );
  bench.progress(`${started.length} of ${targets.length} plays heard, p50 ${digits(percentile(started, 0.5))} ms`);
  await wait(bench.pick({ tiny: 0, short: REPORT_MS, full: REPORT_MS }));
  const skipped = (await server.scrape()).total(skippedName) - skippedBefore;
  await Promise.all(rooms.map(({ name }) => server.stopPlay(name, '1,2,3,4')));
  await wait(REST_MS);
  return { kind: '', asked: targets.length, heard: started.length, refused, answered, started, skipped, window };
}
