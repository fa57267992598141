import { Clips } from '../load/clips.ts';
import { faultsOf, roomsOf, TALKER_TONES, type Window } from '../load/crowd.ts';
import { fitLine, median } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, ratio, spread, type Table } from '../report/table.ts';

const CLIP_SECONDS = 10;

interface Point {
  readonly at: number;
  readonly roomSize: number;
  readonly talkers: number;
  readonly plays: number;
}

interface Series {
  readonly title: string;
  readonly column: string;
  readonly points: readonly Point[];
  /** Whether cost is expected to follow a line in `at`, or to stay. */
  readonly line: boolean;
}

/** Cost as rooms, talkers and plays grow, everything else held. */
export const growth: Part = {
  name: 'growth',
  about: 'cost as rooms, talkers and plays grow',
  async run(bench: Bench): Promise<PartResult> {
    const legs = bench.legs[0] ?? bench.pick({ tiny: 8, short: 400, full: 400 });
    const clips = await Clips.start(1, CLIP_SECONDS);
    const tables: Table[] = [];
    const notes: string[] = [];
    const data: Record<string, Window[][]> = {};
    const faults: string[] = [];
    try {
      for (const series of seriesOf(bench, legs).slice(bench.pick({ tiny: -1, short: 0, full: 0 }))) {
        const windows: Window[][] = series.points.map(() => []);
        for (let i = 0; i < bench.size.runs; i++)
          for (const [index, point] of series.points.entries()) {
            const window = await runPoint(bench, legs, point, clips);
            windows[index]?.push(window);
            faults.push(...faultsOf(`growth, ${series.column} ${point.at}`, window));
            bench.progress(`${series.column} ${point.at}: ${digits(window.cores)} cores`);
          }
        const cores = windows.map((runs) => median(runs.map((window) => window.cores)));
        data[series.column] = windows;
        tables.push({
          title: series.title,
          columns: [series.column, 'cores used', 'against the first', 'late p50 / p99 / max ms'],
          rows: series.points.map((point, i) => [
            point.at,
            digits(cores[i] ?? Number.NaN),
            ratio(cores[i] ?? Number.NaN, cores[0] ?? 0),
            spread(windows[i]?.[0]?.load.lateness ?? { p50: Number.NaN, p99: Number.NaN }),
          ]),
        });
        if (!series.line) continue;
        const { slope, r2 } = fitLine(series.points.map((point, i) => [point.at, cores[i] ?? 0]));
        notes.push(`${series.column}: ${digits(slope * 1000)} thousandths of a core each, r² ${r2.toFixed(3)}.`);
      }
    } finally {
      await clips.close();
    }
    return { tables, data, notes, faults };
  },
};

function seriesOf(bench: Bench, legs: number): Series[] {
  const crowdSize = Math.min(40, legs);
  const sizes = bench.pick({ tiny: [4], short: [4, 40, 400], full: [4, 40, 400] });
  const talkers = bench.pick({ tiny: [2], short: [1, 2, 4, 8, 16], full: [1, 2, 4, 8, 16, 32] });
  const plays = bench.pick({ tiny: [8], short: [0, 100, 200, 400], full: [0, 50, 100, 200, 400] });
  return [
    {
      title: `Rooms grow: ${legs} legs, 2 talk in each room`,
      column: 'members of a room',
      points: sizes.map((at) => ({ at, roomSize: Math.min(at, legs), talkers: 2, plays: 0 })),
      line: false,
    },
    {
      title: `Talkers grow: ${legs} legs in rooms of ${crowdSize}`,
      column: 'talkers in each room',
      points: talkers
        .filter((at) => at <= Math.min(crowdSize, TALKER_TONES))
        .map((at) => ({ at, roomSize: crowdSize, talkers: at, plays: 0 })),
      line: true,
    },
    {
      title: `Plays grow: ${legs} legs in rooms of 4, 2 talk, each play to one member`,
      column: 'plays',
      points: plays.filter((at) => at <= legs).map((at) => ({ at, roomSize: 4, talkers: 2, plays: at })),
      line: true,
    },
  ];
}

function runPoint(bench: Bench, legs: number, point: Point, clips: Clips): Promise<Window> {
  return bench.withCrowd(
    () => bench.startPartyline({ legs, env: { FETCH_ALLOW: clips.allow } }),
    async (server, crowd) => {
      const rooms = await crowd.join(server, roomsOf(legs, point.roomSize, point.talkers));
      // Whoever is played to hears the clip besides; only the talkers are judged here.
      crowd.judge(point.talkers, bench.size.checkEvery, (1n << BigInt(TALKER_TONES)) - 1n);
      const url = clips.newUrl(0);
      const targets = rooms.flatMap((room) => room.legs.map((_, i) => ({ room: room.name, member: String(i + 1) })));
      for (const { room, member } of targets.slice(0, point.plays)) await server.play(room, member, url, { loop: 0 });
      return crowd.measure(server, bench.size.settleSeconds, bench.size.seconds);
    },
  );
}
