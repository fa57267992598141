import type { Disk, DiskResult, DiskTrouble, KeyRange, RowWrite } from '../../server/store/disk.ts';
import { compareKeys } from '../../server/store/pending.ts';

/** A disk in memory that outlives the store on top of it, and fails when told to. */
export class DiskDouble {
  readonly rows = new Map<string, string>();
  readonly writes: (readonly RowWrite[])[] = [];
  /** What every write fails with while it is set. */
  failure: string | undefined;
  /** What opening fails with while it is set. */
  trouble: DiskTrouble | undefined;
  opened = 0;

  readonly open = async (): Promise<DiskResult> => {
    if (this.trouble) return { ok: false, trouble: this.trouble, detail: `it is ${this.trouble}` };
    this.opened += 1;
    return { ok: true, disk: this.disk() };
  };

  disk(): Disk {
    return {
      get: async (key) => this.rows.get(key),
      write: async (rows) => {
        if (this.failure) throw new Error(this.failure);
        this.writes.push(rows);
        for (const { key, text } of rows)
          if (text === undefined) this.rows.delete(key);
          else this.rows.set(key, text);
      },
      rows: (range) => this.#walk(range),
      close: async () => {},
    };
  }

  async *#walk({ from, before, reverse }: KeyRange): AsyncGenerator<readonly [string, string]> {
    const found = [...this.rows].filter(([key]) => compareKeys(key, from) >= 0 && compareKeys(key, before) < 0);
    found.sort(([a], [b]) => compareKeys(a, b));
    yield* reverse ? found.reverse() : found;
  }
}
