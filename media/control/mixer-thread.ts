import { Worker } from 'node:worker_threads';
import { FRAME_MS } from '../audio/frame.ts';
import type { WorkerSnapshot } from '../engine.ts';
import { TickMark } from '../time/tick-mark.ts';
import type { Command, Report, WorkerSetup } from '../worker/protocol.ts';
import { ClipFeed } from './clip-feed.ts';
import { MixerLoad } from './mixer-load.ts';
import { withTotals } from './worker-totals.ts';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = new URL(FROM_SOURCE ? '../worker/main.ts' : '../worker/main.js', import.meta.url);

export interface MixerThreadEvents {
  report(report: Report): void;
  /** The thread's tick counter moved: stream audio may be waiting. */
  ticked(): void;
  /** The thread is gone without having been asked to close. */
  died(detail: string): void;
}

/** The main thread's end of one mixer thread. */
export class MixerThread {
  index = -1;
  /** Its last report of a whole second, with the counts of those who had its place before. */
  snapshot: WorkerSnapshot | undefined;
  /** Legs placed here, counted by the engine. */
  legs = 0;
  readonly load = new MixerLoad();
  readonly feed = new ClipFeed((command) => this.post(command));
  #before: WorkerSnapshot | undefined;
  readonly #worker: Worker;
  #origin = 0;
  readonly #mark = new TickMark();
  readonly #events: MixerThreadEvents;
  readonly #ready: Promise<void>;
  #closing = false;
  #gone = false;

  constructor(setup: { readonly rtpHost: string; readonly batchIo: boolean }, events: MixerThreadEvents) {
    this.#events = events;
    const { rtpHost, batchIo } = setup;
    const workerData: WorkerSetup = { rtpHost, batchIo, tickMark: this.#mark.memory };
    this.#worker = new Worker(FROM_SOURCE ? sourceLoader() : ENTRY, { workerData, execArgv: [], name: 'mixer' });
    this.#ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (report: Report) => {
        if (report.type === 'ready') resolve();
        else events.report(report);
      });
      this.#worker.on('error', (error) => this.#onGone(error.message, reject));
      this.#worker.on('exit', (code) => this.#onGone(`exit code ${code}`, reject));
    });
    this.#ready.catch(() => {});
    this.#watchTicks();
  }

  /** Settles when the thread takes commands; rejects when it never will. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Becomes mixer `index`, whose tick 0 is due at `origin` in ms. Of the `dead` one before it ticks and counts go on. */
  begin(index: number, origin: number, dead?: MixerThread): void {
    this.index = index;
    this.#origin = origin;
    this.#before = dead?.snapshot;
    this.snapshot = dead?.snapshot;
    const firstTick = dead && dead.lastTick >= 0 ? dead.lastTick + 1 : undefined;
    this.post({ type: 'begin', index, origin, firstTick });
  }

  /** The last tick it began; -1 before the first. Known of a dead thread too. */
  get lastTick(): number {
    return this.#mark.tick;
  }

  /** When a tick is due, on the process's monotonic clock, in ms. */
  dueAt(tick: number): number {
    return this.#origin + tick * FRAME_MS;
  }

  noteSecond(snapshot: WorkerSnapshot): void {
    this.load.note(snapshot);
    this.snapshot = withTotals(this.#before, snapshot);
  }

  post(command: Command): void {
    if (!this.#gone) this.#worker.postMessage(command);
  }

  /** Lets the thread close what it owns, and waits for its end. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#gone) return;
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.post({ type: 'close' });
    await exited;
  }

  #onGone(detail: string, reject: (error: Error) => void): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#mark.wake();
    reject(new Error(`mixer thread ${this.index} ended: ${detail}`));
    if (!this.#closing) this.#events.died(detail);
  }

  #watchTicks(): void {
    if (this.#gone) return;
    this.#mark.onWake(() => {
      if (this.#gone) return;
      this.#events.ticked();
      this.#watchTicks();
    });
  }
}

/** A module that loads the worker from TypeScript: loaders given to a thread do not reach its own entry. */
function sourceLoader(): URL {
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(ENTRY.href);
  const code = `import { tsImport } from ${tsx}; await tsImport(${entry}, ${entry});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
