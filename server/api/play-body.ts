import { z } from 'zod';
import { type Duck, PLAIN_PLAY, type PlayOptions } from '../../media/index.ts';
import {
  field,
  flag,
  flagOrNumber,
  method,
  number,
  numberFrom,
  type UrlRules,
  url,
  whole,
  wholeFrom,
  word,
} from '../body-values.ts';
import { type CallbackTarget, callbackTarget } from '../callbacks/index.ts';
import { badField } from '../errors.ts';
import { read } from './fields.ts';
import type { Body } from './resource.ts';

/** What every kind of play takes besides its sound and its listeners. */
export interface PlayManner {
  readonly options: PlayOptions;
  readonly normalizeLufs: number | undefined;
  readonly callback: CallbackTarget | undefined;
}

const SECOND_MS = 1000;
export const MAX_POSITION_MS = 24 * 3600 * SECOND_MS;
/** Of fades, and of what volumes take to change. */
export const MAX_FADE_MS = 60_000;
export const GAIN_DB = { softest: -60, loudest: 20 } as const;
/** Mono speech that is easy to hear over telephone talkers and leaves room for its peaks: see docs/plays.md. */
const NORMAL_LUFS = -19;
const DUCKED: Duck = { gainDb: -12, attackMs: 100, releaseMs: 400 };

/** Also what an audience is read for: not every audience can be joined later. */
export const LATER_JOINERS = {
  later_joiners: flag('Members who join meanwhile hear it from where it is', PLAIN_PLAY.laterJoiners),
};

const fade = (about: string, fallbackMs: number) => number(about, 0, MAX_FADE_MS, fallbackMs);

const DUCK_NUMBERS = z.object({
  gain_db: number('Gain of live speech in dB', GAIN_DB.softest, 0, DUCKED.gainDb),
  attack_ms: fade('Falls so long', DUCKED.attackMs),
  release_ms: fade('Rises so long', DUCKED.releaseMs),
});

/** Plivo has `length`, `loop` and `mix` of these for calls, and none for members. */
const OPTIONS = {
  length: number('Seconds after which it stops by itself; 0 for no limit', 0, MAX_POSITION_MS / SECOND_MS, 0),
  loop: field(
    'true or 0 repeats until stopped, a number plays the list that often',
    z.union([z.boolean(), wholeFrom(0, 1000)], 'must be true, false or a whole number from 0 to 1000').default(false),
    flagOrNumber,
  ),
  mix: flag('false: the targets hear only the play, and are not heard while it runs', PLAIN_PLAY.mix),
  volume: number('Gain in dB', GAIN_DB.softest, GAIN_DB.loudest, PLAIN_PLAY.gainDb),
  start_ms: number('Where in the first file it begins', 0, MAX_POSITION_MS, PLAIN_PLAY.startMs),
  fade_in_ms: fade('Rises so long at the start', PLAIN_PLAY.fadeInMs),
  fade_out_ms: fade('Falls so long before its end', PLAIN_PLAY.fadeOutMs),
  mode: word(
    'Waits its turn, or stops what plays in its layer; layer is queue, in the layer that has to be named',
    ['queue', 'replace', 'layer'],
    PLAIN_PLAY.mode,
  ),
  layer: word('Layers sound together, the earlier giving way; announcement unless said', [
    'bed',
    'announcement',
    'whisper',
  ]),
  covered: word('What it does while a later layer sounds', ['dip', 'pause'], PLAIN_PLAY.covered),
  priority: whole('The higher waits in front', 0, 9, PLAIN_PLAY.priority),
  duck: field(
    'Lowers the live speech meanwhile: true, the gain in dB, or all three numbers',
    z
      .union(
        [z.boolean(), numberFrom(GAIN_DB.softest, 0), DUCK_NUMBERS],
        `must be true, false, a number from ${GAIN_DB.softest} to 0, or an object of gain_db, attack_ms and release_ms`,
      )
      .optional(),
    flagOrNumber,
  ),
  ...LATER_JOINERS,
};

/** `callback_url` is told of starts and ends, at once as always: Plivo has no such thing for plays. */
export function mannerSchema(rules: UrlRules) {
  return z.object({
    ...OPTIONS,
    normalize: field(
      `Brings every file to this loudness in LUFS; true is ${NORMAL_LUFS}`,
      z.union([z.boolean(), numberFrom(-50, -5)], 'must be true, false or a number from -50 to -5').default(false),
      flagOrNumber,
    ),
    callback_method: method('callback_url', 'POST'),
    callback_url: url('Is told of starts and ends', rules),
  });
}

type Manner = z.output<ReturnType<typeof mannerSchema>>;

export function parsePlayManner(body: Body, schema: ReturnType<typeof mannerSchema>): PlayManner {
  const given = read(schema, body);
  return {
    options: optionsOf(given),
    normalizeLufs: given.normalize === true ? NORMAL_LUFS : given.normalize || undefined,
    callback: given.callback_url && callbackTarget(given.callback_url, given.callback_method),
  };
}

function optionsOf(given: Manner): PlayOptions {
  return {
    loop: typeof given.loop === 'number' ? given.loop : given.loop ? 0 : PLAIN_PLAY.loop,
    gainDb: given.volume,
    startMs: given.start_ms,
    // Clients that always send every field send 0 for "no limit".
    lengthMs: given.length === 0 ? undefined : Math.round(given.length * SECOND_MS),
    fadeInMs: given.fade_in_ms,
    fadeOutMs: given.fade_out_ms,
    mix: given.mix,
    ...placeOf(given),
    covered: given.covered,
    priority: given.priority,
    duck: duckOf(given.duck),
    laterJoiners: given.later_joiners,
  };
}

/** `layer` alone queues in that layer; `mode` layer is the same said in full. */
function placeOf({ mode, layer }: Manner): Pick<PlayOptions, 'mode' | 'layer'> {
  if (mode === 'layer' && layer === undefined) throw badField('layer', 'must say which: bed, announcement or whisper');
  return { mode: mode === 'replace' ? 'replace' : PLAIN_PLAY.mode, layer: layer ?? PLAIN_PLAY.layer };
}

function duckOf(given: Manner['duck']): Duck | undefined {
  if (given === undefined || given === false) return PLAIN_PLAY.duck;
  if (given === true) return DUCKED;
  if (typeof given === 'number') return { ...DUCKED, gainDb: given };
  return { gainDb: given.gain_db, attackMs: given.attack_ms, releaseMs: given.release_ms };
}
