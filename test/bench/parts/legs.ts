import { badShare, type Window } from '../load/crowd.ts';
import { type Shape, SMALL_ROOMS } from '../load/shape.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, percent, ratio, spread, type Table } from '../report/table.ts';
import { PacketsOnly } from '../systems/packets.ts';
import type { System } from '../systems/system.ts';
import { foreignNote, middle, type Run, runCrowd } from './cost.ts';

/** Columns that say what a window cost and how well it went. */
export const COST_COLUMNS = [
  'cores used',
  'CPU s per leg-minute',
  'us per frame',
  'late p50 / p99 / max ms',
  'late or missing',
  'jitter p99 ms',
  'RSS MB',
  'generator',
] as const;

export function costCells(window: Window): string[] {
  return [
    digits(window.cores),
    digits(window.cpuPerLegMinute),
    digits((window.cpuPerLegMinute / 60 / 50) * 1e6),
    spread(window.load.lateness),
    percent(badShare(window)),
    digits(window.load.jitter.p99),
    window.rssMb.toFixed(0),
    percent(window.generator),
  ];
}

/** What a leg costs, with the batching addon and with Node's own sockets. */
export const legs: Part = {
  name: 'legs',
  about: 'CPU per leg at fixed numbers of legs',
  async run(bench: Bench): Promise<PartResult> {
    const counts =
      bench.legs.length > 0 ? bench.legs : bench.pick({ tiny: [8], short: [100, 400], full: [100, 400, 1000] });
    const all: Run[] = [];
    const rows: Table['rows'][number][] = [];
    const faults: string[] = [];
    for (const count of counts) {
      const servers = serversOf(bench, count);
      const runs: Run[][] = servers.map(() => []);
      // Interleaved, so that a slow minute of the machine hits all alike.
      for (let i = 0; i < bench.size.runs; i++)
        for (const [at, { start, shape }] of servers.entries())
          runs[at]?.push(await runCrowd(bench, start, shape, count));
      const chosen = runs.map(middle);
      const bare = chosen[0]?.window.cores ?? Number.NaN;
      for (const [at, run] of chosen.entries()) {
        rows.push([run.system, run.shape, count, ratio(run.window.cores, bare), ...costCells(run.window)]);
        // Without a mixer there is nothing to hear.
        if (servers[at]?.mixes) faults.push(...(runs[at] ?? []).flatMap((each) => each.faults));
      }
      all.push(...runs.flat());
    }
    return {
      tables: [
        { title: 'Cost of a leg', columns: ['server', 'rooms', 'legs', 'against bare packets', ...COST_COLUMNS], rows },
      ],
      data: all,
      notes: [
        '"packets only" receives and sends the same packets through node:dgram and does nothing else: the yardstick of this machine.',
        foreignNote(all.map(({ window }) => window)),
      ],
      faults,
    };
  },
};

interface Server {
  readonly shape: Shape;
  readonly mixes: boolean;
  readonly start: () => Promise<System>;
}

function serversOf(bench: Bench, count: number): Server[] {
  const dgram = { name: 'partyline, node:dgram', env: { BATCH_UDP: 'false' } };
  return [
    { shape: SMALL_ROOMS, mixes: false, start: () => PacketsOnly.start(bench.cores) },
    ...bench.shapes.flatMap((shape) => [
      { shape, mixes: true, start: () => bench.startPartyline({ legs: count }) },
      { shape, mixes: true, start: () => bench.startPartyline({ legs: count, ...dgram }) },
    ]),
  ];
}
