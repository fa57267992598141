import { sourceOf } from './networks.ts';

export interface FailureOptions {
  readonly perMinute: number;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
}

const WINDOW_MS = 60_000;
/** Sources remembered at once; the longest known are forgotten first. */
const MAX_SOURCES = 10_000;

/** Counts wrong passwords by source, and says when one has guessed enough for the minute. */
export class Failures {
  readonly #options: FailureOptions;
  readonly #sources = new Map<string, { count: number; readonly since: number }>();

  constructor(options: FailureOptions) {
    this.#options = options;
  }

  /** Seconds until this IP address may try again; 0 when it may now. */
  waitSeconds(address: string): number {
    const known = this.#recent(sourceOf(address));
    if (!known || known.count < this.#options.perMinute) return 0;
    return Math.max(1, Math.ceil((known.since + WINDOW_MS - this.#options.nowMs()) / 1000));
  }

  add(address: string): void {
    const source = sourceOf(address);
    const known = this.#recent(source);
    if (known) {
      known.count += 1;
      return;
    }
    this.#sources.set(source, { count: 1, since: this.#options.nowMs() });
    const oldest = this.#sources.keys().next();
    if (this.#sources.size > MAX_SOURCES && !oldest.done) this.#sources.delete(oldest.value);
  }

  #recent(source: string): { count: number; readonly since: number } | undefined {
    const known = this.#sources.get(source);
    if (!known || this.#options.nowMs() - known.since < WINDOW_MS) return known;
    this.#sources.delete(source);
    return undefined;
  }
}
