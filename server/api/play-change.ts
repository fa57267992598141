import { badField } from '../errors.ts';
import type { PlayChange } from '../mpc/index.ts';
import { numberField, wordField } from './fields.ts';
import type { Body } from './resource.ts';

const DAY_MS = 24 * 3600 * 1000;
const MAX_RAMP_MS = 60_000;
/** Fast enough to feel immediate, slow enough not to be heard as a click. */
const RAMP_MS = 200;

/** What a POST to a play asks for: at least one change, and none that contradicts another. */
export function parsePlayChange(body: Body): PlayChange {
  const action = wordField(body, 'action', ['pause', 'resume']);
  const toMs = numberField(body, 'position_ms', { min: 0, max: DAY_MS });
  const byMs = numberField(body, 'by_ms', { min: -DAY_MS, max: DAY_MS });
  const gainDb = numberField(body, 'volume', { min: -60, max: 20 });
  const rampMs = numberField(body, 'ramp_ms', { min: 0, max: MAX_RAMP_MS });
  if (toMs !== undefined && byMs !== undefined) throw badField('by_ms', 'cannot go with position_ms');
  if (rampMs !== undefined && gainDb === undefined) throw badField('ramp_ms', 'goes with volume only');
  if (action === undefined && toMs === undefined && byMs === undefined && gainDb === undefined)
    throw badField('action', 'must be pause or resume, unless there is position_ms, by_ms or volume');
  return {
    paused: action === undefined ? undefined : action === 'pause',
    seek: toMs !== undefined ? { toMs } : byMs !== undefined ? { byMs } : undefined,
    volume: gainDb === undefined ? undefined : { gainDb, rampMs: rampMs ?? RAMP_MS },
  };
}
