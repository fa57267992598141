import { setTimeout as wait } from 'node:timers/promises';
import { Clips, clipTone } from '../load/clips.ts';
import { faultsOf, roomsOf, type Window } from '../load/crowd.ts';
import { heardAt, monotonicMs } from '../load/onsets.ts';
import { median } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, percent, spread } from '../report/table.ts';

const CLIP_SECONDS = 10;
/** The play should be heard by then; what is wrong when it is not, the tones will tell. */
const START_MS = 5000;

/** One clip to everybody in a big room: what it adds to the cost of the room. */
export const broadcast: Part = {
  name: 'broadcast',
  about: 'one clip to 1,000 listeners',
  async run(bench: Bench): Promise<PartResult> {
    const count = bench.legs[0] ?? bench.pick({ tiny: 8, short: 1000, full: 1000 });
    const pairs = bench.pick({ tiny: 1, short: 2, full: 5 });
    const clips = await Clips.start(1, CLIP_SECONDS);
    const without: Window[] = [];
    const during: Window[] = [];
    const faults: string[] = [];
    try {
      await bench.withCrowd(
        () => bench.startPartyline({ legs: count, env: { FETCH_ALLOW: clips.allow } }),
        async (server, crowd) => {
          const [room] = await crowd.join(server, roomsOf(count, count, 3, 'hall'));
          if (!room) throw new Error('no room');
          const clip = 1n << BigInt(clipTone(0));
          const url = clips.newUrl(0);
          const [first = 0] = room.legs;
          crowd.generator.watch(first, clipTone(0));
          const { seconds, settleSeconds } = bench.size;
          crowd.judge(3, bench.size.checkEvery);
          // Windows with and without by turns, so that a slow minute hits both alike.
          for (let i = 0; i < pairs; i++) {
            crowd.expectToo(0n);
            without.push(await crowd.measure(server, settleSeconds, seconds));
            const asked = monotonicMs();
            await server.play(room.name, 'all', url, { loop: 0 });
            await heardAt(crowd.generator, [first], asked, START_MS);
            crowd.expectToo(clip);
            during.push(await crowd.measure(server, settleSeconds, seconds));
            await server.stopPlay(room.name, 'all');
            await wait(100);
          }
          const metrics = await server.scrape();
          const decodes = metrics.total('partyline_clip_decode_seconds_count');
          if (decodes !== 1) faults.push(`broadcast: ${decodes} decodes of one clip`);
        },
      );
    } finally {
      await clips.close();
    }
    faults.push(...without.flatMap((window) => faultsOf('broadcast, no play', window)));
    faults.push(...during.flatMap((window) => faultsOf('broadcast, during the play', window)));
    const cores = (windows: readonly Window[]): number => median(windows.map((window) => window.cores));
    const added = median(during.map((window, i) => window.cores / (without[i]?.cores ?? Number.NaN) - 1));
    const row = (name: string, windows: readonly Window[]): (string | number)[] => [
      name,
      digits(cores(windows)),
      digits(median(windows.map((window) => window.cpuPerLegMinute))),
      spread(windows[0]?.load.lateness ?? { p50: Number.NaN, p99: Number.NaN }),
    ];
    return {
      tables: [
        {
          title: `One looping clip to ${count} members of one room (3 talk)`,
          columns: ['play', 'cores used', 'CPU s per leg-minute', 'late p50 / p99 / max ms'],
          rows: [row('no', without), row('yes', during)],
        },
      ],
      data: { without, during, added },
      notes: [`The play adds ${percent(added)} (median of ${pairs} pairs of windows).`],
      faults,
    };
  },
};
