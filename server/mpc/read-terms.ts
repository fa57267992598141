import { z } from 'zod';
import { type CallbackTarget, callbackTarget } from '../callbacks/target.ts';
import { parseRole } from './identity.ts';
import {
  type EntrySound,
  type JoinTerms,
  type MpcTerms,
  STATUS_EVENT_GROUPS,
  type StatusEventGroup,
} from './join-terms.ts';

export interface TermsRules {
  /** The check of a URL that needs no network: scheme, address, port. */
  readonly checkUrl: (url: string) => { readonly ok: true } | { readonly ok: false; readonly message: string };
  readonly maxUrlLength: number;
}

export type TermsRead =
  | { readonly ok: true; readonly terms: JoinTerms }
  /** `problem` follows the name of the field in a sentence. */
  | { readonly ok: false; readonly field: string; readonly problem: string };

/** Plivo's limits and defaults, but for `max_participants`, of which Plivo has 10 at most. */
const DURATION_SECONDS = { min: 300, max: 28_800, fallback: 14_400 } as const;
const PARTICIPANTS = { min: 2, max: 1000, fallback: 10 } as const;
const DEFAULT_GROUPS: readonly StatusEventGroup[] = ['mpc-state-changes', 'participant-state-changes'];
const METHODS = ['GET', 'POST'] as const;
/** What a reader of the schema finds a default under: zod knows `default` only of schemas that fill it in themselves. */
const FALLBACK = 'x-default';
const BEEPS = { 'beep:1': 1, 'beep:2': 2 } as const;

/** Reads the fields of Add Participant's body that are about the member and its MPC; others are left alone. */
export function readTerms(body: Readonly<Record<string, unknown>>, rules: TermsRules): TermsRead {
  return read(body, rules, {});
}

/**
 * Reads the attributes of `<MultiPartyCall>`: the same fields in camelCase, whose names count whatever their case, and with the
 * underscores that Plivo's PHP SDK leaves in one. Only the method of the status callback has another default here.
 */
export function readXmlTerms(attributes: Readonly<Record<string, string>>, rules: TermsRules): TermsRead {
  const body: Record<string, unknown> = { status_callback_method: 'POST' };
  const givenNames: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const field = FIELD_OF_ATTRIBUTE.get(name.toLowerCase().replaceAll('_', ''));
    // The Ruby SDK's default for this method is a file format.
    if (field === undefined || (field === 'recording_callback_method' && value === 'mp3')) continue;
    body[field] = value;
    givenNames[field] = name;
  }
  return read(body, rules, givenNames);
}

function read(
  body: Readonly<Record<string, unknown>>,
  rules: TermsRules,
  givenNames: Readonly<Record<string, string>>,
): TermsRead {
  const parsed = schemaUnder(rules).safeParse(body);
  if (parsed.success) return { ok: true, terms: toTerms(parsed.data) };
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? 'the body');
  return { ok: false, field: givenNames[field] ?? field, problem: issue?.message ?? 'is wrong' };
}

/** SDKs send null and empty text for what their caller left out. */
function field<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z.preprocess((value) => (value === null || value === '' ? undefined : value), schema) as z.ZodType<T>;
}

