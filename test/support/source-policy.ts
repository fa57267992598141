import { parseFetchAllow, type SourcePolicy, sourcePolicy } from '../../media/clip/index.ts';

/** The policy that `FETCH_ALLOW` makes of a text. */
export function parsePolicy(allow: string): SourcePolicy {
  const parsed = parseFetchAllow(allow);
  if (!parsed.ok) throw new Error(parsed.message);
  return sourcePolicy({ allow: parsed.allow });
}
