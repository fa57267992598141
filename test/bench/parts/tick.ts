import { setTimeout as wait } from 'node:timers/promises';
import { Clips } from '../load/clips.ts';
import { badShare, type Crowd, faultsOf, type Room, roomsOf, type Window } from '../load/crowd.ts';
import { type Garbage, readGarbage } from '../measure/garbage.ts';
import { between, highest, quantile, type Scrape } from '../measure/prometheus.ts';
import { middleRun } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, percent, spread, type Table } from '../report/table.ts';
import type { Partyline } from '../systems/partyline.ts';

const CLIP_SECONDS = 10;
const HTTP_CLIENTS = 8;
const DECODE_EVERY_MS = 200;
const CLIP_ROOMS = 8;
/** The mixers report their counts once a second. */
const REPORT_MS = 1100;

interface Disturbance {
  readonly name: string;
  /** The server may use all cores instead of one. */
  readonly allCores?: true;
  readonly http?: true;
  readonly decodes?: true;
}

const DISTURBANCES: readonly Disturbance[] = [
  { name: 'nothing else' },
  { name: 'HTTP as fast as it goes', http: true },
  { name: '5 decodes a second', decodes: true },
  { name: 'both', http: true, decodes: true },
  { name: 'both, server on all cores', http: true, decodes: true, allCores: true },
];

interface TickRun {
  readonly disturbance: string;
  readonly window: Window;
  /** In ms. */
  readonly lateness: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly durationP99: number;
  readonly skipped: number;
  readonly requests: number;
  readonly decodes: number;
  readonly garbage: readonly Garbage[];
}

/** How punctual the mixer is, alone and while the rest of the server works hard. */
export const tick: Part = {
  name: 'tick',
  about: 'lateness of the tick and of packets, under HTTP load and decoding too',
  async run(bench: Bench): Promise<PartResult> {
    const count = bench.legs[0] ?? bench.pick({ tiny: 8, short: 1000, full: 1000 });
    const clips = await Clips.start(1, CLIP_SECONDS);
    const runs: TickRun[] = [];
    const faults: string[] = [];
    const options = {
      legs: count + CLIP_ROOMS,
      env: { FETCH_ALLOW: clips.allow },
      nodeFlags: ['--trace-gc'],
    };
    try {
      await bench.withCrowd(
        () => bench.startPartyline(options),
        async (server, crowd) => {
          await crowd.join(server, roomsOf(count, 4, 2));
          const rooms = await crowd.join(server, roomsOf(CLIP_ROOMS, 1, 0, 'clip'));
          // The clip rooms hear clips or not; everybody else only talkers.
          crowd.judge(2, bench.size.checkEvery, (1n << 44n) - 1n);
          for (const disturbance of DISTURBANCES.slice(bench.pick({ tiny: -2, short: 0, full: 0 }))) {
            const repeated: TickRun[] = [];
            for (let i = 0; i < bench.size.runs; i++)
              repeated.push(await runOne(bench, server, crowd, rooms, clips, disturbance));
            const run = middleRun(repeated, ({ window }) => window.load.lateness.p99);
            runs.push(run);
            faults.push(...repeated.flatMap(({ window }) => faultsOf(`tick, ${disturbance.name}`, window)));
            bench.progress(`${disturbance.name}: packets late ${spread(run.window.load.lateness)} ms`);
          }
        },
      );
    } finally {
      await clips.close();
    }
    return { tables: tablesOf(count, runs), data: runs, notes: [GARBAGE_NOTE], faults };
  },
};

const GARBAGE_NOTE =
  'Garbage collections are those of the whole server (main thread and mixer) during one window. The tick histogram ' +
  'starts with buckets of 0.1 ms and is interpolated.';

function tablesOf(count: number, runs: readonly TickRun[]): Table[] {
  return [
    {
      title: `Punctuality at ${count} legs (rooms of 4, 2 talk), ms`,
      columns: [
        'beside it',
        'tick late p50 / p99 / max',
        'tick takes p99',
        'ticks skipped',
        'packets late p50 / p99 / max',
        'late or missing',
        'cores used',
        'requests/s',
        'decodes/s',
      ],
      rows: runs.map((run) => [
        run.disturbance,
        spread(run.lateness),
        digits(run.durationP99),
        run.skipped,
        spread(run.window.load.lateness),
        percent(badShare(run.window)),
        digits(run.window.cores),
        digits(run.requests / run.window.load.seconds),
        digits(run.decodes / run.window.load.seconds),
      ]),
    },
    {
      title: 'Garbage collection in the same windows',
      columns: ['beside it', 'isolate', 'young', 'full', 'total ms', 'longest ms'],
      rows: runs.flatMap((run) =>
        run.garbage.map((each, i) => [
          run.disturbance,
          i === 0 ? 'first' : `${i + 1}.`,
          each.young,
          each.full,
          digits(each.totalMs),
          digits(each.longestMs),
        ]),
      ),
    },
  ];
}

async function runOne(
  bench: Bench,
  server: Partyline,
  crowd: Crowd,
  rooms: readonly Room[],
  clips: Clips,
  disturbance: Disturbance,
): Promise<TickRun> {
  const home = bench.cores.server;
  const moves = disturbance.allCores && home !== undefined;
  if (moves) server.moveTo(`0-${bench.cores.count - 1}`);
  let requests = 0;
  let decodes = 0;
  let before: Scrape | undefined;
  let logged = 0;
  const window = await crowd.measure(server, bench.size.settleSeconds, bench.size.seconds, async () => {
    before = await server.scrape();
    logged = server.log().length;
    const until = performance.now() + bench.size.seconds * 1000;
    const more = (): boolean => performance.now() < until;
    const client = async (index: number): Promise<void> => {
      for (; more(); requests++)
        await server.api('GET', `/MultiPartyCall/name_room-${index % rooms.length}/Participant/`);
    };
    const decode = async (): Promise<void> => {
      for (; more(); decodes++) {
        const room = rooms[decodes % rooms.length];
        if (room) await server.play(room.name, '1', clips.newUrl(0), { mode: 'replace' });
        await wait(DECODE_EVERY_MS);
      }
    };
    await Promise.all([
      ...(disturbance.http ? Array.from({ length: HTTP_CLIENTS }, (_, i) => client(i)) : []),
      ...(disturbance.decodes ? [decode()] : []),
    ]);
  });
  await wait(bench.pick({ tiny: 0, short: REPORT_MS, full: REPORT_MS }));
  const after = await server.scrape();
  if (moves) server.moveTo(String(home));
  for (const room of rooms) await server.stopPlay(room.name, '1');
  const change = (name: string) => between((before ?? after).histogram(name), after.histogram(name));
  const lateness = change('partyline_tick_lateness_seconds');
  const name = 'partyline_ticks_skipped_total';
  return {
    disturbance: disturbance.name,
    window,
    lateness: { p50: quantile(lateness, 0.5) * 1e3, p99: quantile(lateness, 0.99) * 1e3, max: highest(lateness) * 1e3 },
    durationP99: quantile(change('partyline_tick_duration_seconds'), 0.99) * 1e3,
    skipped: after.total(name) - (before ?? after).total(name),
    requests,
    decodes,
    garbage: readGarbage(server.log().slice(logged)),
  };
}
