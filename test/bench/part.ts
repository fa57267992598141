import { Crowd } from './load/crowd.ts';
import { ONE_ROOM, type Shape, SMALL_ROOMS } from './load/shape.ts';
import type { Cores } from './machine.ts';
import type { Table } from './report/table.ts';
import { Partyline, type PartylineOptions } from './systems/partyline.ts';
import type { System } from './systems/system.ts';

/** How much is measured. */
export interface Size {
  readonly name: 'tiny' | 'short' | 'full';
  /** Counted time of one window, and the time before it in which streams find their clocks. */
  readonly seconds: number;
  readonly settleSeconds: number;
  /** Runs of which the middle one counts. */
  readonly runs: number;
  /** Tones are looked for in one packet of so many. */
  readonly checkEvery: number;
  /** Parts run side by side; more than one only where figures mean nothing, and nothing is pinned then. */
  readonly partsAtOnce: number;
}

export const SIZES: Readonly<Record<Size['name'], Size>> = {
  /** Only shows that everything still works; its figures mean nothing. */
  tiny: { name: 'tiny', seconds: 0.5, settleSeconds: 0.3, runs: 1, checkEvery: 3, partsAtOnce: 4 },
  short: { name: 'short', seconds: 5, settleSeconds: 2, runs: 1, checkEvery: 25, partsAtOnce: 1 },
  full: { name: 'full', seconds: 10, settleSeconds: 3, runs: 3, checkEvery: 25, partsAtOnce: 1 },
};

export interface PartResult {
  readonly tables: readonly Table[];
  /** What the tables were made from. */
  readonly data: unknown;
  /** Sentences that belong under the tables. */
  readonly notes?: readonly string[];
  /** What was wrong, whatever the speed. */
  readonly faults: readonly string[];
}

export interface Part {
  readonly name: string;
  readonly about: string;
  run(bench: Bench): Promise<PartResult>;
}

/** What a part works with. */
export class Bench {
  readonly size: Size;
  readonly cores: Cores;
  /** Compiled load generator. */
  readonly generatorPath: string;
  /** Numbers of legs given on the command line; empty = the part's own. */
  readonly legs: readonly number[];
  readonly #running = new Set<System>();

  constructor(options: {
    readonly size: Size;
    readonly cores: Cores;
    readonly generatorPath: string;
    readonly legs: readonly number[];
  }) {
    this.size = options.size;
    this.cores = options.cores;
    this.generatorPath = options.generatorPath;
    this.legs = options.legs;
  }

  get shapes(): readonly Shape[] {
    return this.size.name === 'tiny' ? [SMALL_ROOMS] : [SMALL_ROOMS, ONE_ROOM];
  }

  /** One of three values, by size. */
  pick<T>(values: { readonly tiny: T; readonly short: T; readonly full: T }): T {
    return values[this.size.name];
  }

  startPartyline(options: Omit<PartylineOptions, 'cores'>): Promise<Partyline> {
    return Partyline.start({ ...options, cores: this.cores });
  }

  /** Runs `work` with a server and an empty crowd, and ends both whatever happens. */
  async withCrowd<S extends System, T>(
    start: () => Promise<S>,
    work: (system: S, crowd: Crowd) => Promise<T>,
  ): Promise<T> {
    const system = await start();
    this.#running.add(system);
    try {
      const crowd = await Crowd.start(this.generatorPath, this.cores);
      try {
        return await work(system, crowd);
      } catch (error) {
        throw new Error(`${system.name} failed its part; it last wrote:\n${system.lastWords()}`, { cause: error });
      } finally {
        await crowd.stop();
      }
    } finally {
      this.#running.delete(system);
      await system.stop();
    }
  }

  /** Ends every server that still runs. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((system) => system.stop()));
  }

  progress(text: string): void {
    process.stderr.write(`  ${text}\n`);
  }
}
