import { mkdir, rename } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';

/** One change of one row; undefined takes the row away. */
export interface RowWrite {
  readonly key: string;
  readonly text: string | undefined;
}

/** Keys from `from` (included) to `before` (not included), in the order of their UTF-8 bytes. */
export interface KeyRange {
  readonly from: string;
  readonly before: string;
  readonly reverse: boolean;
}

/** Where rows of text lie when the process is gone. Everything may reject: disks do. */
export interface Disk {
  get(key: string): Promise<string | undefined>;
  /** All of them or none. */
  write(rows: readonly RowWrite[]): Promise<void>;
  /** As they were when the walk began. */
  rows(range: KeyRange): AsyncIterable<readonly [string, string]>;
  close(): Promise<void>;
}

/** Why a disk cannot be opened: another process has it, we may not write there, it is full, or something else. */
export type DiskTrouble = 'locked' | 'denied' | 'full' | 'broken';

export type DiskResult =
  | {
      readonly ok: true;
      readonly disk: Disk;
      /** The folder to which rows went that could not be read: then this disk begins empty. */
      readonly setAside?: string;
    }
  | { readonly ok: false; readonly trouble: DiskTrouble; readonly detail: string };

const OWNER_ONLY = 0o700;

/**
 * Opens the LevelDB in a folder of its own, which one process at a time may have. What was written survives the end of
 * the process however sudden; a power cut may take the last moments. `stamp` names a folder that is set aside.
 */
export async function openDisk(folder: string, stamp: string): Promise<DiskResult> {
  try {
    await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
    return { ok: true, disk: await openLevel(folder) };
  } catch (error) {
    const failed = troubleOf(error);
    if (codeOf(error) !== 'LEVEL_CORRUPTION') return failed;
  }
  try {
    await ClassicLevel.repair(folder);
    return { ok: true, disk: await openLevel(folder) };
  } catch (error) {
    if (codeOf(error) !== 'LEVEL_CORRUPTION') return troubleOf(error);
  }
  try {
    const setAside = `${folder}.unreadable-${stamp}`;
    await rename(folder, setAside);
    await mkdir(folder, { recursive: true, mode: OWNER_ONLY });
    return { ok: true, disk: await openLevel(folder), setAside };
  } catch (error) {
    return troubleOf(error);
  }
}

async function openLevel(folder: string): Promise<Disk> {
  const level = new ClassicLevel<string, string>(folder);
  try {
    await level.open();
  } catch (error) {
    await level.close().catch(() => {});
    throw error;
  }
  return {
    get: (key) => level.get(key),
    write: (rows) =>
      level.batch(
        rows.map(({ key, text }) => (text === undefined ? { type: 'del', key } : { type: 'put', key, value: text })),
      ),
    rows: ({ from, before, reverse }) => level.iterator({ gte: from, lt: before, reverse }),
    close: () => level.close(),
  };
}

/** The library's own "not open" hides why in its cause. */
function reasonOf(error: unknown): NodeJS.ErrnoException {
  const { cause } = error as { cause?: unknown };
  return (cause instanceof Error ? cause : error) as NodeJS.ErrnoException;
}

function codeOf(error: unknown): string {
  return reasonOf(error).code ?? '';
}

/** LevelDB tells of the system's errors in their English text alone. */
function troubleOf(error: unknown): DiskResult & { ok: false } {
  const { code = '', message } = reasonOf(error);
  const detail = code === '' || message.includes(code) ? message : `${code}: ${message}`;
  const told = (pattern: RegExp): boolean => pattern.test(`${code} ${message}`);
  if (code === 'LEVEL_LOCKED') return { ok: false, trouble: 'locked', detail };
  if (told(/ENOSPC|EDQUOT|EMFILE|ENFILE|No space left|quota exceeded|Too many open files/i))
    return { ok: false, trouble: 'full', detail };
  if (told(/EACCES|EPERM|EROFS|ENOTDIR|EEXIST|denied|not permitted|Read-only|Not a directory|File exists/i))
    return { ok: false, trouble: 'denied', detail };
  return { ok: false, trouble: 'broken', detail };
}
