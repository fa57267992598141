import type { Bench, Part, PartResult } from '../part.ts';
import { digits, type Table } from '../report/table.ts';
import { Janus, janusVersion } from '../systems/janus.ts';
import type { System } from '../systems/system.ts';
import { foreignNote, middle, type Run, runCrowd } from './cost.ts';
import { COST_COLUMNS, costCells } from './legs.ts';

/** The same load on partyline and on Janus' AudioBridge, by turns. */
export const janus: Part = {
  name: 'janus',
  about: "the same legs in Janus' AudioBridge, by turns",
  async run(bench: Bench): Promise<PartResult> {
    const version = janusVersion();
    if (version === undefined)
      return {
        tables: [],
        data: null,
        notes: ['Skipped: Janus is not installed (Debian package "janus").'],
        faults: [],
      };
    const count = bench.legs[0] ?? bench.pick({ tiny: 8, short: 400, full: 400 });
    const systems: readonly { readonly name: string; readonly start: () => Promise<System> }[] = [
      { name: `Janus ${version} AudioBridge`, start: () => Janus.start(bench.cores) },
      { name: 'partyline', start: () => bench.startPartyline({ legs: count }) },
      {
        name: 'partyline, node:dgram',
        start: () => bench.startPartyline({ legs: count, name: 'partyline, node:dgram', env: { BATCH_UDP: 'false' } }),
      },
    ].slice(0, bench.pick({ tiny: 2, short: 3, full: 3 }));
    const rows: Table['rows'][number][] = [];
    const data: Run[] = [];
    for (const shape of bench.shapes) {
      const runs: Run[][] = systems.map(() => []);
      for (let i = 0; i < bench.size.runs; i++)
        for (const [at, { start }] of systems.entries()) runs[at]?.push(await runCrowd(bench, start, shape, count));
      const chosen = runs.map(middle);
      const base = chosen[0]?.window.cores ?? Number.NaN;
      data.push(...runs.flat());
      for (const [at, run] of chosen.entries())
        rows.push([
          systems[at]?.name ?? '',
          shape.name,
          `${digits(base / run.window.cores)}x`,
          ...costCells(run.window),
        ]);
    }
    const ours = data.filter(({ system }) => system.startsWith('partyline'));
    return {
      tables: [
        {
          title: `${count} legs: partyline beside Janus (8 kHz rooms, plain RTP, PCMU)`,
          columns: ['server', 'rooms', 'less than Janus', ...COST_COLUMNS],
          rows,
        },
      ],
      data,
      notes: [foreignNote(data.map(({ window }) => window))],
      // What Janus does wrong is in the data; only our own faults fail a run.
      faults: ours.flatMap(({ faults }) => faults),
    };
  },
};
