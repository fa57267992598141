import type { AnswerName } from './answers.ts';

/** What the document says of one method of one path. */
export interface Operation {
  readonly summary: string;
  /** Statuses of success. */
  readonly success: readonly number[];
  /** What a success that is no 204 holds. */
  readonly answer?: AnswerName;
  /** Plivo does not have it. */
  readonly extension?: true;
}

/** Every operation, by method and path; a test keeps these, the routes and docs/api.md equal. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /MultiPartyCall/': { summary: 'Lists MPCs, newest first', success: [200], answer: 'MpcList' },
  'GET /MultiPartyCall/:mpc/': { summary: 'Shows one MPC', success: [200], answer: 'Mpc' },
  'POST /MultiPartyCall/:mpc/': {
    summary: 'Starts an MPC whose members wait, by {"status":"active"}; to one that is active nothing happens',
    success: [204],
  },
  'DELETE /MultiPartyCall/:mpc/': {
    summary: 'Ends an MPC and hangs up on everybody in it',
    success: [204],
  },
  'GET /MultiPartyCall/:mpc/Participant/': {
    summary: 'Lists members, also those who have left',
    success: [200],
    answer: 'ParticipantList',
  },
  'POST /MultiPartyCall/:mpc/Participant/': {
    summary: 'Calls somebody into an MPC, or moves a call into it',
    success: [201],
    answer: 'Added',
  },
  'GET /MultiPartyCall/:mpc/Participant/:members/': {
    summary: 'Shows one member',
    success: [200],
    answer: 'Participant',
  },
  'POST /MultiPartyCall/:mpc/Participant/:members/': {
    summary: 'Changes mute, hold, coach_mode',
    success: [202],
    answer: 'Updated',
  },
  'DELETE /MultiPartyCall/:mpc/Participant/:members/': {
    summary: 'Kicks members out',
    success: [204],
  },
  'POST /MultiPartyCall/:mpc/Member/:members/Play/': {
    summary: 'Plays audio to members',
    success: [202],
    answer: 'PlayQueued',
  },
  'DELETE /MultiPartyCall/:mpc/Member/:members/Play/': {
    summary: 'Stops what was started with the same form',
    success: [204],
  },
  'POST /MultiPartyCall/:mpc/Member/:members/Speak/': {
    summary: 'Speaks a text to members',
    success: [202],
    answer: 'PlayQueued',
  },
  'DELETE /MultiPartyCall/:mpc/Member/:members/Speak/': {
    summary: 'Stops what was spoken with the same form',
    success: [204],
  },
  'GET /Call/': {
    summary: 'Lists calls that are over, newest first; with status live or queued, the UUIDs of those',
    success: [200],
    answer: 'CallList',
  },
  'GET /Call/:call/': {
    summary: 'Shows one call that is over; with status live or queued, one that is that',
    success: [200],
    answer: 'Call',
  },
  'POST /Call/:call/': {
    summary: "Transfers a live call to what a URL's XML says",
    success: [202],
    answer: 'Transferred',
  },
  'DELETE /Call/:call/': { summary: 'Hangs up', success: [204] },
  'POST /Call/:call/DTMF/': {
    summary: "Sends digits to a call's telephone, or with leg bleg or both to the others in its MPC",
    success: [202],
    answer: 'DigitsSent',
  },
  'POST /Call/:call/Play/': {
    summary: 'Plays audio to a call, in an MPC or in its own room',
    success: [202],
    answer: 'CallPlayStarted',
  },
  'DELETE /Call/:call/Play/': { summary: 'Stops what was started on that call', success: [204] },
  'POST /Call/:call/Speak/': {
    summary: 'Speaks a text to a call, in an MPC or in its own room',
    success: [202],
    answer: 'CallPlayStarted',
  },
  'DELETE /Call/:call/Speak/': { summary: 'Stops what was spoken on that call', success: [204] },
  'GET /Call/:call/Stream/': {
    summary: "Lists a call's streams to applications, newest first",
    success: [200],
    answer: 'CallStreamList',
  },
  'POST /Call/:call/Stream/': {
    summary: "Streams a call's audio to an application's WebSocket",
    success: [201],
    answer: 'StreamStarted',
  },
  'DELETE /Call/:call/Stream/': { summary: 'Stops them all', success: [204] },
  'GET /Call/:call/Stream/:stream/': { summary: 'Shows one', success: [200], answer: 'CallStream' },
  'DELETE /Call/:call/Stream/:stream/': { summary: 'Stops one', success: [204] },
  'GET /Speak/Voices/': { summary: 'Lists voices and languages', success: [200], answer: 'Voices', extension: true },
  'GET /MultiPartyCall/:mpc/Play/': {
    summary: 'Lists plays, newest first',
    success: [200],
    answer: 'PlayList',
    extension: true,
  },
  'GET /MultiPartyCall/:mpc/Play/:play/': {
    summary: 'Shows one play',
    success: [200],
    answer: 'Play',
    extension: true,
  },
  'POST /MultiPartyCall/:mpc/Play/': {
    summary: 'Changes every play that is not over, as one is changed',
    success: [202],
    answer: 'PlaysChanged',
    extension: true,
  },
  'DELETE /MultiPartyCall/:mpc/Play/': {
    summary: 'Stops every play, however it was started',
    success: [204],
    extension: true,
  },
  'POST /MultiPartyCall/:mpc/Play/:play/': {
    summary: 'Pauses, resumes, moves, changes the volume',
    success: [202],
    answer: 'Play',
    extension: true,
  },
  'DELETE /MultiPartyCall/:mpc/Play/:play/': { summary: 'Stops one play', success: [204], extension: true },
  'POST /MultiPartyCall/:mpc/Record/': {
    summary: 'Records an MPC',
    success: [202],
    answer: 'RecordStarted',
  },
  'DELETE /MultiPartyCall/:mpc/Record/': { summary: 'Ends the recording', success: [204] },
  'POST /MultiPartyCall/:mpc/Record/Pause/': { summary: 'Pauses it', success: [204] },
  'POST /MultiPartyCall/:mpc/Record/Resume/': { summary: 'Goes on with it', success: [204] },
  'POST /MultiPartyCall/:mpc/Participant/:members/Record/': {
    summary: 'Records for one member: her voice, or all of the MPC',
    success: [200],
    answer: 'RecordStarted',
  },
  'DELETE /MultiPartyCall/:mpc/Participant/:members/Record/': {
    summary: 'Ends that',
    success: [204],
  },
  'POST /MultiPartyCall/:mpc/Participant/:members/Record/Pause/': {
    summary: 'Pauses it',
    success: [204],
  },
  'POST /MultiPartyCall/:mpc/Participant/:members/Record/Resume/': {
    summary: 'Goes on with it',
    success: [204],
  },
  'GET /Recording/': {
    summary: 'Lists recordings, newest first',
    success: [200],
    answer: 'RecordingList',
  },
  'GET /Recording/:recording/': {
    summary: 'Shows one recording; with .mp3 or .wav behind the id it is the file',
    success: [200],
    answer: 'Recording',
  },
  'DELETE /Recording/:recording/': { summary: 'Deletes a recording and its file', success: [204] },
  'GET /Clip/': { summary: 'Lists clips in memory, newest first', success: [200], answer: 'ClipList', extension: true },
  'POST /Clip/': {
    summary: 'Fetches a clip ahead of its first play',
    success: [202, 200],
    answer: 'Clip',
    extension: true,
  },
  'DELETE /Clip/': { summary: 'Drops every clip that nobody plays', success: [204], extension: true },
  'GET /Clip/:clip/': { summary: 'Shows one clip', success: [200], answer: 'Clip', extension: true },
  'DELETE /Clip/:clip/': { summary: 'Drops one clip', success: [204], extension: true },
  'GET /Endpoint/': { summary: 'Lists SIP users, newest first', success: [200], answer: 'EndpointList' },
  'POST /Endpoint/': { summary: 'Makes a SIP user', success: [201], answer: 'EndpointCreated' },
  'GET /Endpoint/:endpoint/': {
    summary: 'Shows one, and whether a phone of it is registered',
    success: [200],
    answer: 'Endpoint',
  },
  'POST /Endpoint/:endpoint/': {
    summary: 'Changes password, alias, app_id',
    success: [202],
    answer: 'EndpointChanged',
  },
  'DELETE /Endpoint/:endpoint/': { summary: 'Deletes one; its phones are signed off, its calls go on', success: [204] },
  'POST /MultiPartyCall/:mpc/Stream/': {
    summary: 'Makes a token for a WebSocket that joins',
    success: [201],
    answer: 'Token',
    extension: true,
  },
};
