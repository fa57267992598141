import type { Logger } from './log.ts';

/** So many deaths within the window mean that starting again does not help. */
const MAX_DEATHS = 3;
const WINDOW_MS = 60_000;

/** Takes note of mixer threads that died, and gives up on this process when they keep dying. */
export class MixerWatch {
  readonly #nowMs: () => number;
  readonly #log: Pick<Logger, 'error' | 'fatal'>;
  readonly #onGivenUp: () => void;
  #deaths: number[] = [];
  #givenUp = false;

  /** `nowMs` is monotonic; `onGivenUp` is called once. */
  constructor(options: {
    readonly nowMs: () => number;
    readonly log: Pick<Logger, 'error' | 'fatal'>;
    readonly onGivenUp: () => void;
  }) {
    this.#nowMs = options.nowMs;
    this.#log = options.log;
    this.#onGivenUp = options.onGivenUp;
  }

  get givenUp(): boolean {
    return this.#givenUp;
  }

  died(worker: number, detail: string): void {
    const now = this.#nowMs();
    this.#deaths = [...this.#deaths.filter((at) => now - at < WINDOW_MS), now];
    this.#log.error({ worker, detail }, 'a mixer thread died; its calls go on in a new one');
    if (this.#givenUp || this.#deaths.length < MAX_DEATHS) return;
    this.#givenUp = true;
    this.#log.fatal({ deaths: this.#deaths.length, withinMs: WINDOW_MS }, 'mixer threads keep dying: ending');
    this.#onGivenUp();
  }
}
