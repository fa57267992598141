import { writeFileSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';

/** util-linux's prlimit: starts a program under limits of its own. */
export const PRLIMIT = '/usr/bin/prlimit';

/** The first program of a name on PATH. */
export async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, name);
    if (await executable(path)) return path;
  }
  return undefined;
}

export async function executable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const DETAIL_LENGTH = 200;

/**
 * Lets everything else on the machine go first. The program was started `detached`: then it has a scheduling group of its
 * own, which otherwise would be ours.
 */
export function stepBack(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
    setPriority(pid, niceness);
  } catch {
    // Not this system, or already gone: it runs at the priority of who started it.
  }
}

/** Ends a program that was started `detached`, and all that it started. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** The last line of what a program said, without anything a terminal or a log would act on. */
export function lastLine(text: string): string {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return line.replace(/[^\x20-\x7e]/g, '?').slice(0, DETAIL_LENGTH);
}
