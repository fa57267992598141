import { z } from 'zod';
import { text } from '../body-values.ts';
import { ApiError } from '../errors.ts';
import type { RecordingRow, Recordings } from '../recordings/index.ts';
import { readQuery } from './fields.ts';
import {
  accountField,
  accountTests,
  partyField,
  partyTests,
  type Test,
  textTests,
  timeFields,
  timeTests,
  withUnderscores,
} from './filter-tests.ts';
import { filtered, PAGE, pageOf } from './paging.ts';
import { accountPath } from './present.ts';
import { presentRecording } from './present-recording.ts';
import { type Answer, type ApiRequest, param, type Resource } from './resource.ts';

export interface RecordingsApiDeps {
  readonly authId: string;
  readonly recordings: Recordings;
  readonly now: () => Date;
}

const TYPES = { mp3: 'audio/mpeg', wav: 'audio/wav' } as const;

const FILTER = z.object({
  subaccount: accountField,
  ...timeFields('add_time', 'When they began'),
  call_uuid: text('Of the member with this call'),
  mpc_name: text('Of MPCs of this name'),
  conference_name: text('As mpc_name'),
  mpc_uuid: text('Of this MPC'),
  conference_uuid: text('As mpc_uuid'),
  from_number: partyField('Of members who called'),
  to_number: partyField('Of members who were called'),
  ...PAGE.shape,
});

/** Recordings as Plivo has them: list, one, delete; and their files, whose names are the ids with an extension. */
export function recordingResources({ authId, recordings, now }: RecordingsApiDeps): readonly Resource[] {
  const present = (recording: RecordingRow) => presentRecording(authId, recording, now());
  return [
    {
      path: '/Recording/',
      query: FILTER,
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
  const given = readQuery(FILTER, withUnderscores(query, 'add_time'));
  const tests: Test<RecordingRow>[] = [
    ...accountTests(given.subaccount),
    ...timeTests<RecordingRow>(given, 'add_time', ({ startedAt }) => new Date(startedAt)),
    ...textTests<RecordingRow>(given.call_uuid, ({ callUuid }) => callUuid),
    ...textTests<RecordingRow>(given.mpc_name, ({ mpcName }) => mpcName),
    ...textTests<RecordingRow>(given.conference_name, ({ mpcName }) => mpcName),
    ...textTests<RecordingRow>(given.mpc_uuid, ({ mpcUuid }) => mpcUuid),
    ...textTests<RecordingRow>(given.conference_uuid, ({ mpcUuid }) => mpcUuid),
    ...partyTests<RecordingRow>(given.from_number, ({ from }) => from),
    ...partyTests<RecordingRow>(given.to_number, ({ to }) => to),
  ];
  return (recording) => tests.every((test) => test(recording));
}
