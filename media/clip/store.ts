import type { SampleRate } from '../audio/frame.ts';
import type { Loudness } from '../audio/loudness.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import type { Clip, ClipLease } from './clip.ts';
import { type Resolve, systemResolve } from './connector.ts';
import { CrashRecord } from './crash-record.ts';
import type { Decoder } from './decoder.ts';
import type { ClipFailure } from './failure.ts';
import type { Validators } from './fetch.ts';
import { type Failed, failed, type ResponseHeaders } from './fetch-outcome.ts';
import { freshnessOf } from './freshness.ts';
import { type ClipLimits, defaultLimits } from './limits.ts';
import { ClipLoad, type LoadOutcome } from './load.ts';
import type { LocalSounds } from './local-sounds.ts';
import type { ClipObserver } from './observer.ts';
import { publicUrl, type SourcePolicy } from './policy.ts';
import { Shelf, type ShelfEntry } from './shelf.ts';
import { Slots } from './slots.ts';
import { StoredClip } from './stored-clip.ts';

export interface ClipStoreOptions {
  readonly policy: SourcePolicy;
  /** Undefined: no ffmpeg works; only wav at the rate asked for can be decoded. */
  readonly decoder: Decoder | undefined;
  readonly limits?: Partial<ClipLimits>;
  readonly clock?: Clock;
  readonly observer?: Partial<ClipObserver>;
  readonly resolve?: Resolve;
  /** What makes the sounds that are not fetched. */
  readonly local?: LocalSounds;
  /** Certificates to trust for https instead of the system's. */
  readonly ca?: string;
}

/** A clip in memory, as lists show it. */
export interface ClipInfo {
  readonly id: number;
  readonly url: string;
  readonly sampleRate: SampleRate;
  readonly state: Clip['state'];
  readonly truncated: boolean;
  readonly seconds: number;
  /** Undefined until somebody had it measured. */
  readonly loudness: Loudness | undefined;
  readonly failure: Clip['failure'];
  /** Shared memory it takes. */
  readonly bytes: number;
  readonly leases: number;
}

export interface ClipStats {
  readonly clips: number;
  readonly bytes: number;
  /** Bytes of clips in use, which cannot be evicted. */
  readonly leasedBytes: number;
  readonly fetching: number;
  readonly fetchesQueued: number;
  readonly decoding: number;
  readonly decodesQueued: number;
}

/** Failures that say nothing about the clip itself: what is known of it may still be confirmed later. */
const PASSING: ReadonlySet<ClipFailure> = new Set(['timeout', 'unreachable', 'tls', 'busy']);
const MEMORY_FULL = failed('busy', 'clips in use fill the memory for clips');
const NOTHING_LOCAL: LocalSounds = new Map();
const STOPPING = failed('busy', 'the server is stopping');

/**
 * Clips by URL and sample rate: one fetch and one decode for any number of users, and decoded sound kept in shared
 * memory. An outdated clip is asked for again, with the source's own validators and at the very URL that gave them,
 * before it is used again.
 */
export class ClipStore {
  private readonly options: ClipStoreOptions;
  private readonly limits: ClipLimits;
  private readonly clock: Clock;
  private readonly observer: Partial<ClipObserver>;
  private readonly fetches: Slots;
  private readonly decodes: Slots;
  private readonly crashes: CrashRecord;
  private readonly shelf: Shelf;
  private readonly loading = new Set<Promise<void>>();
  private closed = false;

  constructor(options: ClipStoreOptions) {
    this.options = options;
    this.limits = { ...defaultLimits(), ...options.limits };
    this.clock = options.clock ?? systemClock;
    this.observer = options.observer ?? {};
    const { fetches, fetchesPerHost, fetchQueue, decodes, decodeQueue, crashes, crashWindowMs } = this.limits;
    this.fetches = new Slots({ total: fetches, perKey: fetchesPerHost, queue: fetchQueue });
    this.decodes = new Slots({ total: decodes, queue: decodeQueue });
    this.crashes = new CrashRecord({ crashes, windowMs: crashWindowMs }, this.clock);
    this.shelf = new Shelf(this.limits.cacheBytes, (bytes) => this.observer.cacheBytes?.(bytes));
  }

