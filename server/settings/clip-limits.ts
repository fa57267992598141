import { whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';
import { day, megabyte, minute } from './units.ts';

/** What plays, their sources and the programs that make sound may take. */
export const clipLimits = {
  PLAYS_PER_MEMBER: {
    fallback: '5',
    meaning: 'Plays waiting for one member; further ones get 429',
    schema: whole(1, 1000),
  },
  PLAYS_PER_NODE: {
    fallback: '1000',
    meaning: 'Plays waiting or running on this node; further ones get 429',
    schema: whole(1, 1_000_000),
  },
  FETCH_CONNECT_SECONDS: { fallback: '3', meaning: 'Time for DNS, TCP and TLS of a fetch', schema: whole(1, 600) },
  FETCH_FIRST_BYTE_SECONDS: {
    fallback: '5',
    meaning: 'Time from the request to the first byte of a fetch',
    schema: whole(1, 600),
  },
  FETCH_IDLE_SECONDS: { fallback: '5', meaning: 'Longest silence of a source within a fetch', schema: whole(1, 600) },
  FETCH_TOTAL_SECONDS: {
    fallback: '20',
    meaning: 'Time for a whole fetch, redirects included',
    schema: whole(1, 3600),
  },
  FETCH_REDIRECTS: {
    fallback: '5',
    meaning: 'Redirects followed, each checked like the first address',
    schema: whole(0, 20),
  },
  FETCH_MAX_BYTES: { fallback: '26214400', meaning: 'Bytes in one fetched file', schema: whole(1024, 1024 * megabyte) },
  FETCHES_PER_HOST: { fallback: '6', meaning: 'Fetches at once from one host', schema: whole(1, 1000) },
  FETCHES_PER_NODE: { fallback: '32', meaning: 'Fetches at once', schema: whole(1, 10_000) },
  CLIP_MAX_SECONDS: { fallback: String(30 * minute), meaning: 'Decoded length of one clip', schema: whole(1, day) },
  CLIP_CACHE_BYTES: {
    fallback: '268435456',
    meaning: 'Decoded audio kept in memory',
    schema: whole(megabyte, 2 ** 40),
  },
  DECODERS: { fallback: undefined, shown: 'cores', meaning: 'ffmpeg processes at once', schema: whole(1, 1000) },
  DECODER_QUEUE: { fallback: '100', meaning: 'Decodes waiting for a process', schema: whole(0, 100_000) },
  DECODER_SECONDS: { fallback: '20', meaning: 'Time one ffmpeg may take before it is killed', schema: whole(1, 3600) },
  SPEECH_PROCESSES: { fallback: '2', meaning: 'espeak-ng processes at once', schema: whole(1, 1000) },
  SPEECH_QUEUE: { fallback: '100', meaning: 'Texts waiting to be spoken', schema: whole(0, 100_000) },
  SPEECH_SECONDS: {
    fallback: '10',
    meaning: 'Time one espeak-ng may take before it is killed',
    schema: whole(1, 3600),
  },
} as const satisfies SettingTable;
