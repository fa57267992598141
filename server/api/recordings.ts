import { ApiError } from '../errors.ts';
import type { RecordingRow, Recordings } from '../recordings/index.ts';
import { accountTests, partyTests, type Test, textTests, timeTests } from './filter-tests.ts';
import { filtered, pageOf } from './paging.ts';
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
        GET: async (request) => {
          const found = filtered(recordings.archive.newestFirst(), parseFilter(request.query));
          const path = `${accountPath(authId)}/Recording/`;
          return { status: 200, body: await pageOf(request, path, found, present) };
        },
      },
    },
    {
      path: '/Recording/:recording/',
      methods: {
        GET: async (request) => {
          const { recording, asksForFile } = await read(request, recordings);
          return asksForFile ? fileAnswer(recordings, recording) : { status: 200, body: present(recording) };
        },
        DELETE: async (request) => {
          const { recording, asksForFile } = await read(request, recordings);
          if (asksForFile) throw new ApiError('method_not_allowed', { headers: { Allow: 'HEAD, GET' } });
          const removed = await recordings.archive.remove(recording.id);
          if (removed !== 'removed')
            throw new ApiError(removed === 'unfinished' ? 'recording_unfinished' : 'not_found');
          return { status: 204 };
        },
      },
    },
  ];
}

/** The id of the path, and whether `.mp3` or `.wav` follows it. */
async function read(
  request: ApiRequest,
  { archive }: Recordings,
): Promise<{ readonly recording: RecordingRow; readonly asksForFile: boolean }> {
  const [, id = '', extension] = /^([0-9a-f-]{36})(\.mp3|\.wav)?$/i.exec(param(request, 'recording')) ?? [];
  const recording = await archive.find(id.toLowerCase());
  if (!recording) throw new ApiError('not_found');
  return { recording, asksForFile: extension !== undefined };
}

/** Whatever extension was asked for, the file there is: an address that was told once stays good. */
function fileAnswer(recordings: Recordings, recording: RecordingRow): Answer {
  const path = recordings.fileOf(recording);
  if (path !== undefined) return { status: 200, file: { path, type: TYPES[recording.format] } };
  throw new ApiError(recording.state === 'failed' ? 'not_found' : 'recording_unfinished');
}

/** The filters of the list as one test. */
function parseFilter(query: URLSearchParams): Test<RecordingRow> {
  const tests: Test<RecordingRow>[] = [
    ...accountTests(query, 'subaccount'),
    ...timeTests<RecordingRow>(query, 'add_time', ({ startedAt }) => new Date(startedAt)),
    ...textTests<RecordingRow>(query, 'call_uuid', ({ callUuid }) => callUuid),
    ...['mpc_name', 'conference_name'].flatMap((field) =>
      textTests<RecordingRow>(query, field, ({ mpcName }) => mpcName),
    ),
    ...['mpc_uuid', 'conference_uuid'].flatMap((field) =>
      textTests<RecordingRow>(query, field, ({ mpcUuid }) => mpcUuid),
    ),
    ...partyTests<RecordingRow>(query, 'from_number', ({ from }) => from),
    ...partyTests<RecordingRow>(query, 'to_number', ({ to }) => to),
  ];
  return (recording) => tests.every((test) => test(recording));
}
