import type { Clock } from './clock.ts';
import { TickSchedule } from './tick-schedule.ts';

/**
 * Calls `onTick(tick, latenessMs)` on the 20 ms schedule until stopped. Late ticks are taken one per turn of the event
 * loop, so sockets are read in between. `tick` counts skipped ticks too.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #schedule: TickSchedule;
  readonly #onTick: (tick: number, latenessMs: number) => void;
  readonly #wake = (): void => this.#run();
  #cancel: () => void = () => {};
  #stopped = false;

  /** Tick 0 is due at `origin` in ms. Undefined `first`: begins with the next tick that is due. */
  constructor(
    clock: Clock,
    origin: number,
    first: number | undefined,
    onTick: (tick: number, latenessMs: number) => void,
  ) {
    this.#clock = clock;
    this.#schedule = new TickSchedule(origin, first ?? TickSchedule.after(origin, clock.now()));
    this.#onTick = onTick;
    this.#arm();
  }

  get skipped(): number {
    return this.#schedule.skipped;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #run(): void {
    const lateness = this.#schedule.take(this.#clock.now());
    if (lateness >= 0) this.#onTick(this.#schedule.next - 1, lateness);
    if (!this.#stopped) this.#arm();
  }

  /** The event loop's timers have a grain of 1 ms: aim at the whole millisecond at or after the deadline. */
  #arm(): void {
    this.#cancel = this.#clock.setTimeout(this.#wake, Math.max(0, this.#schedule.deadline - this.#clock.now()));
  }
}
