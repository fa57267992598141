import { FRAME_MS } from '../audio/frame.ts';

/** Ticks run back to back after a stall; what is missed beyond is skipped. */
const MAX_CATCH_UP_TICKS = 3;

/**
 * Decides when ticks run: tick k is due at `origin + k * 20 ms`, for ever, whatever happened to the ticks before it.
 * After a stall a few late ticks run at once and the rest are skipped with their numbers, so RTP timestamps, which
 * follow the tick's number, stay on the ideal clock. Pure: the time is passed in.
 */
export class TickSchedule {
  readonly #origin: number;
  /** Number of the next tick to run. */
  next: number;
  skipped = 0;

  /** Begins with tick `first`: what of it is past is skipped, but for the few that catch up. */
  constructor(origin: number, first = 0) {
    this.#origin = origin;
    this.next = first;
  }

  /** Number of the first tick that is not due yet. */
  static after(origin: number, now: number): number {
    return Math.max(0, Math.ceil((now - origin) / FRAME_MS));
  }

  /** When the next tick is due, in ms. */
  get deadline(): number {
    return this.#origin + this.next * FRAME_MS;
  }

  /** Takes the next tick if it is due; returns how many ms late it is, or -1 when there is nothing to run yet. */
  take(now: number): number {
    let lateness = now - this.deadline;
    if (lateness < 0) return -1;
    const behind = Math.floor(lateness / FRAME_MS);
    if (behind > MAX_CATCH_UP_TICKS) {
      const skip = behind - MAX_CATCH_UP_TICKS;
      this.skipped += skip;
      this.next += skip;
      lateness = now - this.deadline;
    }
    this.next += 1;
    return lateness;
  }
}
