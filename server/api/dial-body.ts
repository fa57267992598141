import { isDigitText } from '../../media/index.ts';
import type { CallbackTarget } from '../callbacks/index.ts';
import { type DialOrder, isCaller, type Routed } from '../dial/index.ts';
import { ApiError, badField } from '../errors.ts';
import type { JoinTerms } from '../mpc/index.ts';
import { calledTarget, type UrlRules } from './called-url.ts';
import { flagField, numberField, textField, wordField } from './fields.ts';
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
const RING = { min: 1, max: 600, fallback: 45 } as const;
const DELAY = { min: 0, max: 600, fallback: 0 } as const;

/** Why a destination may not be called, as the caller of the API reads it. */
const REFUSED = {
  malformed: 'is no telephone number, sip: or sips: address, or user',
  unknown_user: 'is no user of this server',
  host: 'leads to a host that SIP_DIAL_ALLOW does not name',
  no_tls: 'goes by TLS, which needs TLS_CERT and TLS_KEY here',
  no_trunk: 'is a telephone number, and SIP_TRUNK names nobody to call it',
  number: 'is a telephone number that DIAL_ALLOW does not allow',
} as const;

export function parseAddRequest(body: Body, terms: JoinTerms, rules: DialBodyRules): AddRequest {
  const callUuid = given(body, 'call_uuid');
  const to = given(body, 'to');
  const from = given(body, 'from');
  if (callUuid !== undefined) {
    if (to !== undefined || from !== undefined) throw badField('call_uuid', 'goes without from and to');
    return { kind: 'move', callUuid: callUuid.toLowerCase() };
  }
  if (to === undefined || from === undefined) throw badField('from and to, or call_uuid,', 'must be given');
  if (!isCaller(from)) throw badField('from', 'must be a telephone number, a user or a sip: address');
  const digits = given(body, 'send_digits');
  if (digits !== undefined && !isDigitText(digits))
    throw badField('send_digits', 'must be at most 64 of 0-9 * # A-D, with w and W for pauses');
  const early = flagField(body, 'send_on_preanswer') ?? false;
  return {
    kind: 'dial',
    order: {
      from,
      callerName: callerName(body),
      destinations: destinations(body, to, terms, rules),
      headers: headersOf(body),
      confirmation: confirmation(body, rules),
      music: music(body, rules),
      digits: digits === undefined ? undefined : { text: digits, early },
      status: target(body, 'call_status_callback', rules, 'POST'),
    },
  };
}

function destinations(body: Body, to: string, terms: JoinTerms, rules: DialBodyRules): DialOrder['destinations'] {
  const names = to.split('<').map((name) => name.trim());
  if (names.length > MAX_DESTINATIONS) throw badField('to', `must hold at most ${MAX_DESTINATIONS} destinations`);
  if (names.length > 1 && terms.role !== 'agent') throw badField('to', 'must be one destination, but for an agent');
  const rings = seconds(body, 'ring_timeout', names.length, RING);
  const delays = seconds(body, 'delay_dial', names.length, DELAY);
  return names.map((name, index) => {
    const routed = rules.routeTo(name);
    if (!routed.ok && routed.reason === 'malformed') throw badField('to', `"${name}" ${REFUSED.malformed}`);
    if (!routed.ok) throw new ApiError('dial_refused', { detail: `"${name}" ${REFUSED[routed.reason]}` });
    return { to: name, route: routed.route, ringMs: rings[index]! * SECOND_MS, delayMs: delays[index]! * SECOND_MS };
  });
}

/** One number for all destinations, or one for each, joined with `<`. */
function seconds(
  body: Body,
  name: string,
  count: number,
  range: { readonly min: number; readonly max: number; readonly fallback: number },
): readonly number[] {
  const value = body[name] ?? '';
  const parts = typeof value === 'string' && value.includes('<') ? value.split('<') : [value];
  if (parts.length !== 1 && parts.length !== count) throw badField(name, 'must be one number, or one for each of to');
  const read = parts.map((part) => {
    const text = typeof part === 'string' ? part.trim() : part;
    const { min, max } = range;
    return numberField({ [name]: text === '' ? undefined : text }, name, { min, max, whole: true }) ?? range.fallback;
  });
  return parts.length === count ? read : new Array<number>(count).fill(read[0] ?? range.fallback);
}

function callerName(body: Body): string | undefined {
  const name = given(body, 'caller_name');
  if (name === undefined) return undefined;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
  if ([...name].length > MAX_CALLER_NAME || /[\u0000-\u001f\u007f]/.test(name))
    throw badField('caller_name', `must be 1 to ${MAX_CALLER_NAME} characters`);
  return name;
}

/** `ticket=7,lang=de` goes out as `X-PH-ticket: 7`. */
function headersOf(body: Body): Readonly<Record<string, string>> {
  const text = given(body, 'sip_headers');
  if (text === undefined) return {};
  const headers: Record<string, string> = {};
  const pairs = text.split(',');
  for (const pair of pairs) {
    const [, name, value] = /^\s*(?:X-PH-)?([A-Za-z0-9-]{1,24})=([\x21-\x7e]{1,128})\s*$/i.exec(pair) ?? [];
    if (name === undefined || value === undefined || pairs.length > MAX_HEADERS)
      throw badField('sip_headers', `must be at most ${MAX_HEADERS} pairs such as ticket=7,lang=de`);
    headers[`x-ph-${name}`] = value;
  }
  return headers;
}

function confirmation(body: Body, rules: DialBodyRules): DialOrder['confirmation'] {
  const key = body.confirm_key === undefined || body.confirm_key === null ? '' : String(body.confirm_key);
  const sound = target(body, 'confirm_key_sound', rules, 'GET');
  if (key === '') return undefined;
  if (!/^[0-9*#]$/.test(key)) throw badField('confirm_key', 'must be one of 0-9, * and #');
  return { key, sound };
}

function music(body: Body, rules: DialBodyRules): DialOrder['music'] {
  const text = given(body, 'dial_music');
  const word = text?.toLowerCase() ?? 'real';
  if (word === 'real' || word === 'none') return word;
  return calledTarget('dial_music', text ?? '', rules, 'GET');
}

/** Of `NAME_url` and `NAME_method`. */
function target(body: Body, name: string, rules: DialBodyRules, fallback: 'GET' | 'POST'): CallbackTarget | undefined {
  const word = wordField(body, `${name}_method`, ['get', 'post'])?.toUpperCase() as 'GET' | 'POST' | undefined;
  const text = given(body, `${name}_url`);
  return text === undefined ? undefined : calledTarget(`${name}_url`, text, rules, word ?? fallback);
}

/** SDKs send empty text for what their caller left out. */
function given(body: Body, name: string): string | undefined {
  const value = body[name];
  return textField({ [name]: typeof value === 'number' ? String(value) : value }, name)?.trim() || undefined;
}
