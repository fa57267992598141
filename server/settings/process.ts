import { z } from 'zod';
import { anything, oneOf, whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';
import { day } from './units.ts';

/** The process, its programs and its folder. */
export const processSettings = {
  FFMPEG_PATH: {
    fallback: '',
    shown: 'searched',
    meaning: 'The ffmpeg to use instead of the first that works',
    schema: anything,
  },
  ESPEAK_PATH: {
    fallback: '',
    shown: 'searched',
    meaning: 'The espeak-ng that Speak uses instead of the one on PATH',
    schema: anything,
  },
  DATA_DIR: { fallback: './data', meaning: 'Credentials, clip cache, recordings', schema: z.string().min(1) },
  DRAIN_SECONDS: { fallback: '300', meaning: 'How long SIGTERM waits for running calls', schema: whole(0, day) },
  REDIS_URL: {
    fallback: '',
    shown: 'none: one node',
    meaning: 'Directory shared by several nodes. Not used yet; a value is only checked',
    schema: z.string().regex(/^(rediss?:\/\/\S+)?$/, 'must begin with redis:// or rediss://'),
    secret: true,
  },
  LOG_LEVEL: {
    fallback: 'info',
    meaning: 'fatal, error, warn, info, debug, trace or silent',
    schema: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  },
} as const satisfies SettingTable;
