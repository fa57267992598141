import type { RecordingNews } from '../recordings/recordings.ts';
import type { CallbackQueue } from './queue.ts';
import type { CallbackFields } from './signature.ts';
import { targetOfRow } from './stored-target.ts';

export interface RecordingAddresses {
  /** Of the file. */
  readonly file: string;
  /** Of the resource. */
  readonly resource: string;
}

/** Tells whoever asked for it how a recording goes. */
export function recordingCallbacks(
  queue: Pick<CallbackQueue, 'add'>,
  addressesOf: (recording: RecordingNews['recording']) => RecordingAddresses,
): (news: RecordingNews) => void {
  return (news) => {
    const { callback } = news.recording;
    if (callback && news.type !== 'stopped')
      queue.add(
        news.recording.mpcUuid ?? news.recording.id,
        targetOfRow(callback),
        recordingFields(news, addressesOf(news.recording)),
      );
  };
}

const WORDS = {
  initiated: 'RecordingInitiated',
  paused: 'RecordingPaused',
  resumed: 'RecordingResumed',
  completed: 'RecordingCompleted',
  failed: 'RecordingFailed',
  stopped: 'RecordingStopped',
} as const;

/** A piece of news as Plivo names its parts; what is not known is left out. */
export function recordingFields(news: RecordingNews, { file, resource }: RecordingAddresses): CallbackFields {
  const { recording, type } = news;
  const isOver = type === 'completed' || type === 'failed';
  const hasFile = type !== 'failed' || recording.bytes !== null;
  const values: Record<string, string | number | null | undefined> = {
    EventName: `${recording.track === 'mpc' ? 'MPC' : 'Participant'}${WORDS[type]}`,
    EventTimestamp: plivoTime(news.at.toISOString()),
    SequenceNumber: news.serial,
    MPCUUID: recording.mpcUuid,
    MPCName: recording.mpcName,
    MemberID: recording.memberId,
    ParticipantCallUUID: recording.callUuid,
    RecordingUUID: recording.id,
    RecordingFormat: recording.format,
    RecordingURL: hasFile ? file : undefined,
    RecordingResourceURL: resource,
    RecordingStartTime: plivoTime(recording.startedAt),
    RecordingEndTime: isOver && recording.endedAt !== null ? plivoTime(recording.endedAt) : undefined,
    RecordingDuration: isOver ? Math.round(recording.durationMs / 1000) : undefined,
    RecordingDurationMs: isOver ? recording.durationMs : undefined,
    RecordingTrackType: recording.track === 'mpc' ? undefined : recording.track,
    Reason: isOver ? recording.reason : undefined,
    Detail: isOver ? recording.detail : undefined,
  };
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== null) fields.set(name, String(value));
  return fields;
}

/** `2020-12-24 09:20:03+00:00` of an ISO time in UTC. */
function plivoTime(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')}+00:00`;
}
