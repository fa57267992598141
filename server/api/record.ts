import { z } from 'zod';
import { method, type UrlRules, url, word } from '../body-values.ts';
import { callbackTarget } from '../callbacks/index.ts';
import { ApiError, type ApiErrorCode } from '../errors.ts';
import { type Directory, isMemberId, type Member, type Mpc } from '../mpc/index.ts';
import type { RecordFormat, RecordingRow, Recordings, RecordTrack } from '../recordings/index.ts';
import { bodySchema, read } from './fields.ts';
import { recordingAddresses } from './present-recording.ts';
import { type Answer, type ApiRequest, type BodySchema, liveMpc, param, type Resource } from './resource.ts';

export interface RecordDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly recordings: Recordings;
  readonly rules: UrlRules;
}

/** What is recorded: an MPC, or one of its members on some tracks. */
interface Subject {
  readonly mpc: Mpc;
  readonly member: Member | undefined;
  readonly tracks: readonly RecordTrack[];
}

type Find = (request: ApiRequest) => Subject;

const FORMATS: readonly RecordFormat[] = ['mp3', 'wav'];
const TRACK = z.object({
  record_track_type: word(
    'All of the MPC, her own voice, or one recording of each',
    ['all', 'participant', 'both'],
    'all',
  ),
});
const TRACK_BODY = bodySchema({ title: 'RecordTrack', example: { record_track_type: 'participant' } }, TRACK);
const EXAMPLE = { file_format: 'wav', recording_callback_url: 'https://app.example.com/recordings' };

function startSchema(rules: UrlRules) {
  return z.object({
    file_format: word('Of the file', FORMATS, 'mp3'),
    recording_callback_method: method('recording_callback_url', 'POST'),
    recording_callback_url: url('Is told of the recording', rules),
  });
}

/** Starts, stops, pauses and resumes recordings of MPCs and of members. */
export function recordResources(deps: RecordDeps): readonly Resource[] {
  const mpcOf: Find = (request) => ({
    mpc: liveMpc(request, deps.directory),
    member: undefined,
    tracks: ['mpc'],
  });
  const memberOf: Find = (request) => {
    const tracks = tracksOf(request);
    const id = param(request, 'members');
    if (!isMemberId(id)) throw new ApiError('bad_members', { detail: 'name one id here' });
    const mpc = liveMpc(request, deps.directory);
    const member = mpc.member(id);
    if (!member?.present) throw new ApiError('not_found');
    return { mpc, member, tracks };
  };
  const schema = startSchema(deps.rules);
  const starting =
    (find: Find, status: 200 | 202) =>
    (request: ApiRequest): Answer =>
      start(deps, schema, request, find(request), status);
  return [
    ...resourcesAt(deps, '/MultiPartyCall/:mpc/Record/', mpcOf, {
      POST: starting(mpcOf, 202),
      body: bodySchema({ title: 'Record', example: EXAMPLE }, schema),
    }),
    ...resourcesAt(deps, '/MultiPartyCall/:mpc/Participant/:members/Record/', memberOf, {
      POST: starting(memberOf, 200),
      body: bodySchema({ title: 'RecordParticipant', example: EXAMPLE }, schema, TRACK),
      tracks: TRACK_BODY,
    }),
  ];
}

/** How a kind of recording is started, and what its other requests read of their bodies. */
interface Start {
  readonly POST: (request: ApiRequest) => Answer;
  readonly body: BodySchema;
  readonly tracks?: BodySchema;
}

function resourcesAt(
  { recordings }: RecordDeps,
  path: string,
  find: Find,
  { POST, body, tracks }: Start,
): readonly Resource[] {
  const change = tracks && { bodies: { POST: tracks } };
  return [
    {
      path,
      bodies: { POST: body, ...(tracks && { DELETE: tracks }) },
      methods: {
        POST,
        DELETE: (request) => {
          for (const { id } of underWay(recordings, find(request))) recordings.stop(id);
          return { status: 204 };
        },
      },
    },
    {
      path: `${path}Pause/`,
      ...change,
      methods: {
        POST: (request) => {
          const some = underWay(recordings, find(request));
          return changed(some.filter(({ id }) => recordings.pause(id)).length, 'recording_paused');
        },
      },
    },
    {
      path: `${path}Resume/`,
      ...change,
      methods: {
        POST: (request) => {
          const some = underWay(recordings, find(request));
          return changed(some.filter(({ id }) => recordings.resume(id)).length, 'recording_not_paused');
        },
      },
    },
  ];
}

function start(
  deps: RecordDeps,
  schema: ReturnType<typeof startSchema>,
  request: ApiRequest,
  subject: Subject,
  status: 200 | 202,
): Answer {
  const given = read(schema, request.body);
  const callbackUrl = given.recording_callback_url;
  const callback = callbackUrl && callbackTarget(callbackUrl, given.recording_callback_method);
  const { mpc, member, tracks } = subject;
  const base = `${request.secure ? 'https' : 'http'}://${request.host}`;
  const order = { mpc, member, format: given.file_format, callback, base };
  const started = deps.recordings.start(tracks.map((track) => ({ ...order, track })));
  if (!started.ok) throw new ApiError(started.reason);
  const told = started.recordings.map((recording) => ({
    recording_id: recording.id,
    recording_url: recordingAddresses(deps.authId, recording).file,
  }));
  return {
    status,
    body: {
      message: `MPC: ${mpc.name} ${member ? 'participant record' : 'record'} started`,
      ...told.at(-1),
      // Plivo's answer has room for one; asking for both makes two.
      ...(told.length > 1 && {
        recordings: told.map((each, index) => ({ ...each, record_track_type: tracks[index] })),
      }),
    },
  };
}

function underWay(recordings: Recordings, { mpc, member, tracks }: Subject): readonly RecordingRow[] {
  const some = tracks.flatMap((track) => recordings.running(mpc, member, track) ?? []);
  if (some.length > 0) return some;
  throw new ApiError('not_recording', member && { detail: `on track ${tracks.join(' or ')}` });
}

function changed(count: number, otherwise: ApiErrorCode): Answer {
  if (count === 0) throw new ApiError(otherwise);
  return { status: 204 };
}

/** Plivo's `both` is one recording of each kind. */
function tracksOf(request: ApiRequest): readonly RecordTrack[] {
  const { record_track_type: type } = read(TRACK, request.body);
  return type === 'both' ? ['all', 'participant'] : [type];
}
