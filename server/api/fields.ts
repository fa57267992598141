import { badField } from '../errors.ts';
import type { Body } from './resource.ts';

/** Reads one field of a body; absent and null are the same to all of these. */
export function numberField(
  body: Body,
  name: string,
  range: { readonly min: number; readonly max: number; readonly whole?: true },
): number | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined) return undefined;
  const number = typeof value === 'string' && /^-?[0-9]{1,12}(\.[0-9]{1,6})?$/.test(value) ? Number(value) : value;
  const isRight =
    typeof number === 'number' &&
    number >= range.min &&
    number <= range.max &&
    (range.whole === undefined || Number.isInteger(number));
  if (isRight) return number;
  throw badField(name, `must be a ${range.whole ? 'whole ' : ''}number from ${range.min} to ${range.max}`);
}

/** SDKs send booleans as JSON booleans or as words. */
export function flagField(body: Body, name: string): boolean | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined || typeof value === 'boolean') return value;
  if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  throw badField(name, 'must be true or false');
}

/** One of a closed set of words, in any case. */
export function wordField<const T extends string>(body: Body, name: string, words: readonly T[]): T | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined) return undefined;
  const found = typeof value === 'string' ? words.find((word) => word === value.toLowerCase()) : undefined;
  if (found !== undefined) return found;
  throw badField(name, `must be one of ${words.join(', ')}`);
}

export function textField(body: Body, name: string): string | undefined {
  const value = body[name] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw badField(name, 'must be text');
}

/** A comma list or a JSON list, numbers as their digits; each item must match. */
export function listField<T extends string>(
  body: Body,
  name: string,
  expected: string,
  parse: (item: string) => T | undefined,
): readonly T[] {
  const value = body[name] ?? [];
  const items = Array.isArray(value) ? value : typeof value === 'number' ? [value] : value;
  const texts = typeof items === 'string' ? items.split(/ ?, ?/) : items;
  if (!Array.isArray(texts)) throw badField(name, expected);
  const parsed = texts.map((text: unknown) =>
    typeof text === 'string' || typeof text === 'number' ? parse(String(text)) : undefined,
  );
  if (parsed.every((item) => item !== undefined)) return [...new Set(parsed)];
  throw badField(name, expected);
}
