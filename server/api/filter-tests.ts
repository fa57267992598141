import { z } from 'zod';
import { field, text, textToNumber, wholeFrom, wrong } from '../body-values.ts';

/*
 * The filters that lists have in common: fields that a query is read with, and from what was read the tests that an item
 * has to pass, none where the query does not ask. Parameters that nobody knows are left alone.
 */

export type Test<T> = (item: T) => boolean;

const COMPARISONS = {
  gt: { about: 'more than', holds: (a: number, b: number) => a > b },
  gte: { about: 'at least', holds: (a: number, b: number) => a >= b },
  lt: { about: 'less than', holds: (a: number, b: number) => a < b },
  lte: { about: 'at most', holds: (a: number, b: number) => a <= b },
} as const;
type Comparison = keyof typeof COMPARISONS;
const WORDS = Object.keys(COMPARISONS) as readonly Comparison[];

/** What is compared is read as a number: of a time its ms since 1970. */
type Compared<F extends string> = Record<F | `${F}__${Comparison}`, z.ZodType<number | undefined>>;
type Given = Readonly<Record<string, unknown>>;

const MAX_NUMBER = 999_999_999;
const TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[ T]((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?(?:\.(\d{1,6}))?(?:Z|\+00:00)?$/;

/** There are no subaccounts, so nothing belongs to one. */
export const accountField = field(
  'SA and 18 capitals or digits; nothing is found: there are no subaccounts',
  z
    .string()
    .regex(/^SA[A-Z0-9]{18}$/, 'must be SA and 18 capitals or digits')
    .optional(),
);

export function accountTests(account: string | undefined): Test<unknown>[] {
  return account === undefined ? [] : [() => false];
}

/** Exactly this text. */
export function textTests<T>(asked: string | undefined, textOf: (item: T) => string | null): Test<T>[] {
  return asked === undefined ? [] : [(item) => textOf(item) === asked];
}

/** One end of a call: a telephone number, a user or an address, as the call has it. */
export const partyField = (about: string) => text(`${about}: a number or a user, or with its host an address`);

/** Without a host a party is asked for by its number or user alone, of which `prefix` takes the beginning for the whole. */
export function partyTests<T>(
  asked: string | undefined,
  partyOf: (item: T) => string | null,
  { prefix = false } = {},
): Test<T>[] {
  if (asked === undefined) return [];
  const wanted = nameIn(asked);
  return [
    (item) => {
      const party = partyOf(item);
      if (party === null) return false;
      if (asked.includes('@')) return party === asked;
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
export function numberFields<const F extends string>(name: F, about: string): Compared<F> {
  return compared(name, about, (each) => field(each, wholeFrom(0, MAX_NUMBER).optional(), textToNumber));
}

export function numberTests<T>(given: Given, name: string, numberOf: (item: T) => number): Test<T>[] {
  return comparedTests(given, name, numberOf, (a, b) => a === b);
}

/** A time: exactly then, or `__gt` and its like. */
export function timeFields<const F extends string>(name: F, about: string): Compared<F> {
  const utc = `${about}, in UTC as YYYY-MM-DD HH:MM[:SS[.ffffff]]`;
  return compared(name, utc, (each) => field(each, z.string().transform(parseTime).optional()));
}

export function timeTests<T>(given: Given, name: string, timeOf: (item: T) => Date | undefined): Test<T>[] {
  const ms = (item: T): number => timeOf(item)?.getTime() ?? Number.NaN;
  // Answers show whole seconds, so that is what an exact time can mean.
  return comparedTests(given, name, ms, (a, b) => Math.floor(a / 1000) === Math.floor(b / 1000));
}

/** One SDK loses an underscore of some of these on the wire. */
export function withUnderscores(query: URLSearchParams, ...names: readonly string[]): URLSearchParams {
  const whole = new URLSearchParams(query);
  for (const name of names)
    for (const word of WORDS) {
      const lost = query.get(`${name}_${word}`);
      if (lost && !query.get(`${name}__${word}`)) whole.set(`${name}__${word}`, lost);
    }
  return whole;
}

function compared<const F extends string>(
  name: F,
  about: string,
  make: (about: string) => z.ZodType<number | undefined>,
): Compared<F> {
  const bounds = WORDS.map((word) => [`${name}__${word}`, make(`${about}: ${COMPARISONS[word].about} this`)] as const);
  return Object.fromEntries([[name, make(about)], ...bounds]) as Compared<F>;
}

function comparedTests<T>(
  given: Given,
  name: string,
  numberOf: (item: T) => number,
  equal: (a: number, b: number) => boolean,
): Test<T>[] {
  const tests: Test<T>[] = [];
  const add = (bound: unknown, holds: (a: number, b: number) => boolean): void => {
    if (typeof bound === 'number') tests.push((item) => holds(numberOf(item), bound));
  };
  add(given[name], equal);
  for (const word of WORDS) add(given[`${name}__${word}`], COMPARISONS[word].holds);
  return tests;
}

/** `YYYY-MM-DD HH:MM[:ss[.uuuuuu]]` in UTC, as ms since 1970. */
function parseTime(text: string, context: z.RefinementCtx): number {
  const match = TIME.exec(text);
  const fraction = match?.[4]?.slice(0, 3);
  const time = match
    ? Date.parse(`${match[1]}T${match[2]}${match[3] ?? ':00'}${fraction === undefined ? '' : `.${fraction}`}Z`)
    : Number.NaN;
  // A day that its month does not have rolls over into the next one.
  if (!Number.isNaN(time) && new Date(time).toISOString().startsWith(match?.[1] ?? '-')) return time;
  return wrong(context, 'must be a time in UTC such as 2026-01-31 09:30:00');
}
