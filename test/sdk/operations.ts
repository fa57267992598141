/** What a request is for, by the words of the SDKs' methods. */
export type Operation = keyof typeof OPERATIONS;

export const MPC_NAME = 'standup';
export const CLIP = 'https://media.test.example/hello.mp3';
/** Where nobody answers: the discard port. */
export const CALLEE = 'sip:bob@127.0.0.1:9';

const MPC = `/MultiPartyCall/name_${MPC_NAME}`;

/** Method, path and the status that the SDKs expect, in an order in which one MPC of two members can go through them. */
export const OPERATIONS = {
  list: ['GET', '/MultiPartyCall/', 200],
  get: ['GET', `${MPC}/`, 200],
  start: ['POST', `${MPC}/`, 204],
  'list participants': ['GET', `${MPC}/Participant/`, 200],
  'get participant': ['GET', `${MPC}/Participant/1/`, 200],
  'update participant': ['POST', `${MPC}/Participant/1/`, 202],
  'start play': ['POST', `${MPC}/Member/1,2/Play/`, 202],
  'stop play': ['DELETE', `${MPC}/Member/1,2/Play/`, 204],
  'start speak': ['POST', `${MPC}/Member/1,2/Speak/`, 202],
  'stop speak': ['DELETE', `${MPC}/Member/1,2/Speak/`, 204],
  'start recording': ['POST', `${MPC}/Record/`, 202],
  'pause recording': ['POST', `${MPC}/Record/Pause/`, 204],
  'resume recording': ['POST', `${MPC}/Record/Resume/`, 204],
  'stop recording': ['DELETE', `${MPC}/Record/`, 204],
  'start participant recording': ['POST', `${MPC}/Participant/1/Record/`, 200],
  'pause participant recording': ['POST', `${MPC}/Participant/1/Record/Pause/`, 204],
  'resume participant recording': ['POST', `${MPC}/Participant/1/Record/Resume/`, 204],
  'stop participant recording': ['DELETE', `${MPC}/Participant/1/Record/`, 204],
  'add participant': ['POST', `${MPC}/Participant/`, 201],
  'kick participant': ['DELETE', `${MPC}/Participant/2/`, 204],
  'get nobody': ['GET', '/MultiPartyCall/name_nobody/', 404],
  'play nothing': ['POST', `${MPC}/Member/1/Play/`, 400],
  stop: ['DELETE', `${MPC}/`, 204],
} as const satisfies Readonly<Record<string, readonly ['GET' | 'POST' | 'DELETE', string, number]>>;

export type Params = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Of add participant, what Python, Ruby and PHP send besides role, from and to, in this order. */
export const ADD_DEFAULTS: Params = {
  caller_name: '4915112345678',
  call_status_callback_method: 'POST',
  confirm_key_sound_method: 'GET',
  dial_music: 'Real',
  ring_timeout: 45,
  delay_dial: 0,
  max_duration: 14400,
  max_participants: 10,
  wait_music_method: 'GET',
  agent_hold_music_method: 'GET',
  customer_hold_music_method: 'GET',
  recording_callback_method: 'GET',
  status_callback_method: 'GET',
  on_exit_action_method: 'POST',
  record: false,
  record_file_format: 'mp3',
  status_callback_events: 'mpc-state-changes,participant-state-changes',
  stay_alone: false,
  coach_mode: true,
  mute: false,
  hold: false,
  start_mpc_on_enter: true,
  end_mpc_on_exit: false,
  relay_dtmf_inputs: false,
  enter_sound: 'beep:1',
  enter_sound_method: 'GET',
  exit_sound: 'beep:2',
  exit_sound_method: 'GET',
  start_recording_audio_method: 'GET',
  stop_recording_audio_method: 'GET',
};

/** What SDKs send where they do not differ; an operation that is not here is sent without parameters. */
export const COMMON: Readonly<Partial<Record<Operation, Params>>> = {
  list: { limit: 5, status: 'active' },
  start: { status: 'active' },
  'update participant': { mute: true },
  'start play': { url: CLIP },
  'start recording': { file_format: 'mp3', recording_callback_method: 'POST' },
  'start participant recording': { file_format: 'mp3', recording_callback_method: 'POST' },
  'add participant': { role: 'customer', from: '4915112345678', to: CALLEE, ...ADD_DEFAULTS },
  'play nothing': { url: '' },
};
