const TICK = 0;
const WAKES = 1;
const CELLS = 2;

/**
 * How far a mixer thread has come, in memory that outlives it: the number of its last tick, and a count that moves whenever
 * the main thread should look for stream audio.
 */
export class TickMark {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** The last tick that was begun; -1 before the first. */
  get tick(): number {
    return Atomics.load(this.#cells, TICK) - 1;
  }

  note(tick: number): void {
    Atomics.store(this.#cells, TICK, tick + 1);
  }

  wake(): void {
    Atomics.add(this.#cells, WAKES, 1);
    Atomics.notify(this.#cells, WAKES);
  }

  /** Calls back once, when `wake` is called; at once when it was just called. */
  onWake(run: () => void): void {
    const waiting = Atomics.waitAsync(this.#cells, WAKES, Atomics.load(this.#cells, WAKES));
    if (waiting.async) void waiting.value.then(run);
    else setImmediate(run);
  }
}
