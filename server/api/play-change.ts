import { z } from 'zod';
import { number, word } from '../body-values.ts';
import { badField } from '../errors.ts';
import type { PlayChange } from '../mpc/index.ts';
import { bodySchema, read } from './fields.ts';
import { GAIN_DB, MAX_FADE_MS, MAX_POSITION_MS } from './play-body.ts';
import type { Body } from './resource.ts';

/** Fast enough to feel immediate, slow enough not to be heard as a click. */
const RAMP_MS = 200;

const CHANGE = z.object({
  action: word('Needed unless there is another change', ['pause', 'resume']),
  position_ms: number('Goes there in the current file', 0, MAX_POSITION_MS),
  by_ms: number('Goes on or back by so much; not with position_ms', -MAX_POSITION_MS, MAX_POSITION_MS),
  volume: number('Goes to this gain in dB', GAIN_DB.softest, GAIN_DB.loudest),
  ramp_ms: number(`How long the volume takes to change; ${RAMP_MS} unless said`, 0, MAX_FADE_MS),
});

/** All of it, for the document. */
export const PLAY_CHANGE = bodySchema(
  {
    title: 'ChangePlay',
    example: { volume: -18, ramp_ms: 500 },
    needsOne: [['action'], ['position_ms'], ['by_ms'], ['volume']],
  },
  CHANGE,
);

/** What a POST to a play asks for: at least one change, and none that contradicts another. */
export function parsePlayChange(body: Body): PlayChange {
  const { action, position_ms: toMs, by_ms: byMs, volume: gainDb, ramp_ms: rampMs } = read(CHANGE, body);
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
