import { badShare, faultsOf, roomsOf, type Window } from '../load/crowd.ts';
import { middleRun } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, percent, ratio, spread, type Table } from '../report/table.ts';

/** One mixer thread against two, with the server on all cores. */
export const workers: Part = {
  name: 'workers',
  about: 'a second mixer thread on a second core',
  async run(bench: Bench): Promise<PartResult> {
    const count = bench.legs[0] ?? bench.pick({ tiny: 8, short: 800, full: 800 });
    const faults: string[] = [];
    const windows: Window[][] = [[], []];
    const { count: cores } = bench.cores;
    const onCores = bench.cores.server === undefined ? {} : { onCores: `0-${cores - 1}` };
    for (let i = 0; i < bench.size.runs; i++)
      for (const threads of bench.pick({ tiny: [2], short: [1, 2], full: [1, 2] }))
        await bench.withCrowd(
          () => bench.startPartyline({ legs: count, env: { MEDIA_WORKERS: String(threads) }, ...onCores }),
          async (server, crowd) => {
            await crowd.join(server, roomsOf(count, 4, 2));
            crowd.judge(2, bench.size.checkEvery);
            const window = await crowd.measure(server, bench.size.settleSeconds, bench.size.seconds);
            windows[threads - 1]?.push(window);
            faults.push(...faultsOf(`workers, ${threads}`, window));
            bench.progress(`${threads} mixer threads: busiest ${digits(window.mixerCores)} cores`);
          },
        );
    const chosen = windows
      .filter((runs) => runs.length > 0)
      .map((runs) => middleRun(runs, (window) => window.mixerCores));
    const [one, two] = chosen;
    const gain = (one?.mixerCores ?? Number.NaN) / (two?.mixerCores ?? Number.NaN);
    return {
      tables: [
        {
          title: `Mixer threads at ${count} legs (rooms of 4, 2 talk), server on all ${cores} cores`,
          columns: [
            'threads',
            'busiest thread, cores',
            'cores used',
            'against one',
            'late p50 / p99 / max ms',
            'late or missing',
          ],
          rows: chosen.map((window, i): Table['rows'][number] => [
            windows.length - chosen.length + i + 1,
            digits(window.mixerCores),
            digits(window.cores),
            ratio(window.cores, one?.cores ?? 0),
            spread(window.load.lateness),
            percent(badShare(window)),
          ]),
        },
      ],
      data: windows,
      notes: [
        `With two threads the busiest one does 1/${digits(gain)} of the work: so many times the legs fit before it is full, where a core is free for it. ` +
          (cores < 4 ? 'Here the load generator shares the second core, so no highest number is searched.' : ''),
      ],
      faults,
    };
  },
};
