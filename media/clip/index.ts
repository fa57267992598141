/** Clips: from a URL to PCM in shared memory, fetched under guard, decoded under limits, cached. Main thread only. */
export type { Clip, ClipEvent, ClipLease, SharedSamples } from './clip.ts';
export { CLIP_FAILURES, type ClipFailure } from './failure.ts';
