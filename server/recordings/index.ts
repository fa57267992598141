/** What is said in MPCs, kept as files. */
export {
  RECORDING_FAILURES,
  type RecordFormat,
  type RecordingRow,
  type RecordTrack,
} from './recording-row.ts';
export { type RecordingNews, type RecordingObserver, Recordings } from './recordings.ts';
export { startRecordings } from './start.ts';
