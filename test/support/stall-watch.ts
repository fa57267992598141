import { Worker } from 'node:worker_threads';

/**
 * Watches the machine, not the server: a thread that wants nothing but to wake every 10 ms, and adds up how long it was
 * kept from it. A test of timing can then tell a server that stalls from a machine that does.
 */
export class StallWatch {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  constructor() {
    this.#worker = new Worker(WATCH, { eval: true, workerData: this.#state });
    this.#worker.unref();
  }

  /** Time in ms that was lost so far to stalls of more than 30 ms. */
  get stalledMs(): number {
    return Atomics.load(this.#state, 0);
  }

  stop(): void {
    Atomics.store(this.#state, 1, 1);
    Atomics.notify(this.#state, 1);
  }
}

/** Plain JavaScript, as a thread made from text is not compiled; it waits without an event loop. */
const WATCH = `
  const { workerData: state } = require('node:worker_threads');
  let last = performance.now();
  while (Atomics.wait(state, 1, 0, 10) === 'timed-out') {
    const now = performance.now();
    if (now - last > 30) Atomics.add(state, 0, Math.ceil(now - last));
    last = now;
  }
`;
