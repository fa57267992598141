import { availableParallelism } from 'node:os';

/** Every bound of the clip pipeline. Times in ms, sizes in bytes. */
export interface ClipLimits {
  readonly redirects: number;
  /** DNS, TCP and TLS of one hop. */
  readonly connectMs: number;
  /** From a standing connection to complete response headers. */
  readonly firstByteMs: number;
  /** Between two pieces of a body, while we are ready to take one. */
  readonly idleMs: number;
  /** The whole fetch, all hops and the retry, from its first connect. */
  readonly totalMs: number;
  readonly downloadBytes: number;
  readonly fetches: number;
  readonly fetchesPerHost: number;
  readonly fetchQueue: number;
  /** Decoders at work at once. */
  readonly decodes: number;
  readonly decodeQueue: number;
  /** Wall clock of one decoder. */
  readonly decodeMs: number;
  readonly decodeCpuSeconds: number;
  readonly decodeMemoryBytes: number;
  /** Decoded sound of one clip. */
  readonly clipSeconds: number;
  /** Decoded sound kept in memory. Twice as much, all of it in use: new clips are refused. */
  readonly cacheBytes: number;
  /** How long a clip is fresh when its source does not say. */
  readonly freshMs: number;
  /** So many decoder failures of one URL within `crashWindowMs` refuse it for as long. */
  readonly crashes: number;
  readonly crashWindowMs: number;
}

const MEGABYTE = 1024 * 1024;

/** The defaults, as documented for operators. */
export function defaultLimits(): ClipLimits {
  return {
    redirects: 5,
    connectMs: 3_000,
    firstByteMs: 5_000,
    idleMs: 5_000,
    totalMs: 20_000,
    downloadBytes: 25 * MEGABYTE,
    fetches: 32,
    fetchesPerHost: 6,
    fetchQueue: 1_000,
    decodes: availableParallelism(),
    decodeQueue: 100,
    decodeMs: 20_000,
    decodeCpuSeconds: 10,
    decodeMemoryBytes: 256 * MEGABYTE,
    clipSeconds: 30 * 60,
    cacheBytes: 256 * MEGABYTE,
    freshMs: 60_000,
    crashes: 5,
    crashWindowMs: 10 * 60_000,
  };
}
