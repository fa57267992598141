import type { Judgement } from './ledger.ts';
import type { Traffic } from './traffic.ts';
import { slopeOf, type Vitals } from './vitals.ts';

export interface Outcome {
  readonly minutes: number;
  readonly course: readonly Vitals[];
  /** Before the first call, and after the last. */
  readonly idle: Vitals;
  readonly end: Vitals;
  readonly exit: number | null;
  readonly stalledMs: number;
  readonly stumbles: number;
  readonly judgement: Judgement;
  readonly counts: Traffic['counts'];
}

export interface Row {
  readonly what: string;
  readonly value: string;
  /** What it must be. */
  readonly must: string;
  /** Undefined where nothing is promised. */
  readonly ok: boolean | undefined;
}

/** Shorter runs see mostly what the garbage collector has not come round to. */
const SLOPE_COUNTS_FROM_MINUTES = 60;
const MAX_MB_PER_HOUR = 1;
/** Kept connections of a pool, and what a closed socket takes to disappear. */
const SLACK = 8;
const TICK_MS = 20;
const FAILURE_SHARE = 0.01;

/** One row for each thing that may grow, get lost or come twice. */
export function rowsOf(outcome: Outcome): Row[] {
  const { minutes, course, idle, end, exit, stalledMs, stumbles, judgement, counts } = outcome;
  const half = course.slice(Math.floor(course.length / 2));
  const slope = slopeOf(half.map(({ at, rssMb }) => [at / 3600, rssMb]));
  const skipped = end.metrics.get('partyline_ticks_skipped_total') ?? 0;
  const excused = Math.ceil(stalledMs / TICK_MS);
  const metric = (name: string): number => end.metrics.get(name) ?? 0;
  const highest = (of: (vitals: Vitals) => number): number => Math.max(...course.map(of));
  const judged = (what: string, value: string, must: string, ok: boolean): Row => ({ what, value, must, ok });
  const shown = (what: string, value: string): Row => ({ what, value, must: '', ok: undefined });
  const none = (what: string, of: readonly string[]): Row =>
    judged(what, of.length === 0 ? '0' : `${of.length}: ${of.slice(0, 3).join('; ')}`, '0', of.length === 0);
  const over = (what: string, of: (vitals: Vitals) => number): Row =>
    judged(
      what,
      `${of(idle)} idle, ${highest(of)} at most, ${of(end)} at the end`,
      `idle + ${SLACK} at the end`,
      of(end) <= of(idle) + SLACK,
    );
  const rss = `${slope.toFixed(1)} MB/h (${half[0]?.rssMb.toFixed(0)} to ${half.at(-1)?.rssMb.toFixed(0)} MB)`;
  return [
    shown('length', `${minutes} min`),
    shown('calls', `${counts.calls}, ${counts.refused} refused, ${counts.kicked} kicked, ${counts.ended} MPCs ended`),
    judged(
      'unexpected answers',
      `${counts.failures}`,
      `under ${FAILURE_SHARE * 100} % of calls and plays`,
      counts.failures <= Math.max(1, (counts.calls + judgement.accepted) * FAILURE_SHARE),
    ),
    minutes >= SLOPE_COUNTS_FROM_MINUTES
      ? judged('memory, second half', rss, `under ${MAX_MB_PER_HOUR} MB/h`, slope < MAX_MB_PER_HOUR)
      : shown('memory, second half', `${rss}; too short to judge`),
    over('descriptors', ({ descriptors }) => descriptors),
    over('sockets', ({ sockets }) => sockets),
    judged(
      'child processes',
      `${highest(({ children }) => children)} at most, ${end.children} at the end`,
      '0 at the end',
      end.children === 0,
    ),
    judged(
      'ticks skipped',
      `${skipped} of ${metric('partyline_ticks_total')}`,
      `${excused}: what the machine stood still`,
      skipped <= excused,
    ),
    judged('plays accepted', `${judgement.accepted}`, 'some', judgement.accepted > 0),
    none('plays lost', judgement.lost),
    judged(
      'plays the server counts as ended',
      `${metric('partyline_plays_total')}`,
      'all',
      metric('partyline_plays_total') === judgement.accepted,
    ),
    shown('recordings', `${counts.recordings}`),
    shown('callbacks', `${judgement.events}, after ${stumbles} stumbles of their receiver`),
    none('callbacks missing', judgement.missing),
    none('callbacks doubled', judgement.doubled),
    judged(
      'mixers that died',
      `${metric('partyline_worker_restarts_total')}`,
      '0',
      metric('partyline_worker_restarts_total') === 0,
    ),
    judged('exit code', `${exit}`, '0', exit === 0),
  ];
}

/** As Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const mark = (ok: boolean | undefined): string => (ok === undefined ? '' : ok ? 'yes' : '**NO**');
  return ['| what | value | must be | holds |', '|---|---|---|---|']
    .concat(rows.map(({ what, value, must, ok }) => `| ${what} | ${value} | ${must} | ${mark(ok)} |`))
    .join('\n');
}
