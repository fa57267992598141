import { badField } from '../errors.ts';
import type { ApiRequest } from './resource.ts';

/** Plivo's most and default for a page. */
export const PAGE_LIMIT = 20;

/** One page of a list in Plivo's envelope. `path` is that of the list itself, for the links to its neighbours. */
export function page<T>(
  request: ApiRequest,
  path: string,
  items: readonly T[],
  present: (item: T) => Record<string, unknown>,
  maxLimit: number = PAGE_LIMIT,
): Record<string, unknown> {
  const place = placeOf(request, maxLimit);
  const { offset, limit } = place;
  return envelope(request, path, place, items.length, items.slice(offset, offset + limit).map(present));
}

/** Those of a list that is walked that pass a test. */
export async function* filtered<T>(items: AsyncIterable<T>, matches: (item: T) => boolean): AsyncGenerator<T> {
  for await (const item of items) if (matches(item)) yield item;
}

/** The same of a list that is walked and not held. */
export async function pageOf<T>(
  request: ApiRequest,
  path: string,
  items: AsyncIterable<T>,
  present: (item: T) => Record<string, unknown>,
  maxLimit: number = PAGE_LIMIT,
): Promise<Record<string, unknown>> {
  const place = placeOf(request, maxLimit);
  const objects: Record<string, unknown>[] = [];
  let count = 0;
  for await (const item of items) {
    if (count >= place.offset && objects.length < place.limit) objects.push(present(item));
    count += 1;
  }
  return envelope(request, path, place, count, objects);
}

interface Place {
  readonly limit: number;
  readonly offset: number;
}

function placeOf({ query }: ApiRequest, maxLimit: number): Place {
  return {
    limit: pageNumber(query, 'limit', 1, maxLimit) ?? maxLimit,
    offset: pageNumber(query, 'offset', 0, Number.MAX_SAFE_INTEGER) ?? 0,
  };
}

function envelope(
  request: ApiRequest,
  path: string,
  { limit, offset }: Place,
  count: number,
  objects: readonly Record<string, unknown>[],
): Record<string, unknown> {
  const link = (at: number): string => {
    const query = new URLSearchParams(request.query);
    query.set('limit', String(limit));
    query.set('offset', String(at));
    return `${path}?${query}`;
  };
  return {
    meta: {
      count,
      limit,
      next: offset + limit < count ? link(offset + limit) : null,
      offset,
      previous: offset > 0 ? link(Math.max(0, offset - limit)) : null,
      // One SDK reads this name and no other.
      total_count: count,
    },
    objects,
  };
}

function pageNumber(query: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw badField(name, max === Number.MAX_SAFE_INTEGER ? `must be ${min} or more` : `must be ${min} to ${max}`);
}
