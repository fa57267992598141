import { badShare } from '../load/crowd.ts';
import type { Shape } from '../load/shape.ts';
import { median } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, percent, spread, type Table } from '../report/table.ts';
import { type Run, runCrowd } from './cost.ts';

/** Steps of the search, about 6 %. */
const STEP = 1.06;
const SMALLEST = 8;
const STRIDE = 4;
/** The most packets that may be late or missing. */
const LIMIT = 0.001;
/** Above so much of its core the generator limits the figure as much as the server does. */
const GENERATOR_FULL = 0.9;

interface Search {
  readonly highest: number;
  readonly runs: readonly Run[];
  /** The three runs at the highest number. */
  readonly confirming: readonly Run[];
  readonly limitedByGenerator: boolean;
}

const legsAt = (step: number): number => Math.round((SMALLEST * STEP ** step) / 4) * 4;
const stepOf = (legs: number): number => Math.round(Math.log(legs / SMALLEST) / Math.log(STEP));

export function passes(run: Run): boolean {
  return badShare(run.window) < LIMIT && run.window.load.silentLegs === 0;
}

/** The highest number of legs at which fewer than 0.1 % of the packets are late or missing, in the median of three. */
async function search(bench: Bench, shape: Shape, from: number, most: number): Promise<Search> {
  const runs: Run[] = [];
  const attempt = async (step: number): Promise<Run> => {
    const legs = legsAt(step);
    const run = await runCrowd(bench, () => bench.startPartyline({ legs }), shape, legs);
    runs.push(run);
    return run;
  };
  // Single runs: by strides until the limit lies between two of them, then by halves.
  const top = stepOf(most);
  let passed: number | undefined;
  let failed: number | undefined;
  for (let step = Math.min(stepOf(from), top); ; ) {
    if (passes(await attempt(step))) passed = step;
    else failed = step;
    if (failed === undefined) {
      if (step === top) break;
      step = Math.min(step + STRIDE, top);
    } else if (passed === undefined) {
      if (step === 1) break;
      step = Math.max(step - STRIDE, 1);
    } else if (failed - passed > 1) step = Math.floor((passed + failed) / 2);
    else break;
  }
  if (bench.size.name === 'tiny') return { highest: 0, runs, confirming: runs, limitedByGenerator: false };
  // Then the median of three must agree, else one step lower is tried.
  for (let step = passed ?? 1; ; step--) {
    const confirming: Run[] = [];
    for (let i = 0; i < bench.size.runs; i++) confirming.push(await attempt(step));
    const good = median(confirming.map(({ window }) => badShare(window))) < LIMIT;
    const limitedByGenerator = runs.some(({ window }) => window.generator > GENERATOR_FULL);
    if (good || step <= 1) return { highest: good ? legsAt(step) : 0, runs, confirming, limitedByGenerator };
  }
}

export const max: Part = {
  name: 'max',
  about: 'the highest number of legs on one core',
  async run(bench: Bench): Promise<PartResult> {
    const [from, most] = bench.pick({ tiny: [8, 8], short: [800, 5000], full: [800, 5000] });
    const rows: Table['rows'][number][] = [];
    const data: Record<string, Search> = {};
    for (const shape of bench.shapes) {
      const found = await search(bench, shape, bench.legs[0] ?? from, most);
      data[shape.name] = found;
      const middleRun = found.confirming[Math.floor(found.confirming.length / 2)];
      if (!middleRun) continue;
      const { window } = middleRun;
      rows.push([
        shape.name,
        `${found.highest}${found.limitedByGenerator ? ' or more' : ''}`,
        digits(window.cores),
        digits(window.cpuPerLegMinute),
        spread(window.load.lateness),
        percent(badShare(window)),
        percent(window.generator),
      ]);
    }
    const columns = [
      'rooms',
      'highest legs',
      'cores used',
      'CPU s per leg-minute',
      'late p50 / p99 / max ms',
      'late or missing',
      'generator',
    ];
    return {
      tables: [
        {
          title: 'Highest number of legs (under 0.1 % late by 20 ms or missing, median of the confirming runs)',
          columns,
          rows,
        },
      ],
      data,
      notes: ['Steps of 6 %. "or more": the load generator was at its own limit in some run.'],
      // An overloaded server loses packets on purpose; only what passed is held to the rest.
      faults: Object.values(data).flatMap(({ confirming }) =>
        confirming.filter(passes).flatMap(({ faults }) => faults),
      ),
    };
  },
};
