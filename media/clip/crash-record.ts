import type { Clock } from '../time/clock.ts';

export interface CrashLimits {
  readonly crashes: number;
  readonly windowMs: number;
}

/** More sources than this are not remembered; the one that crashed longest ago is forgotten first. */
const MAX_SOURCES = 1000;

/** Remembers which sources keep killing their decoder, and refuses them for a while. */
export class CrashRecord {
  private readonly limits: CrashLimits;
  private readonly clock: Clock;
  private readonly crashes = new Map<string, readonly number[]>();

  constructor(limits: CrashLimits, clock: Clock) {
    this.limits = limits;
    this.clock = clock;
  }

  add(source: string): void {
    const recent = [...this.recent(source), this.clock.now()].slice(-this.limits.crashes);
    this.crashes.delete(source);
    this.crashes.set(source, recent);
    const [oldest] = this.crashes.keys();
    if (this.crashes.size > MAX_SOURCES && oldest !== undefined) this.crashes.delete(oldest);
  }

  /** Enough crashes lie within the window; it ends when its youngest has left it. */
  refuses(source: string): boolean {
    const all = this.crashes.get(source) ?? [];
    const [first = 0] = all;
    const last = all.at(-1) ?? 0;
    const { crashes, windowMs } = this.limits;
    return all.length >= crashes && last - first <= windowMs && this.clock.now() - last < windowMs;
  }

  private recent(source: string): readonly number[] {
    const since = this.clock.now() - this.limits.windowMs;
    return (this.crashes.get(source) ?? []).filter((at) => at > since);
  }
}
