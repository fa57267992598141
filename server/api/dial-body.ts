import { z } from 'zod';
import { isDigitText } from '../../media/index.ts';
import {
  checkedUrl,
  field,
  filled,
  flag,
  method,
  textToNumber,
  type UrlRules,
  url,
  wholeFrom,
  wrong,
} from '../body-values.ts';
import { type CallbackTarget, callbackTarget } from '../callbacks/index.ts';
import { type DialOrder, isCaller, type Routed } from '../dial/index.ts';
import { ApiError, badField } from '../errors.ts';
import type { JoinTerms } from '../mpc/index.ts';
import { read } from './fields.ts';
import type { Body } from './resource.ts';

export interface DialBodyRules extends UrlRules {
  readonly routeTo: (destination: string) => Routed;
}

/** What Add Participant asks for besides the terms: a call to be moved, or somebody to be called. */
export type AddRequest =
  | { readonly kind: 'move'; readonly callUuid: string }
  | { readonly kind: 'dial'; readonly order: Omit<DialOrder, 'mpcName' | 'terms'> };

const SECOND_MS = 1000;
/** Fewer than twenty, as Plivo has it. */
const MAX_DESTINATIONS = 19;
const MAX_CALLER_NAME = 50;
const MAX_HEADERS = 20;
/** Characters of a destination in a refusal. */
const MAX_SHOWN = 100;

/** Why a destination may not be called, as the caller of the API reads it. */
const REFUSED = {
  malformed: 'is no telephone number, sip: or sips: address, or user',
  unknown_user: 'is no user of this server',
  host: 'leads to a host that SIP_DIAL_ALLOW does not name',
  no_tls: 'goes by TLS, which needs TLS_CERT and TLS_KEY here',
  no_trunk: 'is a telephone number, and SIP_TRUNK names nobody to call it',
  number: 'is a telephone number that DIAL_ALLOW does not allow',
} as const;

const text = z.string('must be text');

/** Who comes. */
export const WHO = z.object({
  call_uuid: filled('Instead of from and to: a live call to move into the MPC', text.toLowerCase().optional()),
  from: filled(
    'Who calls: a telephone number, a user or a sip: address',
    text.refine(isCaller, 'must be a telephone number, a user or a sip: address').optional(),
  ),
  to: filled(
    `Whom to call: a telephone number, a user or a sip: address; for an agent up to ${MAX_DESTINATIONS}, joined with <`,
    text.optional(),
  ),
});

/** How somebody is called. */
export function dialSchema(rules: UrlRules) {
  const target = (about: string) => filled(about, url('', rules));
  return z.object({
    send_digits: filled(
      'Sent once the call is answered: at most 64 of 0-9 * # A-D, with w and W for pauses',
      text.refine(isDigitText, 'must be at most 64 of 0-9 * # A-D, with w and W for pauses').optional(),
    ),
    send_on_preanswer: flag('true: digits are sent in early media, where there is any', false),
    caller_name: filled(
      'The name of who calls, as telephones show it',
      text
        .refine(isCallerName, `must be 1 to ${MAX_CALLER_NAME} characters`)
        .meta({ maxLength: MAX_CALLER_NAME })
        .optional(),
    ),
    ring_timeout: secondsEach('Seconds until it is given up; one for each of to, joined with <', 1, 600, 45),
    delay_dial: secondsEach('Seconds before it is called; one for each of to, joined with <', 0, 600, 0),
    sip_headers: filled(
      'Pairs such as ticket=7,lang=de, which go out as X-PH-ticket: 7 and X-PH-lang: de',
      text.optional().transform(headersIn),
    ),
    confirm_key_sound_method: method('confirm_key_sound_url', 'GET'),
    confirm_key_sound_url: target('XML or audio that asks for the key'),
    confirm_key: field('The key that takes the call', oneKey(), keyDigit),
    dial_music: filled(
      'What those in the MPC hear meanwhile: real for a ringing tone, none, or a URL of XML or audio',
      text.default('real').transform((value, context) => musicIn(value, rules, context)),
    ),
    call_status_callback_method: method('call_status_callback_url', 'POST'),
    call_status_callback_url: target('Is told of the call'),
  });
}

