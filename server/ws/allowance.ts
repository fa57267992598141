import type { Clock } from '../../media/time/clock.ts';

/** Bytes that cost as much as one more message. */
const BYTES_PER_UNIT = 2048;

/**
 * What one client may send: so much at once, so much a second after. Each message costs one unit and one more per 2 kB,
 * so that neither tiny nor huge messages are a way to keep the server busy.
 */
export class Allowance {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #units: number;
  #countedAt: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#units = burst;
    this.#countedAt = clock.now();
  }

  /** False when a message of so many bytes is one too many. */
  spend(bytes: number): boolean {
    const now = this.#clock.now();
    this.#units = Math.min(this.#burst, this.#units + ((now - this.#countedAt) * this.#perSecond) / 1000);
    this.#countedAt = now;
    this.#units -= 1 + Math.floor(bytes / BYTES_PER_UNIT);
    return this.#units >= 0;
  }
}
