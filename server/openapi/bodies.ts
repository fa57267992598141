import { z } from 'zod';
import { TERMS_SCHEMA } from '../mpc/index.ts';
import { FORMAT_NAMES } from '../ws/index.ts';
import { flag, list, method, number, text, url, whole, word } from './wire.ts';

const DAY_MS = 86_400_000;

/** Plivo's asynchronous form, which every request that changes an MPC or its participants takes. */
const answeredLater = {
  callback_url: url('Answer 200 at once and tell this URL the real answer'),
  callback_method: method('it', 'POST'),
};

const playManner = {
  length: number(0, DAY_MS / 1000, 'Seconds after which it stops by itself; 0 for no limit'),
  loop: z
    .union([z.boolean(), z.int().min(0).max(1000)])
    .optional()
    .meta({ description: 'true or 0 repeats until stopped' }),
  mix: flag('false: the targets hear only the play, and are not heard while it runs', true),
  volume: number(-60, 20, 'Gain in dB', 0),
  start_ms: number(0, DAY_MS, 'Where in the first file it begins', 0),
  fade_in_ms: number(0, 60_000, 'Rises so long at the start', 0),
  fade_out_ms: number(0, 60_000, 'Falls so long before its end', 0),
  normalize: z
    .union([z.boolean(), z.number().min(-50).max(-5)])
    .optional()
    .meta({ description: 'LUFS; true is -19' }),
  mode: word(['queue', 'replace', 'layer'], 'Waits its turn, or stops what plays in its layer', 'queue'),
  layer: word(['bed', 'announcement', 'whisper'], 'Layers sound together, the earlier giving way', 'announcement'),
  covered: word(['dip', 'pause'], 'What it does while a later layer sounds', 'dip'),
  priority: whole(0, 9, 'The higher waits in front', 0),
  duck: z
    .union([
      z.boolean(),
      z.number().min(-60).max(0),
      z.object({
        gain_db: number(-60, 0, 'Gain of live speech in dB', -12),
        attack_ms: number(0, 60_000, 'Falls so long', 100),
        release_ms: number(0, 60_000, 'Rises so long', 400),
      }),
    ])
    .optional()
    .meta({ description: 'Lowers the live speech meanwhile' }),
  later_joiners: flag('Members who join meanwhile hear it from where it is', false),
  callback_url: url('Is told of starts and ends'),
  callback_method: method('it', 'POST'),
};

const audience = {
  except: list('With all: everybody but these members'),
  role: list('With all: only members of these roles'),
};
const legs = { legs: word(['aleg', 'bleg', 'both'], 'The call itself, all others of its MPC, or everybody', 'aleg') };
const urls = {
  url: list('One URL of an mp3 or wav file, or several'),
  urls: list('The same under its other name'),
};
const speech = {
  text: z.string().meta({ description: 'What is spoken' }),
  voice: text('WOMAN, MAN, Polly.NAME or one of /Speak/Voices/'),
  language: text('Such as en-US'),
};
const recording = {
  file_format: word(['mp3', 'wav'], 'Of the file', 'mp3'),
  recording_callback_url: url('Is told of the recording'),
  recording_callback_method: method('it', 'POST'),
};
const tracks = {
  record_track_type: word(['all', 'participant', 'both'], 'All of the MPC, her own voice, or one of each', 'all'),
};
const endpoint = {
  password: z.string().min(5).max(128),
  alias: z.string().min(1).max(64).meta({ description: 'For people' }),
  app_id: text('Kept, and shown as application'),
};

/** Of Add Participant besides the terms. */
const dialling = {
  from: text('Who calls: a telephone number, a user or a sip: address'),
  to: text('Whom to call; for an agent several, joined with <'),
  call_uuid: text('Instead of from and to: a live call to move into the MPC'),
  caller_name: text('1 to 50 characters'),
  call_status_callback_url: url('Is told of the call'),
  call_status_callback_method: method('it', 'POST'),
  sip_headers: text('Pairs such as ticket=7,lang=de'),
  confirm_key: text('One of 0-9, * and #: the key that takes the call'),
  confirm_key_sound_url: url('XML that asks for the key'),
  confirm_key_sound_method: method('it', 'GET'),
  dial_music: text('real, none or a URL of XML'),
  ring_timeout: z
    .union([z.int().min(1).max(600), z.string()])
    .optional()
    .meta({ description: 'Seconds; one for each of to, joined with <', 'x-default': 45 }),
  delay_dial: z
    .union([z.int().min(0).max(600), z.string()])
    .optional()
    .meta({ description: 'Seconds; one for each of to, joined with <', 'x-default': 0 }),
  send_digits: text('Sent once the call is answered'),
  send_on_preanswer: flag('true: digits are sent in early media, where there is any', false),
  create_mpc_with_single_participant: flag('false: the MPC has to live already', true),
};

