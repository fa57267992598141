import { badField } from '../errors.ts';

/*
 * The filters that lists have in common. Each gives tests that an item has to pass, none where the query does not ask;
 * parameters that nobody knows are left alone.
 */

export type Test<T> = (item: T) => boolean;

const COMPARISONS = {
  gt: (a: number, b: number) => a > b,
  gte: (a: number, b: number) => a >= b,
  lt: (a: number, b: number) => a < b,
  lte: (a: number, b: number) => a <= b,
} as const;
const TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[ T]((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?(?:\.(\d{1,6}))?(?:Z|\+00:00)?$/;

/** There are no subaccounts, so nothing belongs to one. */
export function accountTests(query: URLSearchParams, field = 'sub_account'): (() => boolean)[] {
  const text = query.get(field);
  if (!text) return [];
  if (!/^SA[A-Z0-9]{18}$/.test(text)) throw badField(field, 'must be SA and 18 capitals or digits');
  return [() => false];
}

/** Exactly this text. */
export function textTests<T>(query: URLSearchParams, field: string, textOf: (item: T) => string | null): Test<T>[] {
  const text = query.get(field);
  return text ? [(item) => textOf(item) === text] : [];
}

/**
 * One end of a call: a telephone number, a user or an address, as the call has it. Without a host it is asked for by its
 * number or user alone, of which `prefix` takes the beginning for the whole.
 */
export function partyTests<T>(
  query: URLSearchParams,
  field: string,
  partyOf: (item: T) => string | null,
  { prefix = false } = {},
): Test<T>[] {
  const text = query.get(field);
  if (!text) return [];
  const wanted = nameIn(text);
  return [
    (item) => {
      const party = partyOf(item);
      if (party === null) return false;
      if (text.includes('@')) return party === text;
      return prefix ? nameIn(party).startsWith(wanted) : nameIn(party) === wanted;
    },
  ];
}

/** `4930111` of `sip:+4930111@trunk.example;user=phone`. */
function nameIn(party: string): string {
  const [name = ''] = party.replace(/^sips?:/i, '').split(/[@;]/);
  return name.replace(/^\+/, '');
}

/** A whole number: exactly this, or `__gt` and its like. */
export function numberTests<T>(query: URLSearchParams, field: string, numberOf: (item: T) => number): Test<T>[] {
  return comparedTests(query, field, numberOf, parseNumber, (a, b) => a === b);
}

/** A time: exactly then, or `__gt` and its like. */
export function timeTests<T>(query: URLSearchParams, field: string, timeOf: (item: T) => Date | undefined): Test<T>[] {
  const ms = (item: T): number => timeOf(item)?.getTime() ?? Number.NaN;
  // Answers show whole seconds, so that is what an exact time can mean.
  return comparedTests(query, field, ms, parseTime, (a, b) => Math.floor(a / 1000) === Math.floor(b / 1000));
}

function comparedTests<T>(
  query: URLSearchParams,
  field: string,
  read: (item: T) => number,
  parse: (name: string, text: string) => number,
  equal: (a: number, b: number) => boolean,
): Test<T>[] {
  const tests: Test<T>[] = [];
  const add = (name: string, compare: (a: number, b: number) => boolean): void => {
    const text = query.get(name);
    if (!text) return;
    const bound = parse(name, text);
    tests.push((item) => compare(read(item), bound));
  };
  add(field, equal);
  // One SDK loses an underscore of some of these on the wire.
  for (const [word, compare] of Object.entries(COMPARISONS))
    for (const name of [`${field}__${word}`, `${field}_${word}`]) add(name, compare);
  return tests;
}

function parseNumber(name: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw badField(name, 'must be a whole number');
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
