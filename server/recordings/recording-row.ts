import { z } from 'zod';
import { targetRow } from '../callbacks/stored-target.ts';
import { type Store, Timeline } from '../store/index.ts';

/** What a recording is of: the MPC, the MPC as a recording of one member, or one member's voice alone. */
export type RecordTrack = 'mpc' | 'all' | 'participant';

export type RecordFormat = 'mp3' | 'wav';

/** Why a recording failed: a closed set, also a metric label. */
export const RECORDING_FAILURES = [
  /** No room on the disk. */
  'disk_full',
  /** The disk refused otherwise. */
  'disk_error',
  /** All that the settings allow for recordings is used up. */
  'budget_used',
  /** What an earlier run of the server had begun is not there any more, or cannot be read. */
  'lost',
] as const;

export type RecordingFailure = (typeof RECORDING_FAILURES)[number];

/** Why a recording ended, well or not. */
export const RECORDING_ENDS = [
  'stopped',
  'member_left',
  'mpc_ended',
  'max_duration',
  /** The server ended, or was ended, in the midst of it; what there was is kept. */
  'server_ended',
  ...RECORDING_FAILURES,
] as const;

export type RecordingEndReason = (typeof RECORDING_ENDS)[number];

const time = z.iso.datetime();

/** A recording as it is remembered. */
const recordingRow = z.object({
  id: z.uuid(),
  /** Null when it was forgotten whose sound this is. */
  mpcUuid: z.uuid().nullable(),
  mpcName: z.string(),
  memberId: z.string().nullable(),
  callUuid: z.uuid().nullable(),
  /** The two ends of a member's call. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  track: z.enum(['mpc', 'all', 'participant']),
  /** `finishing`: all was said, and the file is being made. */
  state: z.enum(['recording', 'paused', 'finishing', 'completed', 'failed']),
  /** Asked for; what is there once it is finished. */
  format: z.enum(['mp3', 'wav']),
  sampleRate: z.number(),
  startedAt: time,
  endedAt: time.nullable(),
  durationMs: z.number(),
  /** Of the file; null while there is none to be had. */
  bytes: z.number().nullable(),
  missingMs: z.number(),
  reason: z.enum(RECORDING_ENDS).nullable(),
  detail: z.string().nullable(),
  /** What URLs of it begin with, such as `http://127.0.0.1:8080`. */
  base: z.string(),
  callback: targetRow.nullable(),
  /** Callbacks told of it so far. */
  told: z.number(),
});

export type RecordingRow = Readonly<z.infer<typeof recordingRow>>;

/** Where recordings are remembered, in the order of their beginning. */
export function recordingRows(store: Store): Timeline<RecordingRow> {
  return new Timeline(store, 'recording', recordingRow, ({ startedAt, id }) => ({ time: Date.parse(startedAt), id }));
}

export function isOver({ state }: RecordingRow): boolean {
  return state === 'completed' || state === 'failed';
}
