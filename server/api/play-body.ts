import { type Duck, PLAIN_PLAY, type PlayOptions } from '../../media/index.ts';
import type { CallbackTarget } from '../callbacks/index.ts';
import { ApiError, badField } from '../errors.ts';
import { parseMemberSelection, parseRole, type Role } from '../mpc/index.ts';
import type { SpokenText } from '../speak/index.ts';
import { calledTarget, type UrlRules } from './called-url.ts';
import { flagField, listField, numberField, textField, wordField } from './fields.ts';
import type { Body } from './resource.ts';

export interface PlayBodyRules extends UrlRules {
  readonly maxPlayUrls: number;
}

/** Who hears a Call Play: the call itself, the other members of its MPC, or all of them. */
export type CallLegs = 'aleg' | 'bleg' | 'both';

/** What every kind of play takes besides its sound. */
export interface PlayManner {
  readonly options: PlayOptions;
  readonly normalizeLufs: number | undefined;
  readonly callback: CallbackTarget | undefined;
}

/** What a request to play asks for. */
export interface PlayBody extends PlayManner {
  readonly urls: readonly string[];
  readonly spoken?: SpokenText;
}

/** Which of all members hear a play: all but some ids, and only some roles unless there are none. */
export interface Audience {
  readonly except: readonly string[];
  readonly roles: readonly Role[];
}

/** How a callback may be called; POST when nothing is said. */
export const CALLBACK_METHODS = ['get', 'post'] as const;

const SECOND_MS = 1000;
const MAX_POSITION_MS = 24 * 3600 * SECOND_MS;
const MAX_FADE_MS = 60_000;
const LOUDEST_DB = 20;
const SOFTEST_DB = -60;
/** Mono speech that is easy to hear over telephone talkers and leaves room for its peaks: see docs/plays.md. */
const NORMAL_LUFS = -19;
const DUCKED: Duck = { gainDb: -12, attackMs: 100, releaseMs: 400 };

export function parsePlayBody(body: Body, rules: PlayBodyRules): PlayBody {
  return { urls: parseUrls(body, rules), ...parsePlayManner(body, rules) };
}

export function parsePlayManner(body: Body, rules: PlayBodyRules): PlayManner {
  return {
    options: parsePlayOptions(body),
    normalizeLufs: parseNormalize(body),
    callback: parseCallback(body, rules),
  };
}

/**
 * The URLs of a play, in playing order. `url` is one URL, which may hold commas, or several separated by commas;
 * `urls` is a comma list or a JSON list. One that is wrong refuses them all.
 */
export function parseUrls(body: Body, rules: PlayBodyRules): readonly string[] {
  const one = readUrls(body, 'url', splitBeforeSchemes);
  const list = readUrls(body, 'urls', (text) => text.split(/ ?, ?/));
  // Clients unsure of the name send both, meaning it once.
  const urls = one.join() === list.join() ? one : [...one, ...list];
  if (urls.length === 0) throw badField('url', 'must be given: the http or https URL of an mp3 or wav file');
  if (urls.length > rules.maxPlayUrls) throw badField('urls', `must hold at most ${rules.maxPlayUrls} URLs`);
  for (const [index, url] of urls.entries()) {
    const which = urls.length === 1 ? 'url' : `url ${index + 1} of ${urls.length}`;
    if (url.length > rules.maxUrlLength)
      throw new ApiError('bad_url', { detail: `${which} is longer than ${rules.maxUrlLength} characters` });
    const verdict = rules.checkUrl(url);
    if (!verdict.ok) throw new ApiError('bad_url', { detail: `${which}: ${verdict.message}` });
  }
  return urls;
}

/** The options of a Member Play: Plivo has none, all of these are extensions. */
export function parsePlayOptions(body: Body): PlayOptions {
  return {
    loop: parseLoop(body),
    gainDb: numberField(body, 'volume', { min: SOFTEST_DB, max: LOUDEST_DB }) ?? PLAIN_PLAY.gainDb,
    startMs: numberField(body, 'start_ms', { min: 0, max: MAX_POSITION_MS }) ?? PLAIN_PLAY.startMs,
    lengthMs: parseLengthMs(body),
    fadeInMs: numberField(body, 'fade_in_ms', { min: 0, max: MAX_FADE_MS }) ?? PLAIN_PLAY.fadeInMs,
    fadeOutMs: numberField(body, 'fade_out_ms', { min: 0, max: MAX_FADE_MS }) ?? PLAIN_PLAY.fadeOutMs,
    mix: flagField(body, 'mix') ?? PLAIN_PLAY.mix,
    ...parsePlace(body),
    covered: wordField(body, 'covered', ['dip', 'pause']) ?? PLAIN_PLAY.covered,
    priority: numberField(body, 'priority', { min: 0, max: 9, whole: true }) ?? PLAIN_PLAY.priority,
    duck: parseDuck(body),
    laterJoiners: flagField(body, 'later_joiners') ?? PLAIN_PLAY.laterJoiners,
  };
}

