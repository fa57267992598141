import type { ClipStore } from '../clip/index.ts';
import type { EngineObserver } from '../engine.ts';
import type { Clock } from '../time/clock.ts';

/** What a media engine of this machine works with and within. */
export interface EngineConfig {
  /** Mixer threads, at least 1. */
  readonly workers: number;
  readonly rtp: { readonly host: string; readonly portMin: number; readonly portMax: number };
  /** Use the batch addon for UDP where it was built. */
  readonly batchIo: boolean;
  readonly clips: ClipStore;
  readonly observer: EngineObserver;
  readonly limits: { readonly playsPerMember: number; readonly playsPerNode: number };
  /** Share of its time from which a mixer takes no further legs; Infinity takes them though it falls behind. */
  readonly fullLoad: number;
  /** Silence on RTP after which a leg warns, and after which it asks to be hung up. */
  readonly noRtpWarnMs: number;
  readonly noRtpHangupMs: number;
  readonly clock: Clock;
}
