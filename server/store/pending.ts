import type { KeyRange, RowWrite } from './disk.ts';

/** What may wait in memory for a disk that does not take it. */
export interface PendingLimits {
  readonly rows: number;
  readonly characters: number;
}

/** The newest state of rows that are not on disk yet, in order of writing; bounded, the oldest go first. */
export class Pending {
  readonly #limits: PendingLimits;
  readonly #rows = new Map<string, RowWrite>();
  #characters = 0;

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Returns how many rows had to go for it. */
  add(row: RowWrite): number {
    this.#remove(row.key);
    this.#rows.set(row.key, row);
    this.#characters += weigh(row);
    let dropped = 0;
    for (const key of this.#rows.keys()) {
      if (this.#rows.size <= this.#limits.rows && this.#characters <= this.#limits.characters) break;
      this.#remove(key);
      dropped += 1;
    }
    return dropped;
  }

  get(key: string): RowWrite | undefined {
    return this.#rows.get(key);
  }

  /** All of it, the oldest first. */
  all(): readonly RowWrite[] {
    return [...this.#rows.values()];
  }

  /** These are on disk now; what was written to the same keys meanwhile stays. */
  written(rows: readonly RowWrite[]): void {
    for (const row of rows) if (this.#rows.get(row.key) === row) this.#remove(row.key);
  }

  /** The rows of a range in its order. */
  within({ from, before, reverse }: KeyRange): readonly RowWrite[] {
    const found = this.all().filter(({ key }) => compareKeys(key, from) >= 0 && compareKeys(key, before) < 0);
    found.sort((a, b) => compareKeys(a.key, b.key));
    return reverse ? found.reverse() : found;
  }

  #remove(key: string): void {
    const row = this.#rows.get(key);
    if (!row) return;
    this.#rows.delete(key);
    this.#characters -= weigh(row);
  }
}

/** The disk's order, which is that of bytes and not of UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function weigh({ key, text }: RowWrite): number {
  return key.length + (text?.length ?? 0);
}
