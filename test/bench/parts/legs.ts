import { badShare, type Window } from '../load/crowd.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, percent, spread, type Table } from '../report/table.ts';
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
    const backEnds = [
      { name: 'partyline', env: {} },
      { name: 'partyline, node:dgram', env: { BATCH_UDP: 'false' } },
    ];
    const chosen: Run[] = [];
    const all: Run[] = [];
    const rows: Table['rows'][number][] = [];
    for (const shape of bench.shapes)
      for (const count of counts) {
        const runs: Run[][] = backEnds.map(() => []);
        // Interleaved, so that a slow minute of the machine hits both alike.
        for (let i = 0; i < bench.size.runs; i++)
          for (const [at, { name, env }] of backEnds.entries())
            runs[at]?.push(await runCrowd(bench, () => bench.startPartyline({ legs: count, name, env }), shape, count));
        for (const each of runs) {
          const run = middle(each);
          chosen.push(run);
          all.push(...each);
          rows.push([run.system, shape.name, count, ...costCells(run.window)]);
        }
      }
    return {
      tables: [{ title: 'Cost of a leg', columns: ['server', 'rooms', 'legs', ...COST_COLUMNS], rows }],
      data: { chosen, all },
      notes: [foreignNote(all.map(({ window }) => window))],
      faults: all.flatMap(({ faults }) => faults),
    };
  },
};
