import { badField } from '../errors.ts';
import type { MpcFacts } from '../history/index.ts';
import { isMpcName, type MpcStatus } from '../mpc/index.ts';
import { endCauseCode } from './present.ts';

type Test<T = MpcFacts> = (item: T) => boolean;

const STATUSES: readonly MpcStatus[] = ['initialized', 'active', 'ended'];
const COMPARISONS = {
  gt: (a: number, b: number) => a > b,
  gte: (a: number, b: number) => a >= b,
  lt: (a: number, b: number) => a < b,
  lte: (a: number, b: number) => a <= b,
} as const;
const TIMES = {
  creation_time: (mpc: MpcFacts) => mpc.createdAt,
  end_time: (mpc: MpcFacts) => mpc.endedAt,
} as const;
const TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[ T]((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?(?:\.(\d{1,6}))?(?:Z|\+00:00)?$/;

/** The filters of the MPC list as one test; parameters it does not know are left alone. */
export function parseMpcFilter(query: URLSearchParams): Test {
  const tests = [...nameTests(query), ...statusTests(query), ...causeTests(query), ...accountTests(query)];
  for (const field of ['creation_time', 'end_time'] as const) tests.push(...timeTests(query, field, TIMES[field]));
  return (mpc) => tests.every((test) => test(mpc));
}

function nameTests(query: URLSearchParams): Test[] {
  const name = query.get('friendly_name');
  if (!name) return [];
  if (!isMpcName(name)) throw badField('friendly_name', 'must be 1 to 128 characters');
  return [(mpc) => mpc.name === name];
}

function statusTests(query: URLSearchParams): Test[] {
  const text = query.get('status');
  if (!text) return [];
  const status = STATUSES.find((known) => known === text.toLowerCase());
  if (!status) throw badField('status', `must be one of ${STATUSES.join(', ')}`);
  return [(mpc) => mpc.status === status];
}

function causeTests(query: URLSearchParams): Test[] {
  const text = query.get('termination_cause_code');
  if (!text) return [];
  if (!/^[0-9]{1,5}$/.test(text)) throw badField('termination_cause_code', 'must be 1000, 1010, 2000 or 3000');
  return [(mpc) => mpc.endCause !== undefined && endCauseCode(mpc.endCause) === Number(text)];
}

/** There are no subaccounts, so nothing belongs to one. */
export function accountTests(query: URLSearchParams, field = 'sub_account'): (() => boolean)[] {
  const text = query.get(field);
  if (!text) return [];
  if (!/^SA[A-Z0-9]{18}$/.test(text)) throw badField(field, 'must be SA and 18 capitals or digits');
  return [() => false];
}

/** The filters of one time of an item: exactly then, or `__gt` and its like. */
export function timeTests<T>(query: URLSearchParams, field: string, timeOf: (item: T) => Date | undefined): Test<T>[] {
  const tests: Test<T>[] = [];
  const exact = query.get(field);
  if (exact) {
    const at = parseTime(field, exact);
    // Answers show whole seconds, so that is what an exact time can mean.
    tests.push((item) => Math.floor((timeOf(item)?.getTime() ?? Number.NaN) / 1000) === Math.floor(at / 1000));
  }
  for (const [word, compare] of Object.entries(COMPARISONS)) {
    // One SDK loses an underscore of some of these on the wire.
    for (const name of [`${field}__${word}`, `${field}_${word}`]) {
      const text = query.get(name);
      if (!text) continue;
      const bound = parseTime(name, text);
      tests.push((item) => {
        const time = timeOf(item);
        return time !== undefined && compare(time.getTime(), bound);
      });
    }
  }
  return tests;
}

/** `YYYY-MM-DD HH:MM[:ss[.uuuuuu]]` in UTC, as ms since 1970. */
function parseTime(name: string, text: string): number {
  const match = TIME.exec(text);
  const fraction = match?.[4]?.slice(0, 3);
  const time = match
    ? Date.parse(`${match[1]}T${match[2]}${match[3] ?? ':00'}${fraction === undefined ? '' : `.${fraction}`}Z`)
    : Number.NaN;
  // A day that its month does not have rolls over into the next one.
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(match?.[1] ?? '-')) return time;
  throw badField(name, 'must be a time in UTC such as 2026-01-31 09:30:00');
}