/** Who of all members hears a Member Play; `all` is false when the path has ids, to which none of this applies. */
export function parseAudience(body: Body, all: boolean, maxIds: number): Audience {
  const except = listField(body, 'except', `must be member ids, at most ${maxIds}`, (text) => {
    const selection = parseMemberSelection(text);
    return selection && !selection.all && selection.ids.length === 1 ? text : undefined;
  });
  if (except.length > maxIds) throw badField('except', `must be member ids, at most ${maxIds}`);
  const roles = listField(body, 'role', 'must be agent, customer or supervisor, or several of them', parseRole);
  if (all) {
    // Who joins later is taken in by the mixer, which knows no roles.
    if (roles.length > 0 && flagField(body, 'later_joiners')) throw badField('later_joiners', 'cannot go with role');
    return { except, roles };
  }
  if (except.length > 0) throw badField('except', 'goes with the members all only');
  if (roles.length > 0) throw badField('role', 'goes with the members all only');
  if (flagField(body, 'later_joiners')) throw badField('later_joiners', 'goes with the members all only');
  return { except, roles };
}

/** `aleg` unless the body says otherwise; older documentation calls it `leg`. */
export function parseCallLegs(body: Body): CallLegs {
  const words = ['aleg', 'bleg', 'both'] as const;
  const legs = wordField(body, 'legs', words) ?? wordField(body, 'leg', words) ?? 'aleg';
  if (legs === 'aleg' && flagField(body, 'later_joiners'))
    throw badField('later_joiners', 'goes with legs bleg or both');
  return legs;
}

function readUrls(body: Body, name: string, split: (text: string) => string[]): string[] {
  const value = body[name] ?? undefined;
  if (value === undefined) return [];
  const texts = Array.isArray(value) ? value : typeof value === 'string' ? split(value) : undefined;
  if (texts?.every((text): text is string => typeof text === 'string')) return texts;
  throw badField(name, 'must be a string or a list of strings');
}

/** A comma inside a URL stays: only one with a scheme behind it separates. */
function splitBeforeSchemes(text: string): string[] {
  return text.split(/ ?, ?(?=[a-z][a-z0-9+.-]*:)/i);
}

/** `true` and 0 repeat until stopped; a number plays the list that often. */
function parseLoop(body: Body): number {
  const { loop } = body;
  if (typeof loop === 'boolean' || (typeof loop === 'string' && /^(true|false)$/i.test(loop)))
    return flagField(body, 'loop') ? 0 : 1;
  return numberField(body, 'loop', { min: 0, max: 1000, whole: true }) ?? PLAIN_PLAY.loop;
}

function parseLengthMs(body: Body): number | undefined {
  const seconds = numberField(body, 'length', { min: 0, max: MAX_POSITION_MS / SECOND_MS });
  // Clients that always send every field send 0 for "no limit".
  return seconds === undefined || seconds === 0 ? undefined : Math.round(seconds * SECOND_MS);
}

/** `layer` alone queues in that layer; `mode` layer is the same said in full. */
function parsePlace(body: Body): Pick<PlayOptions, 'mode' | 'layer'> {
  const mode = wordField(body, 'mode', ['queue', 'replace', 'layer']) ?? 'queue';
  const layer = wordField(body, 'layer', ['bed', 'announcement', 'whisper']);
  if (mode === 'layer' && layer === undefined) throw badField('layer', 'must say which: bed, announcement or whisper');
  return { mode: mode === 'replace' ? 'replace' : 'queue', layer: layer ?? PLAIN_PLAY.layer };
}

/** `true`, or the loudness to reach. */
function parseNormalize(body: Body): number | undefined {
  const { normalize } = body;
  if (typeof normalize === 'boolean' || (typeof normalize === 'string' && !/^-?[0-9]/.test(normalize)))
    return flagField(body, 'normalize') ? NORMAL_LUFS : undefined;
  return numberField(body, 'normalize', { min: -50, max: -5 });
}

export function parseCallback(body: Body, rules: PlayBodyRules): CallbackTarget | undefined {
  const method = wordField(body, 'callback_method', CALLBACK_METHODS);
  return checkedCallback('callback_url', textField(body, 'callback_url'), method, rules);
}

/** The callback in a field that may be empty. */
export function checkedCallback(
  field: string,
  text: string | undefined,
  method: (typeof CALLBACK_METHODS)[number] | undefined,
  rules: UrlRules,
): CallbackTarget | undefined {
  if (text === undefined || text === '') return undefined;
  return calledTarget(field, text, rules, method === 'get' ? 'GET' : 'POST');
}

/** `true`, or the gain of live speech in dB, or all three numbers. */
function parseDuck(body: Body): Duck | undefined {
  const duck = body.duck ?? undefined;
  if (typeof duck === 'object' && duck !== null && !Array.isArray(duck)) {
    const fields = duck as Body;
    return {
      gainDb: numberField(fields, 'gain_db', { min: SOFTEST_DB, max: 0 }) ?? DUCKED.gainDb,
      attackMs: numberField(fields, 'attack_ms', { min: 0, max: MAX_FADE_MS }) ?? DUCKED.attackMs,
      releaseMs: numberField(fields, 'release_ms', { min: 0, max: MAX_FADE_MS }) ?? DUCKED.releaseMs,
    };
  }
  if (typeof duck === 'number' || (typeof duck === 'string' && /^-?[0-9]/.test(duck)))
    return { ...DUCKED, gainDb: numberField(body, 'duck', { min: SOFTEST_DB, max: 0 }) ?? DUCKED.gainDb };
  return flagField(body, 'duck') ? DUCKED : undefined;
}
