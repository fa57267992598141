import { setTimeout as wait } from 'node:timers/promises';
import type { Generator, Onset } from './generator.ts';

const POLL_MS = 10;

/** ms of CLOCK_MONOTONIC, the clock on which the generator reports onsets. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When each of these legs first heard what it watches for, after `since`. Legs that hear nothing in time are left out. */
export async function heardAt(
  generator: Generator,
  legs: readonly number[],
  since: number,
  deadlineMs: number,
): Promise<Map<number, number>> {
  const heard = new Map<number, number>();
  const wanted = new Set(legs);
  while (heard.size < wanted.size && monotonicMs() - since < deadlineMs) {
    for (const [leg, kind, at] of await generator.onsets())
      if (kind === 'r' && at >= since && wanted.has(leg) && !heard.has(leg)) heard.set(leg, at);
    if (heard.size < wanted.size) await wait(POLL_MS);
  }
  return heard;
}

/**
 * From each sound that began at a speaker to the moment it was heard by each of its listeners, in ms. `listeners` tells
 * who hears whom; an onset without a counterpart within `mostMs` is left out.
 */
export function mouthToEar(
  onsets: readonly Onset[],
  listeners: ReadonlyMap<number, readonly number[]>,
  mostMs: number,
): number[] {
  const heard = new Map<number, number[]>();
  for (const [leg, kind, at] of onsets) {
    if (kind !== 'r') continue;
    const times = heard.get(leg);
    if (times) times.push(at);
    else heard.set(leg, [at]);
  }
  const delays: number[] = [];
  for (const [speaker, kind, spoken] of onsets) {
    if (kind !== 's') continue;
    for (const listener of listeners.get(speaker) ?? []) {
      const at = heard.get(listener)?.find((time) => time >= spoken && time - spoken <= mostMs);
      if (at !== undefined) delays.push(at - spoken);
    }
  }
  return delays;
}