export function parseAddRequest(
  body: Body,
  terms: JoinTerms,
  schema: ReturnType<typeof dialSchema>,
  routeTo: DialBodyRules['routeTo'],
): AddRequest {
  const { call_uuid: callUuid, from, to } = read(WHO, body);
  if (callUuid !== undefined) {
    if (to !== undefined || from !== undefined) throw badField('call_uuid', 'goes without from and to');
    return { kind: 'move', callUuid };
  }
  if (to === undefined || from === undefined) throw badField('from and to, or call_uuid,', 'must be given');
  const given = read(schema, body);
  const {
    send_digits: digits,
    confirm_key: key,
    confirm_key_sound_url: sound,
    call_status_callback_url: status,
  } = given;
  return {
    kind: 'dial',
    order: {
      from,
      callerName: given.caller_name,
      destinations: destinations(to, given.ring_timeout, given.delay_dial, terms, routeTo),
      headers: given.sip_headers,
      confirmation:
        key === undefined ? undefined : { key, sound: sound && callbackTarget(sound, given.confirm_key_sound_method) },
      music: given.dial_music,
      digits: digits === undefined ? undefined : { text: digits, early: given.send_on_preanswer },
      status: status && callbackTarget(status, given.call_status_callback_method),
    },
  };
}

function destinations(
  to: string,
  ringSeconds: readonly number[],
  delaySeconds: readonly number[],
  terms: JoinTerms,
  routeTo: DialBodyRules['routeTo'],
): DialOrder['destinations'] {
  const names = to.split('<').map((name) => name.trim());
  if (names.length > MAX_DESTINATIONS) throw badField('to', `must hold at most ${MAX_DESTINATIONS} destinations`);
  if (names.length > 1 && terms.role !== 'agent') throw badField('to', 'must be one destination, but for an agent');
  const rings = forEach('ring_timeout', ringSeconds, names.length);
  const delays = forEach('delay_dial', delaySeconds, names.length);
  return names.map((name, index) => {
    const routed = routeTo(name);
    if (!routed.ok) {
      const why = `"${name.slice(0, MAX_SHOWN)}" ${REFUSED[routed.reason]}`;
      throw routed.reason === 'malformed' ? badField('to', why) : new ApiError('dial_refused', { detail: why });
    }
    return { to: name, route: routed.route, ringMs: rings[index]! * SECOND_MS, delayMs: delays[index]! * SECOND_MS };
  });
}

/** One number for all destinations, or one for each, joined with `<`. */
function secondsEach(about: string, min: number, max: number, fallback: number) {
  const one = wholeFrom(min, max);
  const expected = `must be a whole number from ${min} to ${max}`;
  return filled(
    about,
    z
      .union([one, z.string()], expected)
      .default(fallback)
      .transform((value, context): readonly number[] => {
        const parts = typeof value === 'number' ? [value] : value.split('<').map((part) => part.trim() || fallback);
        const numbers = parts.map((part) => one.safeParse(textToNumber(part)).data);
        return numbers.every((number) => number !== undefined) ? numbers : wrong(context, expected);
      }),
  );
}

function forEach(name: string, seconds: readonly number[], count: number): readonly number[] {
  if (seconds.length === count) return seconds;
  if (seconds.length !== 1) throw badField(name, 'must be one number, or one for each of to');
  return new Array<number>(count).fill(seconds[0]!);
}

function isCallerName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  return [...name].length <= MAX_CALLER_NAME && !/[\u0000-\u001f\u007f]/.test(name);
}

/** `ticket=7,lang=de` goes out as `X-PH-ticket: 7`. */
function headersIn(text: string | undefined, context: z.RefinementCtx): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  const headers: Record<string, string> = {};
  const pairs = text.split(',');
  for (const pair of pairs) {
    const [, name, value] = /^\s*(?:X-PH-)?([A-Za-z0-9-]{1,24})=([\x21-\x7e]{1,128})\s*$/i.exec(pair) ?? [];
    if (name === undefined || value === undefined || pairs.length > MAX_HEADERS)
      return wrong(context, `must be at most ${MAX_HEADERS} pairs such as ticket=7,lang=de`);
    headers[`x-ph-${name}`] = value;
  }
  return headers;
}

function oneKey() {
  const expected = 'must be one of 0-9, * and #';
  return z
    .string(expected)
    .regex(/^[0-9*#]$/, expected)
    .optional();
}

/** A digit may come as a number. */
function keyDigit(value: unknown): unknown {
  return typeof value === 'number' ? String(value) : value;
}

function musicIn(text: string, rules: UrlRules, context: z.RefinementCtx): 'real' | 'none' | CallbackTarget {
  const word = text.toLowerCase();
  if (word === 'real' || word === 'none') return word;
  const { data, error } = checkedUrl(rules).safeParse(text);
  return data ? callbackTarget(data, 'GET') : wrong(context, error?.issues[0]?.message ?? 'is wrong');
}
