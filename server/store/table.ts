import type { ZodType } from 'zod';
import type { KeyRange, RowWrite } from './disk.ts';

/** Which rows of a table, all unless said otherwise; the smallest key first. Keys compare as UTF-8 bytes. */
export interface RowRange {
  /** The first key. */
  readonly from?: string | undefined;
  /** The first key no more. */
  readonly before?: string | undefined;
  /** Only keys that begin so; the other two are left alone then. */
  readonly prefix?: string | undefined;
  /** The greatest key first. */
  readonly reverse?: boolean;
}

export interface Row<T> {
  readonly key: string;
  readonly value: T;
}

/** What a table needs of its store. Keys are the store's: with the table's name in front. */
export interface TableDeps {
  readonly write: (rows: readonly RowWrite[]) => Promise<boolean>;
  readonly read: (key: string) => Promise<string | undefined>;
  readonly rows: (range: KeyRange) => AsyncIterable<readonly [string, string]>;
  readonly unreadable: () => void;
}

const SEPARATOR = '/';
/** The character after the separator: what is below it begins with the table's name. */
const AFTER_SEPARATOR = '0';
/** Greater than every other character in UTF-8. */
const LAST = '\u{10ffff}';

/** Rows of one shape, each under a key of its own. What is written is seen by every read after it. */
export class Table<T> {
  readonly #name: string;
  readonly #schema: ZodType<T>;
  readonly #deps: TableDeps;

  constructor(name: string, schema: ZodType<T>, deps: TableDeps) {
    this.#name = name;
    this.#schema = schema;
    this.#deps = deps;
  }

  /** Undefined also for a row that cannot be read. */
  async get(key: string): Promise<T | undefined> {
    const text = await this.#deps.read(this.#full(key));
    return text === undefined ? undefined : this.#parse(text);
  }

  /** Resolves with whether the disk has it; if not it is still there until the process ends. Never rejects. */
  put(key: string, value: T): Promise<boolean> {
    return this.#deps.write([this.putting(key, value)]);
  }

  delete(key: string): Promise<boolean> {
    return this.#deps.write([this.deleting(key)]);
  }

  /** The change that `put` makes, for `Store.write`. */
  putting(key: string, value: T): RowWrite {
    return { key: this.#full(key), text: JSON.stringify(value) };
  }

  /** The change that `delete` makes, for `Store.write`. */
  deleting(key: string): RowWrite {
    return { key: this.#full(key), text: undefined };
  }

  /** The rows as they were when the walk began, those that cannot be read left out. */
  async *iterate(range: RowRange = {}): AsyncGenerator<Row<T>> {
    const { prefix, reverse = false } = range;
    const from = this.#full(prefix ?? range.from ?? '');
    const end = prefix === undefined ? range.before : prefix === '' ? undefined : `${prefix}${LAST}`;
    const before = end === undefined ? `${this.#name}${AFTER_SEPARATOR}` : this.#full(end);
    for await (const [key, text] of this.#deps.rows({ from, before, reverse })) {
      const value = this.#parse(text);
      if (value !== undefined) yield { key: key.slice(this.#name.length + SEPARATOR.length), value };
    }
  }

  #full(key: string): string {
    return `${this.#name}${SEPARATOR}${key}`;
  }

  #parse(text: string): T | undefined {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      this.#deps.unreadable();
      return undefined;
    }
    const parsed = this.#schema.safeParse(json);
    if (parsed.success) return parsed.data;
    this.#deps.unreadable();
    return undefined;
  }
}
