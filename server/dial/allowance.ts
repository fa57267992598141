import { z } from 'zod';
import type { Clock } from '../../media/time/clock.ts';

export interface AllowanceLimits {
  readonly callsPerMinute: number;
  readonly minutesPerDay: number;
}

/** What was called, as it outlives the process. */
export const callsMadeSchema = z.object({
  /** Of the UTC calendar, counted from 1970. */
  day: z.number(),
  usedMs: z.number().min(0),
  /** When calls of the last minute were begun, in ms of the time of day. */
  begunAt: z.array(z.number()),
});

export type CallsMade = z.infer<typeof callsMadeSchema>;

export interface AllowanceDeps {
  readonly limits: AllowanceLimits;
  /** Of an earlier process, if there was one. */
  readonly earlier?: CallsMade | undefined;
  /** Called whenever there is more, and every few seconds while calls stand. */
  readonly keep?: (made: CallsMade) => void;
  readonly clock: Clock;
  /** The time of day: the minutes are those of one UTC day. */
  readonly now: () => Date;
}

export const LIMIT_REFUSALS = ['rate', 'minutes'] as const;

/** Too much was called. */
export interface LimitRefusal {
  readonly ok: false;
  readonly reason: (typeof LIMIT_REFUSALS)[number];
  /** When it may be worth asking again. */
  readonly retryAfterSeconds: number;
}

/** Time that runs while a call stands. */
export interface RunningTime {
  stop(): void;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A process that is killed forgets this much of the calls that stood. */
const KEEP_MS = 10_000;

/** How much may be called: so many calls a minute, and so many minutes a day, which end the calls that use them up. */
export class Allowance {
  readonly #deps: AllowanceDeps;
  /** When calls were begun, in the last minute. */
  #begun: number[] = [];
  readonly #running = new Set<{ readonly onSpent: () => void }>();
  #usedMs = 0;
  #day: number;
  /** Up to when the running calls are counted. */
  #countedTo: number;
  #cancelTimer: () => void = () => {};

  constructor(deps: AllowanceDeps) {
    this.#deps = deps;
    this.#day = this.#today();
    this.#countedTo = deps.clock.now();
    const { earlier } = deps;
    if (!earlier) return;
    if (earlier.day === this.#day) this.#usedMs = earlier.usedMs;
    for (const at of earlier.begunAt) {
      // A time of day that was set back makes nobody wait for longer than a minute.
      const ageMs = Math.max(0, deps.now().getTime() - at);
      if (ageMs < MINUTE_MS) this.#begun.push(deps.clock.now() - ageMs);
    }
  }

  /** Asks for so many calls at once: all or none. */
  take(calls: number): { readonly ok: true } | LimitRefusal {
    const { clock, limits, now } = this.#deps;
    this.#count();
    if (this.#usedMs >= limits.minutesPerDay * MINUTE_MS) {
      const left = DAY_MS - (now().getTime() % DAY_MS);
      return { ok: false, reason: 'minutes', retryAfterSeconds: Math.ceil(left / 1000) };
    }
    const oldest = clock.now() - MINUTE_MS;
    this.#begun = this.#begun.filter((at) => at > oldest);
    if (this.#begun.length + calls > limits.callsPerMinute) {
      const first = this.#begun[0] ?? clock.now();
      return { ok: false, reason: 'rate', retryAfterSeconds: Math.max(1, Math.ceil((first - oldest) / 1000)) };
    }
    for (let i = 0; i < calls; i++) this.#begun.push(clock.now());
    this.#keep();
    return { ok: true };
  }

  /** A call stands from now on. `onSpent` is called when the minutes of the day are used up. */
  start(onSpent: () => void): RunningTime {
    this.#count();
    const entry = { onSpent };
    this.#running.add(entry);
    this.#schedule();
    return {
      stop: () => {
        this.#count();
        if (!this.#running.delete(entry)) return;
        this.#keep();
        this.#schedule();
      },
    };
  }

  #count(): void {
    const at = this.#deps.clock.now();
    this.#usedMs += (at - this.#countedTo) * this.#running.size;
    this.#countedTo = at;
    const today = this.#today();
    if (today !== this.#day) {
      this.#day = today;
      this.#usedMs = 0;
    }
  }

  #schedule(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    if (this.#running.size === 0) return;
    const leftMs = Math.max(0, this.#deps.limits.minutesPerDay * MINUTE_MS - this.#usedMs);
    const waitMs = Math.min(leftMs / this.#running.size, KEEP_MS);
    this.#cancelTimer = this.#deps.clock.setTimeout(() => this.#onTime(), Math.ceil(waitMs));
  }

  #onTime(): void {
    this.#count();
    this.#keep();
    if (this.#usedMs >= this.#deps.limits.minutesPerDay * MINUTE_MS) {
      const spent = [...this.#running];
      this.#running.clear();
      for (const { onSpent } of spent) onSpent();
    }
    this.#schedule();
  }

  #keep(): void {
    const { clock, now, keep } = this.#deps;
    const epochMs = now().getTime() - clock.now();
    keep?.({ day: this.#day, usedMs: this.#usedMs, begunAt: this.#begun.map((at) => epochMs + at) });
  }

  #today(): number {
    return Math.floor(this.#deps.now().getTime() / DAY_MS);
  }
}
