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
  const limit = pageNumber(request.query, 'limit', 1, maxLimit) ?? maxLimit;
  const offset = pageNumber(request.query, 'offset', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const link = (at: number): string => {
    const query = new URLSearchParams(request.query);
    query.set('limit', String(limit));
    query.set('offset', String(at));
    return `${path}?${query}`;
  };
  const count = items.length;
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
    objects: items.slice(offset, offset + limit).map(present),
  };
}

function pageNumber(query: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw badField(name, max === Number.MAX_SAFE_INTEGER ? `must be ${min} or more` : `must be ${min} to ${max}`);
}
