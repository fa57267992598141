import { faultsOf, roomsOf, type Window } from '../load/crowd.ts';
import type { Shape } from '../load/shape.ts';
import { median, middleRun } from '../measure/statistics.ts';
import type { Bench } from '../part.ts';
import type { System } from '../systems/system.ts';

export interface Run {
  readonly system: string;
  readonly shape: string;
  readonly legs: number;
  readonly window: Window;
  readonly faults: readonly string[];
}

/** One fresh server with so many legs, measured once. */
export function runCrowd(bench: Bench, start: () => Promise<System>, shape: Shape, legs: number): Promise<Run> {
  return bench.withCrowd(start, async (system, crowd) => {
    await crowd.join(system, roomsOf(legs, shape.size || legs, shape.talkers));
    crowd.judge(shape.talkers, bench.size.checkEvery);
    const window = await crowd.measure(system, bench.size.settleSeconds, bench.size.seconds);
    const what = `${system.name}, ${shape.name}, ${legs} legs`;
    bench.progress(`${what}: ${window.cores.toFixed(2)} cores, ${window.load.late + window.load.missing} bad packets`);
    return { system: system.name, shape: shape.name, legs, window, faults: faultsOf(what, window) };
  });
}

/** The run in the middle by CPU, of several with the same system and load. */
export function middle(runs: readonly Run[]): Run {
  return middleRun(runs, ({ window }) => window.cores);
}

/** How busy the server's core was with other work in these runs, for the reader to judge them by. */
export function foreignNote(windows: readonly Window[]): string {
  const foreign = median(windows.map((window) => window.foreign));
  const worst = Math.max(...windows.map((window) => window.foreign));
  return `Other work took ${(foreign * 100).toFixed(1)} % of the server's core (median; worst ${(worst * 100).toFixed(1)} %).`;
}
