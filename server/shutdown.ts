import type { Clock } from '../media/index.ts';
import type { Calls } from './calls/index.ts';
import type { Logger } from './log.ts';

export interface ShutdownDeps {
  readonly calls: Calls;
  readonly drainMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Closes what was opened, in order; everybody has been told to hang up by then. */
  readonly close: () => Promise<void>;
  readonly exit: (code: number) => void;
}

/** What is left to do after the last call may take so long. */
const CLOSE_MS = 5000;

/**
 * Ends the server once: new calls are refused, running ones may finish within the drain time, the rest is hung up.
 * A second request ends the waiting at once.
 */
export class Shutdown {
  readonly #deps: ShutdownDeps;
  #cutShort: (() => void) | undefined;
  #exitCode = 0;

  constructor(deps: ShutdownDeps) {
    this.#deps = deps;
  }

  /** `reason` is for the log: the signal's name, as a rule. */
  request(reason: string): void {
    if (this.#cutShort) {
      this.#deps.log.warn({ reason }, 'ending now');
      this.#cutShort();
      return;
    }
    const { calls, drainMs, log } = this.#deps;
    log.info({ reason, calls: calls.count, drainMs }, 'shutting down');
    calls.drain();
    void this.#run();
  }

  /** Ends the server without waiting for calls, as a failure: whoever watches it should start another. */
  giveUp(reason: string): void {
    this.#exitCode = 1;
    if (!this.#cutShort) this.request(reason);
    this.#cutShort?.();
  }

  async #run(): Promise<void> {
    const { calls, clock, log, close, exit } = this.#deps;
    await this.#drained();
    calls.hangUpAll();
    const cancel = clock.setTimeout(() => {
      log.error('closing took too long');
      exit(1);
    }, CLOSE_MS);
    try {
      await close();
      cancel();
      log.info('ended');
      exit(this.#exitCode);
    } catch (error) {
      log.error({ err: error }, 'closing failed');
      exit(1);
    }
  }

  /** Resolves with the last member, at the end of the drain time, or when somebody has no patience. */
  #drained(): Promise<void> {
    const { calls, clock, drainMs } = this.#deps;
    return new Promise((resolve) => {
      const cancel = clock.setTimeout(() => done(), drainMs);
      const unsubscribe = calls.subscribe((event) => {
        if (event.type === 'ended' && calls.count === 0) done();
      });
      const done = (): void => {
        cancel();
        unsubscribe();
        resolve();
      };
      this.#cutShort = done;
      if (calls.count === 0) done();
    });
  }
}
