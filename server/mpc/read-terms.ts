import { z } from 'zod';
import { checkedUrl, field, flag, method, problemOf, type UrlRules, url, whole, word, wrong } from '../body-values.ts';
import { type CallbackTarget, callbackTarget } from '../callbacks/target.ts';
import { parseRole, type Role } from './identity.ts';
import {
  type EntrySound,
  type JoinTerms,
  type MpcTerms,
  STATUS_EVENT_GROUPS,
  type StatusEventGroup,
} from './join-terms.ts';

export type TermsRead =
  | { readonly ok: true; readonly terms: JoinTerms }
  /** `problem` follows the name of the field in a sentence. */
  | { readonly ok: false; readonly field: string; readonly problem: string };

const DEFAULT_GROUPS: readonly StatusEventGroup[] = ['mpc-state-changes', 'participant-state-changes'];
const EVENTS_EXPECTED = `must be a comma list of ${STATUS_EVENT_GROUPS.join(', ')}`;
const ROLES: readonly Role[] = ['agent', 'customer', 'supervisor'];
const BEEPS = { 'beep:1': 1, 'beep:2': 2 } as const;

/** Reads the fields of Add Participant's body that are about the member and its MPC; others are left alone. */
export function readTerms(body: Readonly<Record<string, unknown>>, rules: UrlRules): TermsRead {
  return read(body, rules, {});
}

/**
 * Reads the attributes of `<MultiPartyCall>`: the same fields in camelCase, whose names count whatever their case, and with the
 * underscores that Plivo's PHP SDK leaves in one. Only the method of the status callback has another default here.
 */
export function readXmlTerms(attributes: Readonly<Record<string, string>>, rules: UrlRules): TermsRead {
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
  rules: UrlRules,
  givenNames: Readonly<Record<string, string>>,
): TermsRead {
  const parsed = termsSchema(rules).safeParse(body);
  if (parsed.success) return { ok: true, terms: toTerms(parsed.data) };
  const { field, expected } = problemOf(parsed.error);
  return { ok: false, field: givenNames[field] ?? field, problem: expected };
}

function eventGroups(about: string): z.ZodType<readonly StatusEventGroup[]> {
  return field(
    about,
    z
      .union([z.string(), z.array(z.string(EVENTS_EXPECTED))], EVENTS_EXPECTED)
      .default(DEFAULT_GROUPS.join())
      .transform((value, context) => {
        const texts = typeof value === 'string' ? value.split(',') : value;
        const groups = texts.map((text) => STATUS_EVENT_GROUPS.find((group) => group === text.trim().toLowerCase()));
        return groups.every((group) => group !== undefined) ? [...new Set(groups)] : wrong(context, EVENTS_EXPECTED);
      }),
  );
}

function sound(when: string, rules: UrlRules, fallback: keyof typeof BEEPS) {
  const source = checkedUrl(rules);
  const expected = 'must be beep:1, beep:2, none or a URL';
  return field(
    `What everybody hears when somebody ${when}: beep:1, beep:2, none or a URL`,
    z
      .string(expected)
      .default(fallback)
      .transform((value, context): 'none' | keyof typeof BEEPS | URL => {
        const text = value.toLowerCase();
        if (text === 'none' || text === 'beep:1' || text === 'beep:2') return text;
        const { data, error } = source.safeParse(value);
        return data ?? wrong(context, `${expected}, which ${error?.issues[0]?.message}`);
      }),
  );
}

/** The schema of the snake_case fields: Plivo's limits and defaults, but for `max_participants`, of which Plivo has 10 at most. */
function makeSchema(rules: UrlRules) {
  const called = (of: string) => method(of, 'GET');
  return z.object({
    role: field('What the member is to the others', z.enum(ROLES, 'must be agent, customer or supervisor'), (value) =>
      typeof value === 'string' ? parseRole(value) : value,
    ),
    max_duration: whole('Seconds after which the MPC ends', 300, 28_800, 14_400),
    max_participants: whole('How many may be in the MPC', 2, 1000, 10),
    stay_alone: flag('false: the MPC ends when, after it had several, one member is left', false),
    wait_music_url: url('Heard before the MPC starts, and by whoever is alone: XML or audio', rules),
    wait_music_method: called('wait_music_url'),
    agent_hold_music_url: url('Heard by agents on hold: XML or audio', rules),
    agent_hold_music_method: called('agent_hold_music_url'),
    customer_hold_music_url: url('Heard by customers on hold: XML or audio', rules),
    customer_hold_music_method: called('customer_hold_music_url'),
    record: flag('The MPC is recorded', false),
    record_file_format: word('Of its file', ['mp3', 'wav'], 'mp3'),
    record_min_member_count: whole('Members from which on it is recorded', 1, 2, 1),
    recording_callback_url: url('Is told of recordings', rules),
    recording_callback_method: called('recording_callback_url'),
    start_recording_audio: url('Heard when a recording begins: XML or audio', rules),
    start_recording_audio_method: called('start_recording_audio'),
    stop_recording_audio: url('Heard when a recording ends: XML or audio', rules),
    stop_recording_audio_method: called('stop_recording_audio'),
    record_participant_track: flag('The member is recorded by itself as well', false),
    record_track_type: word(
      'What of her: all that the MPC says, her own voice, or one of each',
      ['all', 'participant', 'both'],
      'participant',
    ),
    status_callback_url: url('Is told what happens in the MPC', rules),
    status_callback_method: called('status_callback_url'),
    status_callback_events: eventGroups(`Of what: a comma list of ${STATUS_EVENT_GROUPS.join(', ')}`),
    coach_mode: flag('A supervisor is heard by agents only', true),
    mute: flag('Is not heard', false),
    hold: flag('Neither hears nor is heard', false),
    start_mpc_on_enter: flag('Her coming starts an MPC that waits', true),
    end_mpc_on_exit: flag('Her going ends the MPC', false),
    enter_sound: sound('comes', rules, 'beep:1'),
    enter_sound_method: called('enter_sound'),
    exit_sound: sound('goes', rules, 'beep:2'),
    exit_sound_method: called('exit_sound'),
    on_exit_action_url: url('Asked for XML that says what becomes of the call after the MPC', rules),
    on_exit_action_method: method('on_exit_action_url', 'POST'),
    relay_dtmf_inputs: flag('Digits that the member presses reach the others', false),
  });
}

/** Making it takes longer than reading with it. */
const schemas = new WeakMap<UrlRules, ReturnType<typeof makeSchema>>();

/** What terms are read with under these rules. */
export function termsSchema(rules: UrlRules): ReturnType<typeof makeSchema> {
  const schema = schemas.get(rules) ?? makeSchema(rules);
  schemas.set(rules, schema);
  return schema;
}

type TermsBody = z.output<ReturnType<typeof makeSchema>>;

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

const anything = makeSchema({ checkUrl: () => ({ ok: true }), maxUrlLength: 0 });

const FIELD_OF_ATTRIBUTE: ReadonlyMap<string, string> = new Map(
  Object.keys(anything.shape).map((name) => [name.replaceAll('_', ''), name]),
);

/** Every field of a body that is read here. */
export const TERM_FIELDS: readonly string[] = Object.keys(anything.shape);

/** What a member asks of its MPC who says nothing but its role. */
export const DEFAULT_MPC_TERMS = toTerms(anything.parse({ role: 'customer' })).mpc;
