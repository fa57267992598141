import { whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';
import { day } from './units.ts';

/** How many calls, and how long a silent one stays. */
export const callLimits = {
  MAX_MEMBERS: {
    fallback: undefined,
    shown: '500 for each of `MEDIA_WORKERS`',
    meaning: 'Members on this node; further calls get 503',
    schema: whole(1, 1_000_000),
  },
  MAX_MEMBERS_PER_MPC: {
    fallback: '200',
    meaning: 'Members in one MPC; further calls get 486',
    schema: whole(1, 100_000),
  },
  MAX_MIXER_LOAD: {
    fallback: '95',
    meaning:
      'Percent of its time that a mixer thread may need; further calls to its MPCs get 503. 0 takes them all the same',
    schema: whole(0, 100),
  },
  SIP_RATE_LIMIT: { fallback: '50', meaning: 'SIP requests a second from one source', schema: whole(1, 1_000_000) },
  NO_RTP_WARN_SECONDS: { fallback: '30', meaning: 'A call without RTP for so long is reported', schema: whole(1, day) },
  NO_RTP_HANGUP_SECONDS: {
    fallback: '120',
    meaning: 'A call without RTP for so long is hung up',
    schema: whole(1, day),
  },
} as const satisfies SettingTable;
