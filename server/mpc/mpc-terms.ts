import type { MpcTerms, RecordTerms } from './join-terms.ts';
import { DEFAULT_MPC_TERMS } from './read-terms.ts';

/**
 * An MPC's terms once another member has come with hers. Who came earlier wins: a later member fills in only what still is
 * as it is by default. SDKs send every default in so many words, so a default never counts as somebody's wish.
 */
export function joinedTerms(earlier: MpcTerms | undefined, later: MpcTerms | undefined): MpcTerms | undefined {
  if (!earlier || !later) return earlier ?? later;
  return {
    ...filledIn<MpcTerms>(earlier, later, DEFAULT_MPC_TERMS),
    record: filledIn<RecordTerms>(earlier.record, later.record, DEFAULT_MPC_TERMS.record),
  };
}

function filledIn<T extends object>(earlier: T, later: T, defaults: T): T {
  const filled = { ...earlier };
  for (const key of Object.keys(defaults) as (keyof T)[]) if (earlier[key] === defaults[key]) filled[key] = later[key];
  return filled;
}
