import type { Clock } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';
import type { Timeline } from '../store/index.ts';
import type { Folder } from './folder.ts';
import { isOver, type RecordingRow } from './recording-row.ts';

export interface ArchiveLimits {
  /** All files together. */
  readonly totalBytes: number;
  /** Recordings that are remembered. */
  readonly totalCount: number;
  /** How long one stays that is over; undefined: until it is deleted. */
  readonly keptMs: number | undefined;
}

export interface ArchiveObserver {
  /** One that was over was deleted for its age. */
  expired(recording: RecordingRow): void;
  /** What a sudden end left on its way was found at the start. */
  leftover(result: 'adopted' | 'removed', id: string): void;
  /** A file could not be removed. */
  stuck(id: string, detail: string): void;
}

export interface ArchiveDeps {
  readonly folder: Folder;
  /** By their beginning. */
  readonly rows: Pick<Timeline<RecordingRow>, 'put' | 'remove' | 'get' | 'newestFirst' | 'oldestFirst' | 'overdue'>;
  readonly limits: ArchiveLimits;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly observer: ArchiveObserver;
  readonly log: ErrorLog;
}

const SWEEP_MS = 3_600_000;

/** Every recording that is remembered: its row, on disk alone, and how much all of them take. Main thread. */
export class Archive {
  readonly #deps: ArchiveDeps;
  #count = 0;
  #bytes = 0;
  /** One after the other, so that nothing is removed twice. */
  #removals: Promise<unknown> = Promise.resolve();
  #cancelSweep = (): void => {};
  #closed = false;

  constructor(deps: ArchiveDeps) {
    this.#deps = deps;
  }

  get count(): number {
    return this.#count;
  }

  /** What recordings take on disk, growing ones included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there is room for so much more of recordings that there are. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#deps.limits.totalBytes;
  }

  /** Whether there is room for so many more. */
  takes(recordings: number): boolean {
    return this.#count + recordings <= this.#deps.limits.totalCount && this.fits(1);
  }

  /** The files on disk grew by so much, or shrank. */
  grow(bytes: number): void {
    this.#bytes += bytes;
  }

  add(row: RecordingRow): void {
    this.#count += 1;
    this.put(row);
  }

  /** What is known of one that is remembered. */
  put(row: RecordingRow): void {
    void this.#deps.rows.put(row);
  }

  find(id: string): Promise<RecordingRow | undefined> {
    return this.#deps.rows.get(id);
  }

  newestFirst(): AsyncIterable<RecordingRow> {
    return this.#deps.rows.newestFirst();
  }

  /** Removes a recording that is over, its file first. Rejects with the system's errors: then it is still there. */
  remove(id: string): Promise<'removed' | 'unfinished' | 'unknown'> {
    const removed = this.#removals.then(async () => {
      const { folder, rows } = this.#deps;
      const row = await rows.get(id);
      if (!row) return 'unknown';
      if (!isOver(row)) return 'unfinished';
      await folder.remove(id);
      void rows.remove(row);
      this.#count -= 1;
      this.#bytes -= row.bytes ?? 0;
      return 'removed';
    });
    this.#removals = removed.catch(() => {});
    return removed;
  }

  /** Counts what earlier runs of the server left, sees to files on their way, and returns the rows that are not over. */
  async recover(base: string): Promise<readonly RecordingRow[]> {
    const unfinished: RecordingRow[] = [];
    for await (const row of this.#deps.rows.oldestFirst()) {
      this.#count += 1;
      this.#bytes += row.bytes ?? 0;
      if (!isOver(row)) unfinished.push(row);
    }
    for (const { id, kind } of await this.#deps.folder.parts())
      await this.#see(id, kind, base).catch((error: Error) => this.#deps.observer.stuck(id, error.message));
    await this.#sweep();
    return unfinished;
  }

  /** Nothing expires any more. */
  close(): void {
    this.#closed = true;
    this.#cancelSweep();
  }

  /** Of a file on its way: one whose recording is not over goes on, one of nobody is adopted if it is any sound. */
  async #see(id: string, kind: 'wav' | 'mp3', base: string): Promise<void> {
    const { folder, rows, observer } = this.#deps;
    const row = await rows.get(id);
    if (row && !isOver(row)) return;
    // One that failed may have sound that could not be made a file of then.
    const mayBeKept = kind === 'wav' && (row?.bytes ?? null) === null;
    const found = mayBeKept ? await folder.adopt(id) : undefined;
    if (!found) await folder.removePart(id, kind);
    else {
      if (row) this.put({ ...row, format: 'wav', bytes: found.bytes });
      else this.add(adopted(id, found, base));
      this.#bytes += found.bytes;
    }
    observer.leftover(found ? 'adopted' : 'removed', id);
  }

  async #sweep(): Promise<void> {
    const { limits, now, observer, rows } = this.#deps;
    if (limits.keptMs === undefined) return;
    this.#sweepLater();
    const before = now().getTime() - limits.keptMs;
    for await (const row of rows.overdue(before, endOf, () => false)) {
      try {
        if ((await this.remove(row.id)) === 'removed') observer.expired(row);
      } catch (error) {
        observer.stuck(row.id, (error as Error).message);
      }
    }
  }

  #sweepLater(): void {
    const { clock, log } = this.#deps;
    if (this.#closed) return;
    this.#cancelSweep = clock.setTimeout(
      () => inBackground(this.#sweep(), 'the sweeping of recordings', log),
      SWEEP_MS,
    );
  }
}

function endOf(row: RecordingRow): number | undefined {
  return isOver(row) ? Date.parse(row.endedAt ?? row.startedAt) : undefined;
}

/** A wav that nothing is remembered of. */
export interface FoundSound {
  readonly sampleRate: number;
  readonly durationMs: number;
  readonly bytes: number;
  /** When it was last written to. */
  readonly at: Date;
}

/** Whose it was, nobody knows any more. */
function adopted(id: string, { sampleRate, durationMs, bytes, at }: FoundSound, base: string): RecordingRow {
  return {
    id,
    mpcUuid: null,
    mpcName: '',
    memberId: null,
    callUuid: null,
    from: null,
    to: null,
    track: 'mpc',
    state: 'completed',
    format: 'wav',
    sampleRate,
    startedAt: new Date(at.getTime() - durationMs).toISOString(),
    endedAt: at.toISOString(),
    durationMs: Math.round(durationMs),
    bytes,
    missingMs: 0,
    reason: 'server_ended',
    detail: 'found without a word of whose it is',
    base,
    callback: null,
    told: 0,
  };
}
