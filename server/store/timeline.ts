import { type ZodType, z } from 'zod';
import type { RowWrite } from './disk.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

/** Where a row stands among the others. */
export interface Moment {
  /** In ms since 1970; never another for the same id. */
  readonly time: number;
  readonly id: string;
}

/** Enough for some 30 000 years. */
const TIME_DIGITS = 15;

/** Rows in the order of their times, of which each is also found by its id. They are on disk alone. */
export class Timeline<T> {
  readonly #store: Store;
  readonly #momentOf: (row: T) => Moment;
  /** By time and id. */
  readonly #rows: Table<T>;
  /** From the id to the key above. */
  readonly #keys: Table<string>;

  /** `name` is that of one row, as in the names of tables. */
  constructor(store: Store, name: string, schema: ZodType<T>, momentOf: (row: T) => Moment) {
    this.#store = store;
    this.#momentOf = momentOf;
    this.#rows = store.table(`${name}s`, schema);
    this.#keys = store.table(`${name}-keys`, z.string());
  }

  /** The changes that put a row in its place, or one for another of its id. */
  putting(row: T): RowWrite[] {
    const { time, id } = this.#momentOf(row);
    const key = `${String(time).padStart(TIME_DIGITS, '0')}-${id}`;
    return [this.#rows.putting(key, row), this.#keys.putting(id, key)];
  }

  put(row: T): Promise<boolean> {
    return this.#store.write(this.putting(row));
  }

  /** The changes that take a row away. */
  removing(row: T): RowWrite[] {
    return this.putting(row).map(({ key }) => ({ key, text: undefined }));
  }

  remove(row: T): Promise<boolean> {
    return this.#store.write(this.removing(row));
  }

  async get(id: string): Promise<T | undefined> {
    const key = await this.#keys.get(id);
    return key === undefined ? undefined : this.#rows.get(key);
  }

  async *newestFirst(): AsyncGenerator<T> {
    for await (const { value } of this.#rows.iterate({ reverse: true })) yield value;
  }

  async *oldestFirst(): AsyncGenerator<T> {
    for await (const { value } of this.#rows.iterate()) yield value;
  }

  /**
   * Those that may go, the oldest first: what ended before a time, and the oldest of what is too much, as long as `isSurplus`.
   * What has not ended stays. A row's time is when it began, so all behind one that began later are younger than what goes.
   */
  async *overdue(before: number, endOf: (row: T) => number | undefined, isSurplus: () => boolean): AsyncGenerator<T> {
    for await (const row of this.oldestFirst()) {
      const surplus = isSurplus();
      if (!surplus && this.#momentOf(row).time > before) return;
      const end = endOf(row);
      if (end !== undefined && (surplus || end <= before)) yield row;
    }
  }

  /** By walking over all of them. */
  async count(): Promise<number> {
    let count = 0;
    for await (const _ of this.#keys.iterate()) count += 1;
    return count;
  }
}
