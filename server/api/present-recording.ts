import type { RecordingAddresses } from '../callbacks/index.ts';
import type { RecordingRow } from '../recordings/index.ts';
import { accountPath, presentTime } from './present.ts';

/** Plivo's storage is paid for by the month; ours costs nothing. */
const FREE = '0.00000';
const ROUNDED_TO_SECONDS = 60;
const DAY_MS = 86_400_000;

export function recordingPath(authId: string, { id }: RecordingRow): string {
  return `${accountPath(authId)}/Recording/${id}/`;
}

/** Where others find a recording: its file, and what is known of it. */
export function recordingAddresses(authId: string, recording: RecordingRow): RecordingAddresses {
  const resource = `${recording.base}${recordingPath(authId, recording)}`;
  return { resource, file: `${resource.slice(0, -1)}.${recording.format}` };
}

/** Plivo's recording object; what it does not have comes last. */
export function presentRecording(authId: string, recording: RecordingRow, now: Date): Record<string, unknown> {
  const { startedAt, endedAt, durationMs } = recording;
  const isOver = recording.state === 'completed' || recording.state === 'failed';
  return {
    add_time: presentTime(new Date(startedAt)),
    call_uuid: recording.callUuid,
    conference_name: recording.mpcName,
    conference_uuid: recording.mpcUuid,
    from_number: recording.from,
    monthly_recording_storage_amount: FREE,
    mpc_name: recording.mpcName,
    mpc_uuid: recording.mpcUuid,
    recording_duration_ms: isOver ? fixed(durationMs) : null,
    recording_end_ms: endedAt === null ? null : fixed(Date.parse(endedAt)),
    recording_format: recording.format,
    recording_id: recording.id,
    recording_start_ms: fixed(Date.parse(startedAt)),
    recording_storage_duration: Math.max(1, Math.ceil((now.getTime() - Date.parse(startedAt)) / DAY_MS)),
    recording_storage_rate: FREE,
    recording_type: 'conference',
    recording_url: recordingAddresses(authId, recording).file,
    resource_uri: recordingPath(authId, recording),
    rounded_recording_duration: isOver ? Math.ceil(durationMs / 1000 / ROUNDED_TO_SECONDS) * ROUNDED_TO_SECONDS : null,
    to_number: recording.to,
    status: recording.state,
    reason: recording.reason,
    detail: recording.detail,
    member_id: recording.memberId,
    record_track_type: recording.track === 'mpc' ? null : recording.track,
    sample_rate: recording.sampleRate,
    size: recording.bytes,
    missing_ms: recording.missingMs,
  };
}

/** Plivo writes these numbers as text with five decimals. */
function fixed(value: number): string {
  return value.toFixed(5);
}
