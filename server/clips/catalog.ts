import type { Clip, ClipInfo, ClipLease, ClipStore } from '../../media/clip/index.ts';
import type { SampleRate } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';

/** A clip as the API shows it. */
export interface CatalogClip {
  readonly id: number;
  /** Fit to be shown: its query is left out. */
  readonly url: string;
  readonly sampleRate: SampleRate;
  readonly state: Clip['state'];
  readonly seconds: number;
  /** Memory it takes. */
  readonly bytes: number;
  readonly loudness: Clip['loudness'];
  readonly truncated: boolean;
  readonly failure: Clip['failure'];
}

export interface CatalogDeps {
  readonly store: Pick<ClipStore, 'open' | 'list' | 'forget' | 'drop'>;
  /** The rate MPCs are mixed at: a clip at any other would be of no use to them. */
  readonly sampleRate: SampleRate;
  readonly log: ErrorLog;
}

/** Clips that were asked for here and failed stay readable, so many of them. */
const FAILED_KEPT = 100;

/** The clips in memory, those being fetched ahead, and those that could not be had. */
export class ClipCatalog {
  readonly #deps: CatalogDeps;
  /** Held until they are complete and measured: a clip that nobody holds is not fetched to its end. */
  readonly #held = new Map<number, ClipLease>();
  readonly #failed = new Map<number, CatalogClip>();

  constructor(deps: CatalogDeps) {
    this.#deps = deps;
  }

  /** Fetches, decodes and measures a clip ahead of its first play. One that is there already is measured if need be. */
  warm(url: URL): CatalogClip {
    const lease = this.#deps.store.open(url, this.#deps.sampleRate);
    const { clip } = lease;
    if (this.#held.has(clip.id) || (clip.state === 'ready' && clip.loudness)) lease.release();
    else if (clip.state === 'failed') this.#giveUp(lease);
    else inBackground(this.#hold(lease), 'the fetch of a clip ahead', this.#deps.log);
    return this.find(clip.id) ?? viewOf(clip, 0);
  }

  /** Newest first. */
  list(): readonly CatalogClip[] {
    const clips = new Map<number, CatalogClip>(this.#failed);
    for (const info of this.#deps.store.list()) clips.set(info.id, infoView(info));
    return [...clips.values()].sort((a, b) => b.id - a.id);
  }

  find(id: number): CatalogClip | undefined {
    return this.list().find((clip) => clip.id === id);
  }

  /** Forgets a clip, or stops fetching it ahead. What plays goes on. False: there is none of that id. */
  drop(id: number): boolean {
    const held = this.#held.get(id);
    this.#held.delete(id);
    held?.release();
    const failed = this.#failed.delete(id);
    return this.#deps.store.forget(id) || held !== undefined || failed;
  }

  /** Forgets all that is not being played or fetched for a play. */
  dropAll(): void {
    for (const lease of this.#held.values()) lease.release();
    this.#held.clear();
    this.#failed.clear();
    this.#deps.store.drop();
  }

  async #hold(lease: ClipLease): Promise<void> {
    const { clip } = lease;
    this.#held.set(clip.id, lease);
    await clip.measure();
    if (this.#held.get(clip.id) !== lease) return;
    this.#held.delete(clip.id);
    if (clip.state === 'failed') this.#giveUp(lease);
    else lease.release();
  }

  #giveUp(lease: ClipLease): void {
    const { clip } = lease;
    this.#failed.set(clip.id, viewOf(clip, 0));
    const oldest = this.#failed.keys().next();
    if (this.#failed.size > FAILED_KEPT && !oldest.done) this.#failed.delete(oldest.value);
    lease.release();
  }
}

function viewOf(clip: Clip, bytes: number): CatalogClip {
  const { id, url, sampleRate, state, loudness, truncated, failure } = clip;
  return { id, url, sampleRate, state, seconds: clip.sampleCount / sampleRate, bytes, loudness, truncated, failure };
}

function infoView({ id, url, sampleRate, state, seconds, bytes, loudness, truncated, failure }: ClipInfo): CatalogClip {
  return { id, url, sampleRate, state, seconds, bytes, loudness, truncated, failure };
}
