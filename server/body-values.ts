import { z } from 'zod';

/*
 * What fields of bodies and queries are made of. Each is read leniently, as SDKs write it, and is documented as what it is
 * then held to: one schema does both.
 */

export type UrlVerdict = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** What is asked of a URL before we connect to it. */
export interface UrlRules {
  readonly maxUrlLength: number;
  /** The check of a URL that needs no network: scheme, address, port. */
  readonly checkUrl: (url: string) => UrlVerdict;
}

export const HTTP_METHODS = ['GET', 'POST'] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

type Lenient = (value: unknown) => unknown;

const asIs: Lenient = (value) => value;
const wordToFlag: Lenient = (value) =>
  typeof value === 'string' && /^(true|false)$/i.test(value) ? value.toLowerCase() === 'true' : value;
/** The number that a text is. */
export const textToNumber: Lenient = (value) =>
  typeof value === 'string' && /^-?[0-9]{1,12}(\.[0-9]{1,6})?$/.test(value) ? Number(value) : value;

/** For what may be a boolean or a number. */
export const flagOrNumber: Lenient = (value) => textToNumber(wordToFlag(value));

/** A field whose value `lenient` brings into the form that `schema` checks. Null and empty text are as absent: so SDKs send what
 * their caller left out. */
export function field<S extends z.ZodType>(about: string, schema: S, lenient: Lenient = asIs): z.ZodPreprocess<S> {
  const read = z.preprocess((value) => ((value ?? '') === '' ? undefined : lenient(value)), schema);
  return about === '' ? read : read.meta({ description: about });
}

/** What stands for a field that is absent. */
function or<T>(schema: z.ZodType<T>, fallback: T | undefined): z.ZodType<T | undefined> {
  // What zod asks of a default is that it is not undefined.
  return fallback === undefined ? schema.optional() : schema.default(fallback as Parameters<typeof schema.default>[0]);
}

/** SDKs send booleans as JSON booleans or as words. */
export function flag(about: string, fallback: boolean): z.ZodType<boolean>;
export function flag(about: string): z.ZodType<boolean | undefined>;
export function flag(about: string, fallback?: boolean): z.ZodType<boolean | undefined> {
  return field(about, or(z.boolean('must be true or false'), fallback), wordToFlag);
}

/** A number that may be written as text. */
export function number(about: string, min: number, max: number, fallback: number): z.ZodType<number>;
export function number(about: string, min: number, max: number): z.ZodType<number | undefined>;
export function number(about: string, min: number, max: number, fallback?: number): z.ZodType<number | undefined> {
  return field(about, or(numberFrom(min, max), fallback), textToNumber);
}

/** A whole number that may be written as text. */
export function whole(about: string, min: number, max: number, fallback: number): z.ZodType<number>;
export function whole(about: string, min: number, max: number): z.ZodType<number | undefined>;
export function whole(about: string, min: number, max: number, fallback?: number): z.ZodType<number | undefined> {
  return field(about, or(wholeFrom(min, max), fallback), textToNumber);
}

export function numberFrom(min: number, max: number): z.ZodNumber {
  const expected = `must be a number from ${min} to ${max}`;
  return z.number(expected).min(min, expected).max(max, expected);
}

export function wholeFrom(min: number, max: number): z.ZodInt {
  const expected = `must be a whole number from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
}

/** One of a closed set of words, in any case. */
export function word<const T extends string>(about: string, words: readonly T[], fallback: NoInfer<T>): z.ZodType<T>;
export function word<const T extends string>(about: string, words: readonly T[]): z.ZodType<T | undefined>;
export function word<const T extends string>(
  about: string,
  words: readonly T[],
  fallback?: NoInfer<T>,
): z.ZodType<T | undefined> {
  const known = (value: unknown): unknown =>
    typeof value === 'string' ? (words.find((each) => each.toLowerCase() === value.toLowerCase()) ?? value) : value;
  const schema: z.ZodType<T> = z.enum(words, `must be one of ${words.join(', ')}`);
  return field(about, or(schema, fallback), known);
}

/** How what `of` names is called. */
export function method(of: string, fallback: HttpMethod): z.ZodType<HttpMethod> {
  return word(`How ${of} is called`, HTTP_METHODS, fallback);
}

export function text(about: string): z.ZodType<string | undefined> {
  return field(about, z.string('must be text').optional());
}

/** Text of which nothing is left when it is blank, as SDKs send what their caller left out; numbers are their digits. */
export function filled<S extends z.ZodType>(about: string, schema: S): z.ZodPreprocess<S> {
  return field(about, schema, trimmed);
}

function trimmed(value: unknown): unknown {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' ? text.trim() || undefined : text;
}

/** A URL that we are to call, with its fragment, which is Plivo's tuning. */
export function url(about: string, rules: UrlRules): z.ZodType<URL | undefined> {
  return field(about, checkedUrl(rules).optional());
}

/** Checked like a URL to play, for we connect to it as well. */
export function checkedUrl({ maxUrlLength, checkUrl }: UrlRules, missing: string = 'must be a URL'): z.ZodType<URL> {
  return z
    .string(missing)
    .max(maxUrlLength, `must be at most ${maxUrlLength} characters`)
    .meta({ format: 'uri' })
    .transform((value, context) => {
      const verdict = checkUrl(value);
      return verdict.ok ? new URL(value) : wrong(context, `cannot be called: ${verdict.message}`);
    });
}

/** A comma list or a JSON list, numbers as their digits; each item must be one that `parse` knows, and none counts twice. */
export function list<T extends string>(
  about: string,
  expected: string,
  parse: (item: string) => T | undefined,
  maxItems: number = Number.POSITIVE_INFINITY,
): z.ZodType<readonly T[]> {
  const item = z.union([z.string(), z.number()], expected);
  return field(
    about,
    z
      .union([item, z.array(item)], expected)
      .optional()
      .transform((value, context) => {
        const items = typeof value === 'string' ? value.split(/ ?, ?/) : [value ?? []].flat();
        const parsed = new Set(items.map((each) => parse(String(each))));
        const isRight = parsed.size <= maxItems && [...parsed].every((each) => each !== undefined);
        return isRight ? ([...parsed] as T[]) : wrong(context, expected);
      }),
  );
}

/** Refuses a value with what it should be; the name of the field stands before it. */
export function wrong(context: z.RefinementCtx, expected: string): never {
  context.addIssue({ code: 'custom', message: expected });
  return z.NEVER;
}

/** The first thing that is wrong with a body. */
export interface Problem {
  /** The innermost field it is in. */
  readonly field: string;
  /** What it should be; follows the field's name in a sentence. */
  readonly expected: string;
}

export function problemOf({ issues }: z.ZodError): Problem {
  return problemIn(issues[0], []);
}

function problemIn(issue: z.core.$ZodIssue | undefined, above: readonly PropertyKey[]): Problem {
  const path = [...above, ...(issue?.path ?? [])];
  // Of what may have several forms, what is wrong inside one of them says more than that it is none of them.
  const inner = issue?.code === 'invalid_union' ? issue.errors.flat().find((each) => each.path.length > 0) : undefined;
  if (inner) return problemIn(inner, path);
  return {
    field: path.findLast((part) => typeof part === 'string') ?? 'the body',
    expected: issue?.message ?? 'is wrong',
  };
}
