import { z } from 'zod';

/*
 * What answers hold, field for field: a test reads real answers with these. Every one has `api_id` besides, which the
 * document adds.
 */

const text = z.string();
const maybeText = z.string().nullable();
const maybeNumber = z.number().nullable();
const maybeFlag = z.boolean().nullable();
const nothing = z.null();
/** `2026-03-04 05:06:07+00:00`. */
const maybeTime = z.string().nullable();

const Mpc = z.strictObject({
  billed_amount: nothing,
  billed_duration: nothing,
  creation_time: maybeTime,
  duration: maybeNumber,
  end_time: maybeTime,
  friendly_name: text,
  mpc_uuid: text,
  participants: text,
  recording: z.enum(['recording', 'not-recording', 'paused']),
  resource_uri: text,
  start_time: maybeTime,
  status: z.enum(['Initialized', 'Active', 'Ended']),
  stay_alone: z.boolean(),
  sub_account: nothing,
  termination_cause: maybeText,
  termination_cause_code: maybeNumber,
  max_duration: maybeNumber,
  max_participants: maybeNumber,
});

const Participant = z.strictObject({
  billed_amount: nothing,
  billed_duration: nothing,
  call_uuid: text,
  coach_mode: maybeFlag,
  duration: maybeNumber,
  end_mpc_on_exit: z.boolean(),
  exit_cause: maybeText,
  exit_time: maybeTime,
  hold: maybeFlag,
  join_time: maybeTime,
  member_address: text,
  member_id: text,
  mpc_uuid: text,
  mute: maybeFlag,
  resource_uri: text,
  role: z.enum(['agent', 'customer', 'supervisor']),
  start_mpc_on_enter: z.boolean(),
  quality: z
    .strictObject({
      codec: text,
      packets_received: z.number(),
      packets_sent: z.number(),
      packets_lost: z.number(),
      frames_concealed: z.number(),
      concealed_share: z.number(),
      jitter_ms: z.number(),
      playout_delay_ms: z.number(),
      round_trip_ms: maybeNumber,
      mos: maybeNumber,
    })
    .nullable(),
  talking: maybeFlag,
});

const Play = z.strictObject({
  play_id: text,
  status: z.enum(['fetching', 'queued', 'playing', 'paused', 'completed', 'stopped', 'failed']),
  reason: maybeText,
  detail: maybeText,
  mpc_uuid: text,
  mpc_name: text,
  members: z.union([z.literal('all'), z.array(text), nothing]),
  except: z.array(text),
  role: z.array(text),
  call_uuid: maybeText,
  urls: z.array(text),
  speech: z.strictObject({ text, voice: text, language: text }).nullable(),
  loop: z.number(),
  volume: z.number(),
  normalize: z.union([z.number(), z.literal(false)]),
  start_ms: z.number(),
  length: maybeNumber,
  fade_in_ms: z.number(),
  fade_out_ms: z.number(),
  mix: z.boolean(),
  mode: text,
  layer: text,
  covered: text,
  priority: z.number(),
  duck: z.strictObject({ gain_db: z.number(), attack_ms: z.number(), release_ms: z.number() }).nullable(),
  later_joiners: z.boolean(),
  callback_url: maybeText,
  callback_method: maybeText,
  cache: maybeText,
  position_ms: z.number(),
  creation_time: maybeTime,
  end_time: maybeTime,
  targets: z.array(
    z.strictObject({
      member_id: maybeText,
      status: text,
      reason: maybeText,
      played_ms: z.number(),
      start_latency_ms: maybeNumber,
      underruns: z.number(),
    }),
  ),
  resource_uri: text,
});

const Recording = z.strictObject({
  add_time: maybeTime,
  call_uuid: maybeText,
  conference_name: text,
  conference_uuid: maybeText,
  from_number: maybeText,
  monthly_recording_storage_amount: text,
  mpc_name: text,
  mpc_uuid: maybeText,
  recording_duration_ms: maybeText,
  recording_end_ms: maybeText,
  recording_format: z.enum(['mp3', 'wav']),
  recording_id: text,
  recording_start_ms: text,
  recording_storage_duration: z.number(),
  recording_storage_rate: text,
  recording_type: text,
  recording_url: text,
  resource_uri: text,
  rounded_recording_duration: maybeNumber,
  to_number: maybeText,
  status: z.enum(['recording', 'paused', 'finishing', 'completed', 'failed']),
  reason: maybeText,
  detail: maybeText,
  member_id: maybeText,
  record_track_type: maybeText,
  sample_rate: z.number(),
  size: maybeNumber,
  missing_ms: z.number(),
});

