import { sourceOf } from '../networks.ts';
import type { Pressure } from './flow.ts';

interface Bucket {
  /** Requests left, up to a second's worth. */
  tokens: number;
  /** Refusals left, likewise. */
  refusals: number;
  /** In ms. */
  filledAt: number;
}

/**
 * Limits requests per source: within the rate they pass; as many again are refused politely; the rest is not even read.
 * An IPv6 source is its /64, since whoever has one address of it has them all.
 */
export class RateLimiter {
  readonly #perSecond: number;
  readonly #maxSources: number;
  readonly #now: () => number;
  /** In order of last use, so that the first is the longest unused. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number, maxSources: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#maxSources = maxSources;
    this.#now = now;
  }

  get sources(): number {
    return this.#buckets.size;
  }

  take(address: string): Pressure {
    const bucket = this.#bucket(sourceOf(address));
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 'pass';
    }
    if (bucket.refusals >= 1) {
      bucket.refusals -= 1;
      return 'shed';
    }
    return 'drop';
  }

  #bucket(source: string): Bucket {
    const now = this.#now();
    const bucket = this.#buckets.get(source) ?? { tokens: this.#perSecond, refusals: this.#perSecond, filledAt: now };
    const gained = ((now - bucket.filledAt) / 1000) * this.#perSecond;
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + gained);
    bucket.refusals = Math.min(this.#perSecond, bucket.refusals + gained);
    bucket.filledAt = now;
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    if (this.#buckets.size > this.#maxSources) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    return bucket;
  }
}
