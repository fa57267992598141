import { Worker } from 'node:worker_threads';
import type { WorkerSnapshot } from '../engine.ts';
import type { Command, Report, WorkerSetup } from '../worker/protocol.ts';
import { ClipFeed } from './clip-feed.ts';

const FROM_SOURCE = import.meta.url.endsWith('.ts');
const ENTRY = new URL(FROM_SOURCE ? '../worker/main.ts' : '../worker/main.js', import.meta.url);

export interface MixerThreadEvents {
  report(report: Report): void;
  /** The thread's tick counter moved: stream audio may be waiting. */
  ticked(): void;
  /** The thread is gone without having been asked to close. */
  died(): void;
}

/** The main thread's end of one mixer thread. */
export class MixerThread {
  readonly index: number;
  /** Its last report of a whole second. */
  snapshot: WorkerSnapshot | undefined;
  /** Legs placed here, counted by the engine. */
  legs = 0;
  readonly feed = new ClipFeed((command) => this.post(command));
  readonly #worker: Worker;
  readonly #tickCount: Int32Array;
  readonly #events: MixerThreadEvents;
  readonly #ready: Promise<void>;
  #closing = false;
  #gone = false;

  constructor(index: number, rtpHost: string, batchIo: boolean, events: MixerThreadEvents) {
    this.index = index;
    this.#events = events;
    const memory = new SharedArrayBuffer(4);
    this.#tickCount = new Int32Array(memory);
    const setup: WorkerSetup = { index, rtpHost, batchIo, tickCount: memory };
    this.#worker = new Worker(FROM_SOURCE ? sourceLoader() : ENTRY, {
      workerData: setup,
      execArgv: [],
      name: `mixer ${index}`,
    });
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

  /** Ends the thread at once, as a crash would. */
  kill(): void {
    void this.#worker.terminate();
  }

  #onGone(detail: string, reject: (error: Error) => void): void {
    if (this.#gone) return;
    this.#gone = true;
    Atomics.notify(this.#tickCount, 0);
    reject(new Error(`mixer thread ${this.index} ended: ${detail}`));
    if (!this.#closing) this.#events.died();
  }

  #watchTicks(): void {
    if (this.#gone) return;
    const seen = Atomics.load(this.#tickCount, 0);
    const waiting = Atomics.waitAsync(this.#tickCount, 0, seen);
    const wake = (): void => {
      if (this.#gone) return;
      this.#events.ticked();
      this.#watchTicks();
    };
    if (waiting.async) void waiting.value.then(wake);
    else setImmediate(wake);
  }
}

/** A module that loads the worker from TypeScript: loaders given to a thread do not reach its own entry. */
function sourceLoader(): URL {
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const entry = JSON.stringify(ENTRY.href);
  const code = `import { tsImport } from ${tsx}; await tsImport(${entry}, ${entry});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
