import { z } from 'zod';
import { field, textToNumber, whole } from '../body-values.ts';
import { readQuery } from './fields.ts';
import type { ApiRequest } from './resource.ts';

/** Plivo's most and default for a page. */
const PAGE_LIMIT = 20;
const OFFSET = 'must be a whole number, 0 or more';

/** What every list reads of its query. */
export function pageSchema(maxLimit: number) {
  return z.object({
    limit: whole('How many at most', 1, maxLimit, maxLimit),
    offset: field('How many are left out before them', z.int(OFFSET).min(0, OFFSET).default(0), textToNumber),
  });
}

/** That of most lists. */
export const PAGE = pageSchema(PAGE_LIMIT);

type PageSchema = typeof PAGE;

/** One page of a list in Plivo's envelope. `path` is that of the list itself, for the links to its neighbours. */
export function page<T>(
  request: ApiRequest,
  path: string,
  items: readonly T[],
  present: (item: T) => Record<string, unknown>,
  schema: PageSchema = PAGE,
): Record<string, unknown> {
  const place = readQuery(schema, request.query);
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
  schema: PageSchema = PAGE,
): Promise<Record<string, unknown>> {
  const place = readQuery(schema, request.query);
  const objects: Record<string, unknown>[] = [];
  let count = 0;
  for await (const item of items) {
    if (count >= place.offset && objects.length < place.limit) objects.push(present(item));
    count += 1;
  }
  return envelope(request, path, place, count, objects);
}

function envelope(
  request: ApiRequest,
  path: string,
  { limit, offset }: z.output<PageSchema>,
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
