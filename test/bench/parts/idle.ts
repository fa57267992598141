import { faultsOf, roomsOf, type Window } from '../load/crowd.ts';
import { median, middleRun } from '../measure/statistics.ts';
import type { Bench, Part, PartResult } from '../part.ts';
import { digits, type Table } from '../report/table.ts';
import { PacketsOnly } from '../systems/packets.ts';
import type { Partyline } from '../systems/partyline.ts';
import type { System } from '../systems/system.ts';

interface Case {
  readonly name: string;
  readonly run: (what: string) => Promise<Window>;
  readonly windows: Window[];
}

/** Many MPCs of one muted, silent member each: what an MPC costs beyond the packets of its member. */
export const idle: Part = {
  name: 'idle',
  about: '1,000 MPCs with one muted member each',
  async run(bench: Bench): Promise<PartResult> {
    const count = bench.legs[0] ?? bench.pick({ tiny: 8, short: 1000, full: 1000 });
    const faults: string[] = [];
    const measure = <S extends System>(
      what: string,
      start: () => Promise<S>,
      roomSize: number,
      prepare?: (system: S) => Promise<void>,
    ): Promise<Window> =>
      bench.withCrowd(start, async (system, crowd) => {
        await crowd.join(system, roomsOf(count, roomSize, 0));
        await prepare?.(system);
        crowd.judge(1, bench.size.checkEvery);
        const window = await crowd.measure(system, bench.size.settleSeconds, bench.size.seconds);
        bench.progress(`${what}: ${digits(window.cores)} cores`);
        faults.push(...faultsOf(`idle, ${what}`, window));
        return window;
      });
    const mute = async (server: Partyline): Promise<void> => {
      for (const { name } of roomsOf(count, 1, 0)) {
        const reply = await server.api('POST', `/MultiPartyCall/name_${name}/Participant/1/`, { mute: true });
        if (reply.status !== 202) throw new Error(`mute refused with ${reply.status}`);
      }
    };
    const server = (env: Readonly<Record<string, string>>) => () => bench.startPartyline({ legs: count, env });
    const all: Case[] = [
      {
        name: 'no mixer: bare packets through node:dgram',
        run: (what) => measure(what, () => PacketsOnly.start(bench.cores), 1),
        windows: [],
      },
      { name: 'partyline, an MPC each', run: (what) => measure(what, server({}), 1, mute), windows: [] },
      { name: 'partyline, all in one MPC', run: (what) => measure(what, server({}), count), windows: [] },
      {
        name: 'partyline, an MPC each, node:dgram',
        run: (what) => measure(what, server({ BATCH_UDP: 'false' }), 1, mute),
        windows: [],
      },
    ];
    const cases = all.slice(0, bench.pick({ tiny: 2, short: 4, full: 4 }));
    for (let i = 0; i < bench.size.runs; i++) for (const each of cases) each.windows.push(await each.run(each.name));
    const base = median((cases[0]?.windows ?? []).map(({ cores }) => cores));
    return {
      tables: [
        {
          title: `${count} silent members`,
          columns: ['what', 'cores used', 'above bare packets', 'CPU s per leg-minute'],
          rows: cases.map(({ name, windows: runs }): Table['rows'][number] => {
            const run = middleRun(runs, ({ cores }) => cores);
            return [name, digits(run.cores), digits(run.cores - base), digits(run.cpuPerLegMinute)];
          }),
        },
      ],
      data: cases.map(({ name, windows }) => ({ name, windows })),
      faults,
    };
  },
};
