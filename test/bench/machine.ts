import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

/** What a figure was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Of the code under test; `+` when there are changes that are not committed. */
  readonly commit: string;
  readonly date: string;
}

/** Which core does what. Undefined: `taskset` is missing or there is one core only, and nothing is pinned. */
export interface Cores {
  readonly server: number | undefined;
  readonly load: number | undefined;
  /** The process that signals, asks the API and serves clips. */
  readonly driver: number | undefined;
  readonly count: number;
}

export const UNPINNED: Cores = { server: undefined, load: undefined, driver: undefined, count: cpus().length };

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** The server has the first core to itself; the load another; signalling a third where there is one. */
export function chooseCores(): Cores {
  const count = cpus().length;
  const canPin = count > 1 && ['taskset', 'setsid'].every((name) => spawnSync(name, ['--version']).status === 0);
  if (!canPin) return UNPINNED;
  return { server: 0, load: 1, driver: count > 2 ? 2 : 1, count };
}

/** What is put before a command to start it on these cores; nothing where nothing is pinned. */
export function onCores(cores: string | number | undefined): readonly string[] {
  // A session of its own, so that `shield` weighs this process and nothing else.
  return cores === undefined ? [] : ['setsid', 'taskset', '-c', String(cores)];
}

/**
 * Gives a process started with `onCores` far more weight than whatever else runs on its core, as far as the kernel lets
 * us: other work then disturbs the measurement less. False where that is not possible.
 */
export function shield(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '-18');
    return true;
  } catch {
    return false;
  }
}

/** Moves a running process, all its threads, to these cores. */
export function pin(pid: number, cores: string): void {
  execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' });
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'server', 'media', 'package-lock.json');
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