const Endpoint = z.strictObject({
  alias: text,
  application: maybeText,
  endpoint_id: text,
  resource_uri: text,
  sip_contact: maybeText,
  sip_expires: maybeText,
  sip_registered: z.enum(['true', 'false']),
  sip_uri: text,
  sip_user_agent: maybeText,
  sub_account: nothing,
  username: text,
});

const Clip = z.strictObject({
  clip_id: text,
  url: text,
  status: text,
  reason: maybeText,
  detail: maybeText,
  sample_rate: z.number(),
  duration_ms: maybeNumber,
  size: maybeNumber,
  loudness_lufs: maybeNumber,
  peak_db: maybeNumber,
  truncated: z.boolean(),
  resource_uri: text,
});

const CallStream = z.strictObject({
  audio_track: text,
  bidirectional: z.boolean(),
  bill_duration: nothing,
  billed_amount: nothing,
  call_uuid: text,
  created_at: maybeTime,
  end_time: maybeTime,
  plivo_auth_id: text,
  resource_uri: text,
  service_url: text,
  start_time: maybeTime,
  status: text,
  status_callback_url: maybeText,
  stream_id: text,
  content_type: text,
  protocol: text,
  reason: maybeText,
  detail: maybeText,
});

const EndedCall = z.strictObject({
  answer_time: maybeTime,
  bill_duration: z.number(),
  billed_duration: nothing,
  call_direction: z.enum(['inbound', 'outbound']),
  call_duration: z.number(),
  call_uuid: text,
  conference_uuid: maybeText,
  end_time: maybeTime,
  from_number: text,
  hangup_cause_code: z.number(),
  hangup_cause_name: text,
  hangup_source: text,
  initiation_time: maybeTime,
  parent_call_uuid: nothing,
  resource_uri: text,
  to_number: text,
  total_amount: text,
  total_rate: text,
  call_status: text,
  end_cause: text,
});

const LiveCall = z.strictObject({
  call_status: text,
  call_uuid: text,
  caller_name: text,
  direction: text,
  from: text,
  request_uuid: text,
  session_start: text,
  to: text,
});

const listOf = (item: z.ZodObject) =>
  z.strictObject({
    meta: z.strictObject({
      count: z.number(),
      limit: z.number(),
      next: maybeText,
      offset: z.number(),
      previous: maybeText,
      total_count: z.number(),
    }),
    objects: z.array(item),
  });

const message = (of: string) => z.strictObject({ message: z.literal(of) });
const told = z.strictObject({ recording_id: text, recording_url: text });

/** Bodies of answers, by the name of their component. */
export const ANSWERS = {
  Mpc,
  MpcList: listOf(Mpc),
  Participant,
  ParticipantList: listOf(Participant),
  Added: z.strictObject({
    calls: z.array(z.strictObject({ to: text, from: text, call_uuid: text })),
    message: z.literal('add participant action initiated'),
    request_uuid: text,
  }),
  Updated: z.strictObject({ coach_mode: text.optional(), hold: text.optional(), mute: text.optional() }),
  PlayQueued: z.strictObject({ message: text, mpcMemberId: z.array(text), mpcName: text }),
  CallPlayStarted: z.strictObject({ message: text }),
  Play,
  PlayList: listOf(Play),
  PlaysChanged: z.strictObject({ message: z.literal('plays changed'), objects: z.array(Play) }),
  /** `calls` has the UUIDs of those that live, the others those that are over. */
  CallList: z.union([listOf(EndedCall), z.strictObject({ calls: z.array(text) })]),
  Call: z.union([EndedCall, LiveCall]),
  Transferred: z.strictObject({ message: z.literal('transfer executed'), call_uuids: z.array(text) }),
  DigitsSent: message('digits sent'),
  CallStream,
  CallStreamList: listOf(CallStream),
  StreamStarted: z.strictObject({ message: z.literal('audio streaming started'), stream_id: text }),
  Voices: z.strictObject({
    engine: text,
    voices: z.array(z.strictObject({ voice: text, language: maybeText })),
    languages: z.array(z.strictObject({ language: text, name: text })),
  }),
  RecordStarted: told.extend({
    message: text,
    recordings: z.array(told.extend({ record_track_type: text })).optional(),
  }),
  Recording,
  RecordingList: listOf(Recording),
  Clip,
  ClipList: listOf(Clip),
  Endpoint,
  EndpointList: listOf(Endpoint),
  EndpointCreated: z.strictObject({ alias: text, endpoint_id: text, message: z.literal('created'), username: text }),
  EndpointChanged: z.strictObject({ alias: text, message: z.literal('changed') }),
  Token: z.strictObject({ token: text, url: text, expires_in: z.number() }),
} as const;

export type AnswerName = keyof typeof ANSWERS;
