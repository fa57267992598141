import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts CPU time for user space in these (USER_HZ), whatever its own tick is. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** What a process has used so far. Times in seconds. */
export interface ProcessCost {
  /** User and system time of all its threads. */
  readonly cpu: number;
  /** The same of its children that have ended and were waited for, such as decoders. */
  readonly childrenCpu: number;
  /** Per thread, living ones only. */
  readonly threads: ReadonlyMap<string, number>;
  readonly rssBytes: number;
  /** Process clock in ms at which this was read. */
  readonly at: number;
}

export interface CoreTime {
  /** All that was not idle, and what the hypervisor took away. */
  readonly busy: number;
  readonly steal: number;
}

export function readProcessCost(pid: number): ProcessCost {
  const at = performance.now();
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = times(`/proc/${pid}/stat`);
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  const threads = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [user = 0, system = 0] = times(`/proc/${pid}/task/${thread}/stat`);
    threads.set(thread, user + system);
  }
  return {
    cpu: user + system,
    childrenCpu: childUser + childSystem,
    threads,
    rssBytes: pages * PAGE_BYTES,
    at,
  };
}

/** CPU seconds of the busiest thread between two readings. */
export function busiestThread(before: ProcessCost, after: ProcessCost): number {
  return Math.max(0, ...[...after.threads].map(([thread, cpu]) => cpu - (before.threads.get(thread) ?? 0)));
}

/** Seconds that a core has worked since the machine started; of all cores together when none is named. */
export function readCoreTime(core: number | undefined): CoreTime {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((text) => text.startsWith(core === undefined ? 'cpu ' : `cpu${core} `));
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (line ?? '')
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS_PER_SECOND);
  return { busy: user + nice + system + irq + softirq + steal, steal };
}

/** utime, stime, cutime and cstime of a stat file, in seconds: fields 14 to 17, counted from 1. */
function times(path: string): number[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // A thread may end between the listing and the reading.
    return [];
  }
  // The name in brackets is field 2 and may hold spaces.
  const fromThird = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fromThird.slice(11, 15).map((ticks) => Number(ticks) / TICKS_PER_SECOND);
}
