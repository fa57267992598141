import type { Clock } from '../time/clock.ts';

/** A port rests so long after a call, so that late packets of the old one do not reach the next. */
const QUARANTINE_MS = 5000;

/** Lends out even ports, each with the odd one above it for RTCP; the one that rested longest goes first. */
export class PortPool {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #free: { readonly port: number; readonly since: number }[] = [];
  #next: number;
  readonly #max: number;
  #lent = 0;

  /** Bounds are inclusive; only whole pairs within them are used. */
  constructor(min: number, max: number, clock: Clock) {
    this.#clock = clock;
    this.#next = min + (min % 2);
    this.#max = max;
  }

  get lent(): number {
    return this.#lent;
  }

  /** Ports that can be lent out now; those that rest are not. */
  get free(): number {
    const untouched = Math.max(0, Math.floor((this.#max + 1 - this.#next) / 2));
    const now = this.#clock.now();
    let rested = 0;
    while (rested < this.#free.length && now - this.#free[rested]!.since >= QUARANTINE_MS) rested += 1;
    return untouched + rested;
  }

  /** Undefined when every port is lent or resting. */
  take(): number | undefined {
    if (this.#next + 1 <= this.#max) {
      const port = this.#next;
      this.#next += 2;
      this.#lent += 1;
      return port;
    }
    const oldest = this.#free[0];
    if (!oldest || this.#clock.now() - oldest.since < QUARANTINE_MS) return undefined;
    this.#free.shift();
    this.#lent += 1;
    return oldest.port;
  }

  give(port: number): void {
    this.#lent -= 1;
    this.#free.push({ port, since: this.#clock.now() });
  }
}
