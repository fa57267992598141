/** Time as an argument: everything that waits or measures takes one of these, so tests can hold it still. */
export interface Clock {
  /** Monotonic milliseconds on one origin for all threads of the process. */
  now(): number;
  /** Runs once after `ms`; the returned function cancels it. */
  setTimeout(run: () => void, ms: number): () => void;
}

// performance.now() counts from the start of its own thread; this lines every thread up with CLOCK_MONOTONIC.
const threadOrigin = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  now: () => threadOrigin + performance.now(),
  setTimeout: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
