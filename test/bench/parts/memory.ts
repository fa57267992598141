import { setTimeout as wait } from 'node:timers/promises';
import { faultsOf, roomsOf } from '../load/crowd.ts';
import { readProcessCost } from '../measure/process-cost.ts';
import { fitLine } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits } from '../report/table.ts';

const MIB = 2 ** 20;
const KB = 1000;
const READINGS = 5;

/** Resident memory as legs come, and afterwards over time. */
export const memory: Part = {
  name: 'memory',
  about: 'resident memory per leg, and whether it stays',
  async run(bench: Bench): Promise<PartResult> {
    const step = bench.pick({ tiny: 4, short: 200, full: 200 });
    const steps = bench.pick({ tiny: 2, short: 5, full: 5 });
    const pauseMs = bench.pick({ tiny: 50, short: 1000, full: 3000 });
    const minutes = bench.pick({ tiny: 0.01, short: 0.5, full: 10 });
    const faults: string[] = [];
    const growth: [number, number][] = [];
    const hold: [number, number][] = [];
    await bench.withCrowd(
      () => bench.startPartyline({ legs: step * steps }),
      async (server, crowd) => {
        /** The least of some readings: what garbage adds comes and goes. */
        const rss = async (): Promise<number> => {
          const readings: number[] = [];
          for (let i = 0; i < READINGS; i++) {
            await wait(pauseMs);
            readings.push(readProcessCost(server.pid).rssBytes);
          }
          return Math.min(...readings);
        };
        crowd.judge(2, bench.size.checkEvery);
        for (let i = 0; i <= steps; i++) {
          if (i > 0) await crowd.join(server, roomsOf(step, 4, 2, `step${i}`));
          growth.push([i * step, await rss()]);
          bench.progress(`${i * step} legs: ${((growth.at(-1)?.[1] ?? 0) / MIB).toFixed(0)} MB`);
        }
        const begun = performance.now();
        const window = await crowd.measure(server, bench.size.settleSeconds, minutes * 60, async () => {
          while (performance.now() - begun < minutes * 60_000)
            hold.push([(performance.now() - begun) / 60_000, await rss()]);
        });
        faults.push(...faultsOf('memory', window));
      },
    );
    const perLeg = fitLine(growth.slice(1));
    const perMinute = fitLine(hold);
    return {
      tables: [
        {
          title: 'Resident memory as legs join (rooms of 4, 2 talk)',
          columns: ['legs', 'RSS MB'],
          rows: growth.map(([legs, bytes]) => [legs, (bytes / MIB).toFixed(1)]),
        },
      ],
      data: { growth, hold, perLeg, perMinute },
      notes: [
        `A leg takes ${digits(perLeg.slope / KB)} kB (fit over the points with legs, r² ${perLeg.r2.toFixed(3)}). ` +
          `With all ${step * steps} legs held for ${digits(minutes)} min, RSS went from ${((hold[0]?.[1] ?? 0) / MIB).toFixed(1)} to ` +
          `${((hold.at(-1)?.[1] ?? 0) / MIB).toFixed(1)} MB (${digits(perMinute.slope / MIB)} MB a minute).`,
      ],
      faults,
    };
  },
};
