/** One isolate's garbage collections, as Node's `--trace-gc` tells them. Times in ms. */
export interface Garbage {
  /** Address of the isolate: one for the main thread, one for each mixer. */
  readonly isolate: string;
  readonly young: number;
  readonly full: number;
  readonly totalMs: number;
  readonly longestMs: number;
}

interface Count {
  young: number;
  full: number;
  totalMs: number;
  longestMs: number;
}

// [12:0x5581]   123 ms: Scavenge 3.1 (4.2) -> 2.5 (5.2) MB, 0.5 / 0.0 ms …
const LINE = /\[\d+:(0x[0-9a-f]+)\] +\d+ ms: (Scavenge|Mark-Compact|Mark-sweep).*? MB, ([\d.]+) \/ /;

/** Collections per isolate in the order in which they first collected. */
export function readGarbage(log: string): Garbage[] {
  const isolates = new Map<string, Count>();
  for (const line of log.split('\n')) {
    const match = LINE.exec(line);
    if (!match) continue;
    const [, isolate = '', kind, pause] = match;
    const count = isolates.get(isolate) ?? { young: 0, full: 0, totalMs: 0, longestMs: 0 };
    isolates.set(isolate, count);
    if (kind === 'Scavenge') count.young += 1;
    else count.full += 1;
    count.totalMs += Number(pause);
    count.longestMs = Math.max(count.longestMs, Number(pause));
  }
  return [...isolates].map(([isolate, count]) => ({ isolate, ...count }));
}