/** Bodies of requests, by the name of their component. */
export const BODIES = {
  StartMpc: z.object({ status: z.enum(['active']), ...answeredLater }),
  AsyncOnly: z.object(answeredLater),
  AddParticipant: z.object({ ...TERMS_SCHEMA.shape, ...dialling, ...answeredLater }),
  UpdateParticipant: z.object({
    mute: flag('Is not heard'),
    hold: flag('Neither hears nor is heard'),
    coach_mode: flag('Supervisors only, and not with all'),
    disable_state_change_sound: flag('Taken; no sound is made of changes'),
    ...answeredLater,
  }),
  MemberPlay: z.object({ ...urls, ...playManner, ...audience }),
  MemberSpeak: z.object({ ...speech, ...playManner, ...audience }),
  CallPlay: z.object({ ...urls, ...playManner, ...legs }),
  CallSpeak: z.object({ ...speech, ...playManner, ...legs }),
  ChangePlay: z.object({
    action: word(['pause', 'resume'], 'Needed unless there is another change'),
    position_ms: number(0, DAY_MS, 'Goes to'),
    by_ms: number(-DAY_MS, DAY_MS, 'Goes on or back by'),
    volume: number(-60, 20, 'Gain in dB'),
    ramp_ms: number(0, 60_000, 'How long the volume takes to change', 200),
  }),
  Transfer: z.object({
    legs: word(['aleg', 'bleg', 'both'], 'The call itself, the others in its MPC, or all', 'aleg'),
    aleg_url: url('Asked for XML for the call itself'),
    aleg_method: method('it', 'POST'),
    bleg_url: url('Asked for XML for the others'),
    bleg_method: method('it', 'POST'),
  }),
  Digits: z.object({
    digits: z.string().min(1).max(64),
    leg: word(['aleg', 'bleg', 'both'], 'The call itself, the others in its MPC, or all', 'aleg'),
  }),
  StreamCall: z.object({
    service_url: z.string().meta({ format: 'uri', description: 'ws or wss' }),
    bidirectional: flag('The application may play audio', false),
    audio_track: word(['inbound', 'outbound', 'both'], 'What is streamed', 'inbound'),
    stream_timeout: whole(1, 86_400, 'Seconds', 86_400),
    content_type: word(FORMAT_NAMES, 'Of the audio both ways', 'audio/x-l16;rate=8000'),
    extra_headers: text('Pairs name=value with commas between them'),
    protocol: word(['plivo', 'twilio'], 'Whose messages are spoken', 'plivo'),
    status_callback_url: url('Is told of the stream'),
    status_callback_method: method('it', 'POST'),
  }),
  Record: z.object({ ...recording, ...answeredLater }),
  RecordParticipant: z.object({ ...recording, ...tracks, ...answeredLater }),
  RecordTrack: z.object({ ...tracks, ...answeredLater }),
  WarmClip: z.object({ url: z.string().meta({ format: 'uri', description: 'One URL of an mp3 or wav file' }) }),
  CreateEndpoint: z.object({ username: z.string().min(1).max(25), ...endpoint }),
  ChangeEndpoint: z.object(endpoint).partial(),
  StreamToken: TERMS_SCHEMA.partial(),
} as const;

export type BodyName = keyof typeof BODIES;

/** Of these `callback_url` asks for an answer later; of plays it asks for their events. */
export const ANSWERED_LATER: readonly BodyName[] = [
  'StartMpc',
  'AsyncOnly',
  'AddParticipant',
  'UpdateParticipant',
  'Record',
  'RecordParticipant',
  'RecordTrack',
];