  /**
   * The clip of a URL, loading if it must be. Never throws and never waits: a clip that cannot be had is one that failed
   * or will. Clips of different accounts are never shared.
   */
  open(url: URL, sampleRate: SampleRate, account = ''): ClipLease {
    const source = sourceOf(url, account);
    const key = `${sampleRate}\n${source}`;
    const found = this.shelf.find(key);
    if (found?.clip.state === 'ready' && this.clock.now() < found.freshUntil) {
      this.shelf.put(found);
      this.observer.opened?.('hit');
      return this.lease(found, 'hit');
    }
    if (found?.clip.state === 'loading') {
      this.observer.opened?.('coalesced');
      return this.lease(found, 'miss');
    }
    this.observer.opened?.('miss');
    const entry: ShelfEntry = {
      key,
      source,
      clip: new StoredClip(publicUrl(url), sampleRate),
      leases: 0,
      bytes: 0,
      load: undefined,
      validators: undefined,
      freshUntil: 0,
      outdated: found,
    };
    const refusal = this.refusalOf(source);
    if (refusal) this.fail(entry, refusal);
    else this.start(entry, url);
    return this.lease(entry, 'miss');
  }

  /** Every clip in memory, most recently used last. */
  list(): readonly ClipInfo[] {
    return Array.from(this.shelf.entries(), ({ clip, bytes, leases }) => ({
      id: clip.id,
      url: clip.url,
      sampleRate: clip.sampleRate,
      state: clip.state,
      truncated: clip.truncated,
      seconds: clip.sampleCount / clip.sampleRate,
      loudness: clip.loudness,
      failure: clip.failure,
      bytes,
      leases,
    }));
  }

  /** Forgets what is kept of a URL, or of all; what is played or loaded goes on. Returns how many clips. */
  drop(url?: URL, account = ''): number {
    const dropped = this.shelf
      .currentEntries()
      .filter(({ source, clip }) => clip.state === 'ready' && (!url || source === sourceOf(url, account)));
    for (const entry of dropped) this.shelf.retire(entry);
    return dropped.length;
  }

  /** Forgets one clip that is complete; what is played goes on. False: there is none of that id. */
  forget(id: number): boolean {
    const entry = this.shelf.currentEntries().find(({ clip }) => clip.id === id && clip.state === 'ready');
    if (entry) this.shelf.retire(entry);
    return entry !== undefined;
  }

  stats(): ClipStats {
    const all = [...this.shelf.entries()];
    return {
      clips: all.length,
      bytes: this.shelf.bytes,
      leasedBytes: all.reduce((sum, { leases, bytes }) => sum + (leases > 0 ? bytes : 0), 0),
      fetching: this.fetches.active,
      fetchesQueued: this.fetches.queued,
      decoding: this.decodes.active,
      decodesQueued: this.decodes.queued,
    };
  }

  /** Fails all loads, forgets all clips, and resolves when no connection and no decoder is left. Idempotent. */
  async close(): Promise<void> {
    this.closed = true;
    for (const entry of this.shelf.entries()) entry.load?.stop(STOPPING);
    this.drop();
    await Promise.all(this.loading);
  }

  private refusalOf(source: string): Failed | undefined {
    if (this.closed) return STOPPING;
    if (this.crashes.refuses(source)) {
      return failed('decoder_failed', 'this url ended its decoder too often lately');
    }
    return this.shelf.isOverfull ? MEMORY_FULL : undefined;
  }

  private start(entry: ShelfEntry, url: URL): void {
    const { policy, resolve = systemResolve, ca, decoder, local = NOTHING_LOCAL } = this.options;
    const { clock, limits, observer, decodes, fetches } = this;
    const { sampleRate } = entry.clip;
    this.shelf.put(entry);
    const load = new ClipLoad(
      {
        sampleRate,
        decoder,
        decodes,
        limits,
        clock,
        observer,
        local,
        fetch: { policy, resolve, ca, clock, limits, slots: fetches },
      },
      url,
      entry.outdated?.validators,
      {
        onChunk: (samples) => entry.clip.append(samples),
        onGrowth: (bytes) => this.grow(entry, bytes),
      },
    );
    entry.load = load;
    const settled = load.done
      .then((outcome) => this.settle(entry, outcome))
      .finally(() => this.loading.delete(settled));
    this.loading.add(settled);
  }

