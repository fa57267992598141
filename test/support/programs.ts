import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';

/**
 * True when all of these programs are on PATH. Otherwise the test is skipped, which says what is missing; with
 * `CI=true` it fails instead. A test begins with `if (!requireProgram(t, 'sipp')) return;`.
 */
export function requireProgram(t: TestContext, ...names: readonly string[]): boolean {
  const missing = names.filter((name) => !isOnPath(name));
  return missing.length === 0 || lacking(t, `not installed: ${missing.join(', ')}`);
}

/** Skips the test and gives false; with `CI=true` it fails the test. */
export function lacking(t: TestContext, message: string): false {
  if (process.env.CI === 'true') throw new Error(message);
  t.skip(message);
  return false;
}

/** Whether a program of this name can be started. */
export function isOnPath(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
