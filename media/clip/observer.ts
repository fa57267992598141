import type { ClipFailure } from './failure.ts';

/** How an opened clip was found: in memory, being loaded for somebody else, or to be fetched (again). */
export type ClipFound = 'hit' | 'coalesced' | 'miss';

/** What the clip pipeline reports as it happens, for metrics and logs. Called on the main thread; must not throw. */
export interface ClipObserver {
  opened(found: ClipFound): void;
  /** A fetch ended, well or not; seconds count from its first connect. */
  fetched(seconds: number, bytes: number): void;
  /** A decode ended, well or not; seconds count while it had something to do. */
  decoded(seconds: number): void;
  /** An ffmpeg is gone. `signal` is also set when we killed it. */
  decoderExited(code: number | null, signal: string | null): void;
  /** `url` is fit for logs. */
  failed(reason: ClipFailure, detail: string, url: string): void;
  truncated(): void;
  /** Decoded sound in memory now, played or kept. */
  cacheBytes(bytes: number): void;
}