  private grow(entry: ShelfEntry, bytes: number): void {
    this.shelf.account(entry, bytes);
    this.shelf.makeRoom();
    if (this.shelf.isOverfull) entry.load?.stop(MEMORY_FULL);
  }

  private settle(entry: ShelfEntry, outcome: LoadOutcome): void {
    entry.load = undefined;
    // Nobody wanted it any more, and it was dealt with then.
    if (!this.shelf.has(entry)) return;
    switch (outcome.status) {
      case 'ready':
        entry.validators = validatorsOf(outcome.finalUrl, outcome.headers);
        this.finish(entry, outcome.headers, outcome.truncated, outcome.cutShort);
        break;
      case 'not_modified':
        this.adopt(entry, outcome.headers);
        break;
      case 'failed':
        if (outcome.reason === 'decoder_failed') this.crashes.add(entry.source);
        this.fail(entry, outcome);
        break;
      case 'cancelled':
        throw new Error('a load was cancelled that somebody waits for');
    }
  }

  /** All of the sound is here. What a broken connection left is played, and fetched anew the next time. */
  private finish(entry: ShelfEntry, headers: ResponseHeaders, truncated: boolean, cutShort: boolean): void {
    const { keep, freshMs } = freshnessOf(headers, this.limits.freshMs);
    entry.freshUntil = this.clock.now() + freshMs;
    if (entry.outdated) this.shelf.retire(entry.outdated);
    entry.outdated = undefined;
    if (!keep || cutShort) this.shelf.retire(entry);
    if (truncated) this.observer.truncated?.();
    entry.clip.end(truncated);
    this.shelf.makeRoom();
  }

  /** The source says the outdated clip still holds: its samples are taken over as they are, in the same memory. */
  private adopt(entry: ShelfEntry, headers: ResponseHeaders): void {
    const { outdated } = entry;
    if (!outdated) throw new Error('an answer to a question that was not asked');
    entry.validators = outdated.validators;
    this.shelf.hand(outdated, entry);
    entry.clip.adopt(outdated.clip);
    this.finish(entry, headers, outdated.clip.truncated, false);
  }

  private fail(entry: ShelfEntry, { reason, detail }: Failed): void {
    this.observer.failed?.(reason, detail, entry.clip.url);
    this.withdraw(entry, PASSING.has(reason));
    entry.clip.fail(reason, detail);
  }

  /** Takes a clip back that came to nothing. What it was to replace may be as good as it was before. */
  private withdraw(entry: ShelfEntry, restore: boolean): void {
    const { outdated } = entry;
    entry.outdated = undefined;
    this.shelf.retire(entry);
    if (!outdated) return;
    if (restore) this.shelf.put(outdated);
    else this.shelf.retire(outdated);
  }

  private lease(entry: ShelfEntry, cache: ClipLease['cache']): ClipLease {
    entry.leases++;
    let held = true;
    return {
      clip: entry.clip,
      cache,
      release: () => {
        if (!held) return;
        held = false;
        entry.leases--;
        if (entry.leases > 0) return;
        if (entry.load) this.cancel(entry, entry.load);
        else this.shelf.unused(entry);
      },
    };
  }

  /** Whoever asks from now on starts anew, and does not wait for this one to be gone. */
  private cancel(entry: ShelfEntry, load: ClipLoad): void {
    this.withdraw(entry, true);
    entry.clip.abandon();
    load.stop();
  }
}

function sourceOf(url: URL, account: string): string {
  const { href, hash } = url;
  return `${account}\n${hash === '' ? href : href.slice(0, -hash.length)}`;
}

function validatorsOf(finalUrl: string, headers: ResponseHeaders): Validators | undefined {
  const { etag, 'last-modified': lastModified } = headers;
  if (typeof etag !== 'string' && typeof lastModified !== 'string') return undefined;
  return {
    finalUrl,
    etag: typeof etag === 'string' ? etag : undefined,
    lastModified: typeof lastModified === 'string' ? lastModified : undefined,
  };
}