function flag(fallback: boolean): z.ZodType<boolean> {
  return field(
    z.unknown().transform((value, context) => {
      if (value === undefined) return fallback;
      if (typeof value === 'boolean') return value;
      if (typeof value === 'string' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
      return wrong(context, 'must be true or false');
    }),
  ).meta({ type: 'boolean', [FALLBACK]: fallback });
}

function whole({ min, max, fallback }: { min: number; max: number; fallback: number }): z.ZodType<number> {
  return field(
    z.unknown().transform((value, context) => {
      if (value === undefined) return fallback;
      const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
      return wrong(context, `must be a whole number from ${min} to ${max}`);
    }),
  ).meta({ type: 'integer', minimum: min, maximum: max, [FALLBACK]: fallback });
}

function word<const T extends string>(words: readonly T[], fallback: T): z.ZodType<T> {
  return field(
    z.unknown().transform((value, context) => {
      if (value === undefined) return fallback;
      const found =
        typeof value === 'string' ? words.find((known) => known.toLowerCase() === value.toLowerCase()) : undefined;
      return found ?? wrong(context, `must be one of ${words.join(', ')}`);
    }),
  ).meta({ type: 'string', enum: words, [FALLBACK]: fallback });
}

function eventGroups(): z.ZodType<readonly StatusEventGroup[]> {
  return field(
    z.unknown().transform((value, context) => {
      if (value === undefined) return DEFAULT_GROUPS;
      const texts: readonly unknown[] =
        typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [0];
      const groups = texts.map((text) =>
        STATUS_EVENT_GROUPS.find((group) => group === String(text).trim().toLowerCase()),
      );
      if (groups.every((group) => group !== undefined)) return [...new Set(groups)];
      return wrong(context, `must be a comma list of ${STATUS_EVENT_GROUPS.join(', ')}`);
    }),
  ).meta({
    type: 'string',
    description: `A comma list of ${STATUS_EVENT_GROUPS.join(', ')}`,
    [FALLBACK]: DEFAULT_GROUPS.join(),
  });
}

/** A URL with its fragment, which for those we call is Plivo's tuning. */
function url(rules: TermsRules): z.ZodType<URL | undefined> {
  return field(
    z.unknown().transform((value, context) => {
      if (value === undefined) return undefined;
      if (typeof value !== 'string') return wrong(context, 'must be a URL');
      if (value.length > rules.maxUrlLength)
        return wrong(context, `must be at most ${rules.maxUrlLength} characters long`);
      const verdict = rules.checkUrl(value);
      return verdict.ok ? new URL(value) : wrong(context, `cannot be called: ${verdict.message}`);
    }),
  ).meta({ type: 'string', format: 'uri', [FALLBACK]: null });
}

function sound(rules: TermsRules, fallback: keyof typeof BEEPS): z.ZodType<'none' | keyof typeof BEEPS | URL> {
  const source = url(rules);
  return field(
    z.unknown().transform((value, context) => {
      if (value === undefined) return fallback;
      const text = typeof value === 'string' ? value.toLowerCase() : '';
      if (text === 'none' || text === 'beep:1' || text === 'beep:2') return text;
      const parsed = source.safeParse(value);
      if (parsed.success && parsed.data) return parsed.data;
      return wrong(context, `must be beep:1, beep:2, none or a URL, which ${parsed.error?.issues[0]?.message}`);
    }),
  ).meta({ type: 'string', description: 'beep:1, beep:2, none or a URL', [FALLBACK]: fallback });
}

function role(): z.ZodType<NonNullable<ReturnType<typeof parseRole>>> {
  return z
    .unknown()
    .transform(
      (value, context) =>
        (typeof value === 'string' ? parseRole(value) : undefined) ??
        wrong(context, 'must be agent, customer or supervisor'),
    )
    .meta({ type: 'string', enum: ['agent', 'customer', 'supervisor'] });
}

function wrong(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}

/** The schema of the snake_case fields. */
function termsSchema(rules: TermsRules) {
  const get = word(METHODS, 'GET');
  const post = word(METHODS, 'POST');
  return z.object({
    role: role(),
    max_duration: whole(DURATION_SECONDS),
    max_participants: whole(PARTICIPANTS),
    stay_alone: flag(false),
    wait_music_url: url(rules),
    wait_music_method: get,
    agent_hold_music_url: url(rules),
    agent_hold_music_method: get,
    customer_hold_music_url: url(rules),
    customer_hold_music_method: get,
    record: flag(false),
    record_file_format: word(['mp3', 'wav'], 'mp3'),
    record_min_member_count: whole({ min: 1, max: 2, fallback: 1 }),
    recording_callback_url: url(rules),
    recording_callback_method: get,
    start_recording_audio: url(rules),
    start_recording_audio_method: get,
    stop_recording_audio: url(rules),
    stop_recording_audio_method: get,
    record_participant_track: flag(false),
    record_track_type: word(['all', 'participant', 'both'], 'participant'),
    status_callback_url: url(rules),
    status_callback_method: get,
    status_callback_events: eventGroups(),
    coach_mode: flag(true),
    mute: flag(false),
    hold: flag(false),
    start_mpc_on_enter: flag(true),
    end_mpc_on_exit: flag(false),
    enter_sound: sound(rules, 'beep:1'),
    enter_sound_method: get,
    exit_sound: sound(rules, 'beep:2'),
    exit_sound_method: get,
    on_exit_action_url: url(rules),
    on_exit_action_method: post,
    relay_dtmf_inputs: flag(false),
  });
}

/** Making it takes longer than reading with it. */
const schemas = new WeakMap<TermsRules, ReturnType<typeof termsSchema>>();

function schemaUnder(rules: TermsRules): ReturnType<typeof termsSchema> {
  const schema = schemas.get(rules) ?? termsSchema(rules);
  schemas.set(rules, schema);
  return schema;
}

type TermsBody = z.infer<ReturnType<typeof termsSchema>>;

function toTerms(body: TermsBody): JoinTerms & { readonly mpc: MpcTerms } {
  const status = target(body.status_callback_url, body.status_callback_method);
  return {
    role: body.role,
    muted: body.mute,
    held: body.hold,
    coach: body.coach_mode && body.role === 'supervisor',
    startMpcOnEnter: body.start_mpc_on_enter,
    endMpcOnExit: body.end_mpc_on_exit,
    enterSound: entrySound(body.enter_sound, body.enter_sound_method),
    exitSound: entrySound(body.exit_sound, body.exit_sound_method),
    relayDigits: body.relay_dtmf_inputs,
    onExitAction: target(body.on_exit_action_url, body.on_exit_action_method),
    recordTrack: body.record_participant_track ? body.record_track_type : undefined,
    mpc: {
      maxDurationMs: body.max_duration * 1000,
      maxParticipants: body.max_participants,
      stayAlone: body.stay_alone,
      waitMusic: target(body.wait_music_url, body.wait_music_method),
      agentHoldMusic: target(body.agent_hold_music_url, body.agent_hold_music_method),
      customerHoldMusic: target(body.customer_hold_music_url, body.customer_hold_music_method),
      record: {
        on: body.record,
        fileFormat: body.record_file_format,
        minMembers: body.record_min_member_count,
        callback: target(body.recording_callback_url, body.recording_callback_method),
        startAudio: target(body.start_recording_audio, body.start_recording_audio_method),
        stopAudio: target(body.stop_recording_audio, body.stop_recording_audio_method),
      },
      status: status && { target: status, events: body.status_callback_events },
    },
  };
}

function target(url: URL | undefined, method: 'GET' | 'POST'): CallbackTarget | undefined {
  return url && callbackTarget(url, method);
}

function entrySound(sound: 'none' | keyof typeof BEEPS | URL, method: 'GET' | 'POST'): EntrySound {
  if (sound === 'none') return { kind: 'none' };
  if (typeof sound === 'string') return { kind: 'beep', beep: BEEPS[sound] };
  return { kind: 'source', source: callbackTarget(sound, method) };
}

const anything = termsSchema({ checkUrl: () => ({ ok: true }), maxUrlLength: 0 });

const FIELD_OF_ATTRIBUTE: ReadonlyMap<string, string> = new Map(
  Object.keys(anything.shape).map((name) => [name.replaceAll('_', ''), name]),
);

/** The schema for documentation: its fields carry what JSON schema can say of them. */
export const TERMS_SCHEMA = anything;

/** Every field of a body that is read here. */
export const TERM_FIELDS: readonly string[] = Object.keys(anything.shape);

/** What a member asks of its MPC who says nothing but its role. */
export const DEFAULT_MPC_TERMS = toTerms(anything.parse({ role: 'customer' })).mpc;
