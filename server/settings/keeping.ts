import { whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';
import { day, megabyte, minute } from './units.ts';

/** What stays when a call is over, and for how long. */
export const keeping = {
  HISTORY_DAYS: {
    fallback: '90',
    meaning: 'Days that ended MPCs with their participants, and ended calls, stay readable',
    schema: whole(0, 3650),
  },
  ENDED_MPCS_KEPT: {
    fallback: '50000',
    meaning: 'Ended MPCs that stay readable; the oldest go first',
    schema: whole(0, 1_000_000),
  },
  ENDED_CALLS_KEPT: {
    fallback: '50000',
    meaning: 'Ended calls that stay readable; the oldest go first',
    schema: whole(0, 1_000_000),
  },
  PLAYS_KEPT: {
    fallback: '1000',
    meaning: 'Finished plays that stay readable, for at most an hour',
    schema: whole(0, 1_000_000),
  },
  MAX_RECORDINGS: { fallback: '100', meaning: 'Recordings under way at once', schema: whole(1, 100_000) },
  RECORDING_MAX_SECONDS: {
    fallback: String(4 * 60 * minute),
    meaning: 'Length at which a recording ends by itself, pauses left out',
    schema: whole(1, 7 * day),
  },
  RECORDINGS_MAX_BYTES: {
    fallback: '10737418240',
    meaning: 'All recordings on disk; further ones get 429, and running ones fail',
    schema: whole(megabyte, 2 ** 50),
  },
  RECORDINGS_MAX_COUNT: {
    fallback: '100000',
    meaning: 'Recordings that are remembered; further ones get 429',
    schema: whole(1, 1_000_000),
  },
  RECORDING_DAYS: {
    fallback: '0',
    meaning: 'Days after which a recording is deleted with its file; 0 keeps it until somebody deletes it',
    schema: whole(0, 36_500),
  },
} as const satisfies SettingTable;
