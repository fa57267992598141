import type { ZodType } from 'zod';
import type { Clock } from '../../media/index.ts';
import { StartError } from '../start-error.ts';
import type { Disk, DiskResult, KeyRange, RowWrite } from './disk.ts';
import { compareKeys, Pending, type PendingLimits } from './pending.ts';
import { Table } from './table.ts';

/** What the store reports as it happens, for metrics and logs. */
export interface StoreObserver {
  /** The disk took nothing; all of it stays in memory and is tried again. */
  writeFailed(detail: string): void;
  /** It takes what is written again. */
  recovered(): void;
  readFailed(detail: string): void;
  /** A row is not what its table holds: it is left out. */
  unreadable(table: string): void;
  /** Rows that waited for the disk and no longer fit into memory. */
  dropped(rows: number): void;
  /** The rows of earlier could not be read, are kept in this folder, and the store begins empty. */
  setAside(folder: string): void;
}

export interface StoreDeps {
  readonly openDisk: () => Promise<DiskResult>;
  /** As messages name it: `DATA_DIR=./data`. */
  readonly place: string;
  readonly clock: Clock;
  readonly observer: StoreObserver;
  readonly limits?: PendingLimits;
}

const LIMITS: PendingLimits = { rows: 20_000, characters: 32 * 2 ** 20 };
/** After the first, second and every further failure to write. */
const PAUSES_MS = [1000, 5000, 25_000] as const;

/**
 * Rows that survive the process. What is written is readable at once and goes to disk in the background, all that came
 * in one turn together; a disk that fails makes rows wait in memory and never anybody for them. No method rejects.
 */
export class Store {
  readonly #deps: StoreDeps;
  readonly #pending: Pending;
  readonly #waiting: ((onDisk: boolean) => void)[] = [];
  readonly #tables = new Set<string>();
  #disk: Disk | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  /** Over an open disk, or over none for now. `Store.open` is the way to get one. */
  constructor(deps: StoreDeps, disk: Disk | undefined) {
    this.#deps = deps;
    this.#disk = disk;
    this.#pending = new Pending(deps.limits ?? LIMITS);
  }

  /**
   * A disk that another server has, or that we may not write to, is a `StartError`. One that is full or fails otherwise
   * is none: calls matter more than what is remembered of them.
   */
  static async open(deps: StoreDeps): Promise<Store> {
    const opened = await deps.openDisk();
    if (opened.ok) {
      if (opened.setAside !== undefined) deps.observer.setAside(opened.setAside);
      return new Store(deps, opened.disk);
    }
    const { trouble, detail } = opened;
    if (trouble === 'locked')
      throw new StartError(
        `${deps.place}: another server uses that folder. Stop it, or set DATA_DIR to a folder of this one's own.`,
      );
    if (trouble === 'denied')
      throw new StartError(
        `${deps.place}: cannot be written to (${detail}). Set DATA_DIR to a folder that this user may write to.`,
      );
    const store = new Store(deps, undefined);
    store.#failed(detail);
    return store;
  }

  /** Rows that wait for the disk. */
  get pending(): number {
    return this.#pending.size;
  }

  /** False while the disk takes nothing. */
  get healthy(): boolean {
    return this.#failures === 0;
  }

  /** A named set of rows of one shape. Values are plain JSON; `name` is `a-z` and dashes, and used once. */
  table<T>(name: string, schema: ZodType<T>): Table<T> {
    if (!/^[a-z][a-z-]*$/.test(name) || this.#tables.has(name)) throw new Error(`no name for a table: ${name}`);
    this.#tables.add(name);
    return new Table(name, schema, {
      write: (rows) => this.write(rows),
      read: (key) => this.#read(key),
      rows: (range) => this.#rows(range),
      unreadable: () => this.#deps.observer.unreadable(name),
    });
  }

  /** Several changes, of any tables, of which the disk has all or none. Resolves with whether it has them. */
  write(rows: readonly RowWrite[]): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    let dropped = 0;
    for (const row of rows) dropped += this.#pending.add(row);
    if (dropped > 0) this.#deps.observer.dropped(dropped);
    if (!this.healthy) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#flush();
    });
  }

  /** Writes what waits, once more, and lets the folder go. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#writing;
    if (this.#pending.size > 0) await this.#writeAll();
    if (this.#pending.size > 0) this.#deps.observer.dropped(this.#pending.size);
    await this.#letGo();
  }

  #flush(): void {
    this.#writing ??= Promise.resolve()
      .then(() => this.#writeAll())
      .finally(() => {
        this.#writing = undefined;
        if (this.healthy && (this.#pending.size > 0 || this.#waiting.length > 0)) this.#flush();
      });
  }

  async #writeAll(): Promise<void> {
    const rows = this.#pending.all();
    const told = this.#waiting.splice(0);
    try {
      // A disk that has failed once may refuse for ever until it is opened anew.
      if (!this.healthy) await this.#reopen();
      if (!this.#disk) throw new Error('the folder is not open');
      await this.#disk.write(rows);
      this.#pending.written(rows);
      if (!this.healthy) this.#deps.observer.recovered();
      this.#failures = 0;
      for (const tell of told) tell(true);
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
      for (const tell of [...told, ...this.#waiting.splice(0)]) tell(false);
    }
  }

  #failed(detail: string): void {
    const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)]!;
    this.#failures += 1;
    this.#deps.observer.writeFailed(detail);
    if (this.#closed) return;
    this.#cancelRetry = this.#deps.clock.setTimeout(() => this.#flush(), pause);
  }

  async #reopen(): Promise<void> {
    await this.#letGo();
    const opened = await this.#deps.openDisk();
    if (!opened.ok) throw new Error(opened.detail);
    if (opened.setAside !== undefined) this.#deps.observer.setAside(opened.setAside);
    this.#disk = opened.disk;
  }

  async #letGo(): Promise<void> {
    const disk = this.#disk;
    this.#disk = undefined;
    await disk?.close().catch((error: Error) => this.#deps.observer.readFailed(error.message));
  }

  async #read(key: string): Promise<string | undefined> {
    const pending = this.#pending.get(key);
    if (pending) return pending.text;
    try {
      return await this.#disk?.get(key);
    } catch (error) {
      this.#deps.observer.readFailed((error as Error).message);
      return undefined;
    }
  }

  /** What lies on disk under what waits for it, merged in the order of the range. */
  async *#rows(range: KeyRange): AsyncGenerator<readonly [string, string]> {
    const waiting = this.#pending.within(range);
    const direction = range.reverse ? -1 : 1;
    let next = 0;
    try {
      if (this.#disk)
        for await (const row of this.#disk.rows(range)) {
          let hidden = false;
          for (; next < waiting.length; next++) {
            const { key, text } = waiting[next]!;
            const order = compareKeys(key, row[0]) * direction;
            if (order > 0) break;
            if (order === 0) hidden = true;
            if (text !== undefined) yield [key, text];
          }
          if (!hidden) yield row;
        }
    } catch (error) {
      this.#deps.observer.readFailed((error as Error).message);
    }
    for (const { key, text } of waiting.slice(next)) if (text !== undefined) yield [key, text];
  }
}
