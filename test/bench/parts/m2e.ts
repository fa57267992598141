import { setTimeout as wait } from 'node:timers/promises';
import { roomsOf } from '../load/crowd.ts';
import { NO_TONE } from '../load/generator.ts';
import { mouthToEar } from '../load/onsets.ts';
import { percentile } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, type Table } from '../report/table.ts';

/** Longer than any delay that is still a conversation, shorter than the pause between two onsets. */
const MOST_MS = 500;

/** From one member's mouth to another's ear through the server: packet sent to sample received, phones left out. */
export const m2e: Part = {
  name: 'm2e',
  about: 'mouth to ear through the server',
  async run(bench: Bench): Promise<PartResult> {
    const rooms = bench.pick({ tiny: 2, short: 40, full: 40 });
    const seconds = bench.pick({ tiny: 1.5, short: 10, full: 30 });
    const backgrounds = bench.pick({ tiny: [0], short: [0, 400], full: [0, 400] });
    const rows: Table['rows'][number][] = [];
    const data: object[] = [];
    const faults: string[] = [];
    for (const background of backgrounds)
      await bench.withCrowd(
        () => bench.startPartyline({ legs: rooms * 4 + background }),
        async (server, crowd) => {
          const plans = roomsOf(rooms * 4, 4, 1, 'talk').map((plan) => ({ ...plan, gated: true }));
          const talking = await crowd.join(server, plans);
          if (background > 0) await crowd.join(server, roomsOf(background, 4, 2));
          const listeners = new Map(talking.map(({ legs: [speaker = -1, ...others] }) => [speaker, others]));
          for (const others of listeners.values()) for (const leg of others) crowd.generator.watch(leg, NO_TONE);
          await wait(bench.size.settleSeconds * 1000);
          await crowd.generator.onsets();
          await wait(seconds * 1000);
          const delays = mouthToEar(await crowd.generator.onsets(), listeners, MOST_MS);
          const shares = [0, 0.5, 0.9, 0.99, 1].map((share) => percentile(delays, share));
          rows.push([background, delays.length, ...shares.map((ms) => digits(ms))]);
          data.push({ background, delays });
          if (delays.length === 0) faults.push('m2e: nobody heard anybody begin to speak');
          bench.progress(`${background} legs beside it: p50 ${digits(shares[1] ?? Number.NaN)} ms`);
        },
      );
    return {
      tables: [
        {
          title: 'Mouth to ear through the server (rooms of 4), ms',
          columns: ['other legs', 'onsets heard', 'min', 'p50', 'p90', 'p99', 'max'],
          rows,
        },
      ],
      data,
      notes: [
        'From the sending of the packet whose first sample begins a tone to the arrival of that sample at another member. ' +
          "The speakers' moments are spread evenly over the 20 ms of a tick.",
      ],
      faults,
    };
  },
};
