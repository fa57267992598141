import type { HistogramSnapshot, QualitySnapshot, WorkerSnapshot } from '../engine.ts';

/** What a mixer thread counts from 0 again when another takes its place; the rest of a snapshot tells of now. */
const COUNTS = [
  'ticks',
  'ticksSkipped',
  'rtpIn',
  'rtpOut',
  'rtpLost',
  'rtpReordered',
  'rtpResyncs',
  'rtpRecovered',
  'digitsDropped',
  'rtpRebinds',
  'framesConcealed',
  'stretches',
] as const satisfies readonly (keyof WorkerSnapshot)[];

/** The counts of a mixer thread on top of those of the threads that had its place before: counters never go back. */
export function withTotals(before: WorkerSnapshot | undefined, now: WorkerSnapshot): WorkerSnapshot {
  if (!before) return now;
  const sums = Object.fromEntries(COUNTS.map((name) => [name, before[name] + now[name]])) as Record<
    (typeof COUNTS)[number],
    number
  >;
  const rtpDiscarded: Record<string, number> = { ...before.rtpDiscarded };
  for (const [reason, count] of Object.entries(now.rtpDiscarded))
    rtpDiscarded[reason] = (rtpDiscarded[reason] ?? 0) + count;
  const { jitter, roundTrip, playoutDelay, mos } = before.quality;
  const quality: QualitySnapshot = {
    jitter: added(jitter, now.quality.jitter),
    roundTrip: added(roundTrip, now.quality.roundTrip),
    playoutDelay: added(playoutDelay, now.quality.playoutDelay),
    mos: added(mos, now.quality.mos),
  };
  const { lateness, duration } = before;
  return {
    ...now,
    ...sums,
    rtpDiscarded,
    quality,
    lateness: added(lateness, now.lateness),
    duration: added(duration, now.duration),
  };
}

function added(before: HistogramSnapshot, now: HistogramSnapshot): HistogramSnapshot {
  return {
    bounds: now.bounds,
    counts: now.counts.map((count, bucket) => count + (before.counts[bucket] ?? 0)),
    sum: before.sum + now.sum,
  };
}
