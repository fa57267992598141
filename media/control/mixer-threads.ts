import { FRAME_MS } from '../audio/frame.ts';
import type { WorkerSnapshot } from '../engine.ts';
import type { Report } from '../worker/protocol.ts';
import { MixerThread } from './mixer-thread.ts';

/** Loads that differ by less are the same. */
const LOAD_GRAIN = 0.05;

export interface MixerThreadsEvents {
  report(thread: MixerThread, report: Report): void;
  /** Stream audio of this thread may be waiting. */
  ticked(thread: MixerThread): void;
  /** `heir` has its place: its ticks, its counts, and nothing else yet. */
  died(dead: MixerThread, heir: MixerThread, detail: string): void;
}

/** The mixer threads of an engine, and one more that waits to take the place of one that dies. */
export class MixerThreads {
  readonly #threads: MixerThread[] = [];
  readonly #events: MixerThreadsEvents;
  readonly #setup: { readonly rtpHost: string; readonly batchIo: boolean };
  readonly #count: number;
  /** When tick 0 is due: one count of ticks for all threads, and for those that follow them. */
  readonly #origin: number;
  #spare: MixerThread | undefined;
  #closed = false;

  constructor(
    options: { readonly workers: number; readonly rtpHost: string; readonly batchIo: boolean; readonly origin: number },
    events: MixerThreadsEvents,
  ) {
    this.#setup = options;
    this.#count = options.workers;
    this.#origin = options.origin;
    this.#events = events;
  }

  /** Resolves when every mixer takes commands. */
  async start(): Promise<void> {
    for (let index = 0; index < this.#count; index++) this.#give(index, this.#make());
    await Promise.all(this.#threads.map((thread) => thread.ready));
    this.#spare = this.#make();
  }

  get snapshots(): readonly WorkerSnapshot[] {
    return this.#threads.flatMap((thread) => thread.snapshot ?? []);
  }

  /** The share of its time that each mixer needs. */
  get loads(): readonly number[] {
    return this.#threads.map((thread) => thread.load.share);
  }

  /** The one with most headroom; of those that are about equal the one with the fewest legs. */
  get idlest(): MixerThread {
    const loads = this.#threads.map((thread) => thread.load.expected(thread.legs));
    const least = Math.min(...loads);
    return this.#threads
      .filter((_thread, index) => loads[index]! <= least + LOAD_GRAIN)
      .reduce((idlest, each) => (each.legs < idlest.legs ? each : idlest));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#threads, ...(this.#spare ? [this.#spare] : [])].map((thread) => thread.close()));
  }

  #make(): MixerThread {
    const thread = new MixerThread(this.#setup, {
      report: (report) => this.#events.report(thread, report),
      ticked: () => this.#events.ticked(thread),
      died: (detail) => this.#onDeath(thread, detail),
    });
    return thread;
  }

  #give(index: number, thread: MixerThread, dead?: MixerThread): void {
    // Threads tick in turn, so that those who share a core do not wait for each other.
    const origin = this.#origin + (index * FRAME_MS) / this.#count;
    thread.begin(index, origin, dead);
    this.#threads[index] = thread;
  }

  #onDeath(dead: MixerThread, detail: string): void {
    if (dead === this.#spare) {
      // Another is made when it is needed: one that cannot start would be tried for ever.
      this.#spare = undefined;
      return;
    }
    if (this.#closed || this.#threads[dead.index] !== dead) return;
    const heir = this.#spare ?? this.#make();
    this.#spare = undefined;
    this.#give(dead.index, heir, dead);
    this.#events.died(dead, heir, detail);
    this.#spare = this.#make();
  }
}
