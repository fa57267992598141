import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../machine.ts';
import type { PartResult } from '../part.ts';

/** Everything a run of the benchmark measured, as it is kept. */
export interface Results {
  readonly machine: Machine;
  readonly size: string;
  readonly generator: { readonly pinned: boolean; readonly realtime: boolean };
  readonly parts: Readonly<Record<string, PartResult>>;
}

/** Writes one JSON file into `folder`; returns its path. */
export function keepResults(folder: string, results: Results): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `bench-${results.machine.date.replaceAll(/[:.]/g, '-')}.json`);
  writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
  return path;
}
