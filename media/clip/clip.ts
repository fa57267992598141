import type { SampleRate } from '../audio/frame.ts';
import type { Loudness } from '../audio/loudness.ts';
import type { ClipFailure } from './failure.ts';

/** Mono samples that every thread can read without a copy. Never written again once published. */
export type SharedSamples = Int16Array<SharedArrayBuffer>;

/** What happens to a clip while it loads; `ended` or `failed` comes once and last. */
export type ClipEvent =
  | { readonly type: 'chunk'; readonly samples: SharedSamples }
  /** `truncated`: the source stopped short of what it announced. */
  | { readonly type: 'ended'; readonly samples: number; readonly truncated: boolean }
  | { readonly type: 'failed'; readonly reason: ClipFailure; readonly detail: string };

/**
 * Decoded sound of one URL at one sample rate, shared by all who play it. It grows while `loading`: read `chunks` and
 * `state`, then subscribe, in one synchronous stretch, and nothing is missed.
 */
export interface Clip {
  /** Counts up through the life of the process. */
  readonly id: number;
  /** Fit for logs: no credentials, no query. */
  readonly url: string;
  readonly sampleRate: SampleRate;
  readonly chunks: readonly SharedSamples[];
  readonly sampleCount: number;
  readonly state: 'loading' | 'ready' | 'failed';
  readonly truncated: boolean;
  /** Set when `failed`. A clip that nobody wants any more fails without a reason. */
  readonly failure: { readonly reason: ClipFailure; readonly detail: string } | undefined;
  /** Set once it was measured. */
  readonly loudness: Loudness | undefined;
  /** Measures its loudness, once for all who ask, without holding the thread. Undefined: it failed. */
  measure(): Promise<Loudness | undefined>;
  /** Hears of what comes from now on; nothing is replayed. Returns how to stop. */
  subscribe(listener: (event: ClipEvent) => void): () => void;
}

/** One party's hold on a clip. */
export interface ClipLease {
  readonly clip: Clip;
  /** `hit`: all of the sound was in memory when it was asked for. */
  readonly cache: 'hit' | 'miss';
  /** Idempotent. The last release of an unfinished clip cancels its fetch and its decode. */
  release(): void;
}
