import { ApiError, type ApiErrorCode } from '../errors.ts';
import { type Directory, isMemberId, type Member, type Mpc } from '../mpc/index.ts';
import type { RecordFormat, RecordingRow, Recordings, RecordTrack } from '../recordings/index.ts';
import { textField, wordField } from './fields.ts';
import { CALLBACK_METHODS, checkedCallback, type PlayBodyRules } from './play-body.ts';
import { recordingAddresses } from './present-recording.ts';
import { type Answer, type ApiRequest, liveMpc, param, type Resource } from './resource.ts';

export interface RecordDeps {
  readonly authId: string;
  readonly directory: Directory;
  readonly recordings: Recordings;
  readonly rules: Pick<PlayBodyRules, 'maxUrlLength' | 'checkUrl'>;
}

/** What is recorded: an MPC, or one of its members on some tracks. */
interface Subject {
  readonly mpc: Mpc;
  readonly member: Member | undefined;
  readonly tracks: readonly RecordTrack[];
}

type Find = (request: ApiRequest) => Subject;

const FORMATS: readonly RecordFormat[] = ['mp3', 'wav'];

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
  return [
    ...resourcesAt(deps, '/MultiPartyCall/:mpc/Record/', mpcOf, (request) => start(deps, request, mpcOf(request), 202)),
    ...resourcesAt(deps, '/MultiPartyCall/:mpc/Participant/:members/Record/', memberOf, (request) =>
      start(deps, request, memberOf(request), 200),
    ),
  ];
}

function resourcesAt(
  { recordings }: RecordDeps,
  path: string,
  find: Find,
  POST: (request: ApiRequest) => Answer,
): readonly Resource[] {
  return [
    {
      path,
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
      methods: {
        POST: (request) => {
          const some = underWay(recordings, find(request));
          return changed(some.filter(({ id }) => recordings.pause(id)).length, 'recording_paused');
        },
      },
    },
    {
      path: `${path}Resume/`,
      methods: {
        POST: (request) => {
          const some = underWay(recordings, find(request));
          return changed(some.filter(({ id }) => recordings.resume(id)).length, 'recording_not_paused');
        },
      },
    },
  ];
}

function start(deps: RecordDeps, request: ApiRequest, subject: Subject, status: 200 | 202): Answer {
  const format = wordField(request.body, 'file_format', FORMATS) ?? 'mp3';
  const url = textField(request.body, 'recording_callback_url');
  const method = wordField(request.body, 'recording_callback_method', CALLBACK_METHODS);
  const callback = checkedCallback('recording_callback_url', url, method, deps.rules);
  const { mpc, member, tracks } = subject;
  const base = `${request.secure ? 'https' : 'http'}://${request.host}`;
  const order = { mpc, member, format, callback, base };
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
  const type = wordField(request.body, 'record_track_type', ['all', 'participant', 'both']) ?? 'all';
  return type === 'both' ? ['all', 'participant'] : [type];
}
