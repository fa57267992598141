import { ApiError } from '../errors.ts';
import type { RecordingRow, Recordings } from '../recordings/index.ts';
import { accountTests, timeTests } from './mpc-filter.ts';
import { page } from './paging.ts';
import { accountPath } from './present.ts';
import { presentRecording } from './present-recording.ts';
import { type Answer, type ApiRequest, param, type Resource } from './resource.ts';

export interface RecordingsApiDeps {
  readonly authId: string;
  readonly recordings: Recordings;
  readonly now: () => Date;
}

const TYPES = { mp3: 'audio/mpeg', wav: 'audio/wav' } as const;

/** Recordings as Plivo has them: list, one, delete; and their files, whose names are the ids with an extension. */
export function recordingResources({ authId, recordings, now }: RecordingsApiDeps): readonly Resource[] {
  const present = (recording: RecordingRow) => presentRecording(authId, recording, now());
  return [
    {
      path: '/Recording/',
      methods: {
        GET: (request) => {
          const matches = parseFilter(request.query);
          const path = `${accountPath(authId)}/Recording/`;
          return { status: 200, body: page(request, path, recordings.list().filter(matches), present) };
        },
      },
    },
    {
      path: '/Recording/:recording/',
      methods: {
        GET: (request) => {
          const { recording, asksForFile } = read(request, recordings);
          return asksForFile ? fileAnswer(recordings, recording) : { status: 200, body: present(recording) };
        },
        DELETE: (request) => {
          const { recording, asksForFile } = read(request, recordings);
          if (asksForFile) throw new ApiError('method_not_allowed', { headers: { Allow: 'HEAD, GET' } });
          if (!recordings.remove(recording.id)) throw new ApiError('recording_unfinished');
          return { status: 204 };
        },
      },
    },
  ];
}

/** The id of the path, and whether `.mp3` or `.wav` follows it. */
function read(
  request: ApiRequest,
  recordings: Recordings,
): { readonly recording: RecordingRow; readonly asksForFile: boolean } {
  const [, id = '', extension] = /^([0-9a-f-]{36})(\.mp3|\.wav)?$/i.exec(param(request, 'recording')) ?? [];
  const recording = recordings.find(id.toLowerCase());
  if (!recording) throw new ApiError('not_found');
  return { recording, asksForFile: extension !== undefined };
}

/** Whatever extension was asked for, the file there is: an address that was told once stays good. */
function fileAnswer(recordings: Recordings, recording: RecordingRow): Answer {
  const path = recordings.fileOf(recording);
  if (path !== undefined) return { status: 200, file: { path, type: TYPES[recording.format] } };
  throw new ApiError(recording.state === 'failed' ? 'not_found' : 'recording_unfinished');
}

/** Filters as Plivo has them; those of telephone numbers find nothing here. */
function parseFilter(query: URLSearchParams): (recording: RecordingRow) => boolean {
  const tests: ((recording: RecordingRow) => boolean)[] = [
    ...accountTests(query, 'subaccount'),
    ...timeTests<RecordingRow>(query, 'add_time', ({ startedAt }) => new Date(startedAt)),
  ];
  const equal = (name: string, of: (recording: RecordingRow) => string | null): void => {
    const text = query.get(name);
    if (text) tests.push((recording) => of(recording) === text);
  };
  equal('call_uuid', ({ callUuid }) => callUuid);
  equal('mpc_name', ({ mpcName }) => mpcName);
  equal('mpc_uuid', ({ mpcUuid }) => mpcUuid);
  equal('conference_name', ({ mpcName }) => mpcName);
  equal('conference_uuid', ({ mpcUuid }) => mpcUuid);
  equal('from_number', () => null);
  equal('to_number', () => null);
  return (recording) => tests.every((test) => test(recording));
}
