import type { Validators } from './fetch.ts';
import type { ClipLoad } from './load.ts';
import type { StoredClip } from './stored-clip.ts';

/** A clip with what the store knows about it. */
export interface ShelfEntry {
  /** Sample rate, account and URL: what `find` goes by. */
  readonly key: string;
  /** Account and URL. */
  readonly source: string;
  readonly clip: StoredClip;
  leases: number;
  /** Shared memory it takes. */
  bytes: number;
  /** Set while it loads. */
  load: ClipLoad | undefined;
  /** What to ask with when it is no longer fresh; undefined: the source named nothing. */
  validators: Validators | undefined;
  freshUntil: number;
  /** The entry this one is to replace; it stays in memory until the source has answered. */
  outdated: ShelfEntry | undefined;
}

/** Clips in use may take this many times the shelf's size before new ones are refused. */
const HARD_LIMIT = 2;

/**
 * The memory of decoded clips: how much there is, who is on it, and who goes when it is full: the least recently used
 * that nobody plays. Those in play stay whatever the size, so there is a second limit at which nothing new comes in.
 */
export class Shelf {
  private readonly size: number;
  private readonly onBytes: (total: number) => void;
  /** What `find` finds, least recently used first. */
  private readonly current = new Map<string, ShelfEntry>();
  /** Everything that takes memory: the current ones, the outdated, and those that only play on. */
  private readonly alive = new Set<ShelfEntry>();
  private total = 0;

  /** `size` in bytes; `onBytes` hears of every change of what is taken. */
  constructor(size: number, onBytes: (total: number) => void) {
    this.size = size;
    this.onBytes = onBytes;
  }

  get bytes(): number {
    return this.total;
  }

  get isOverfull(): boolean {
    return this.total > HARD_LIMIT * this.size;
  }

  entries(): Iterable<ShelfEntry> {
    return this.alive;
  }

  currentEntries(): readonly ShelfEntry[] {
    return [...this.current.values()];
  }

  has(entry: ShelfEntry): boolean {
    return this.alive.has(entry);
  }

  find(key: string): ShelfEntry | undefined {
    return this.current.get(key);
  }

  /** Makes it the one that `find` finds, and the most recently used. */
  put(entry: ShelfEntry): void {
    this.current.delete(entry.key);
    this.current.set(entry.key, entry);
    this.alive.delete(entry);
    this.alive.add(entry);
  }

  account(entry: ShelfEntry, bytes: number): void {
    if (entry.bytes === bytes || !this.alive.has(entry)) return;
    this.total += bytes - entry.bytes;
    entry.bytes = bytes;
    this.onBytes(this.total);
  }

  /** Moves the memory of one entry to another that has the same samples. */
  hand(from: ShelfEntry, to: ShelfEntry): void {
    const { bytes } = from;
    this.account(from, 0);
    this.account(to, bytes);
  }

  /** `find` finds it no more; its memory goes when nobody plays it. */
  retire(entry: ShelfEntry): void {
    if (this.current.get(entry.key) === entry) this.current.delete(entry.key);
    if (entry.leases === 0) this.forget(entry);
  }

  /** The last lease is gone. */
  unused(entry: ShelfEntry): void {
    const current = this.current.get(entry.key);
    if (current === entry || current?.outdated === entry) this.makeRoom();
    else this.forget(entry);
  }

  /** Evicts until the size holds again, or only clips in use are left. */
  makeRoom(): void {
    for (const entry of this.current.values()) {
      if (this.total <= this.size) return;
      if (entry.leases === 0 && !entry.load) this.retire(entry);
    }
  }

  private forget(entry: ShelfEntry): void {
    this.account(entry, 0);
    this.alive.delete(entry);
  }
}
