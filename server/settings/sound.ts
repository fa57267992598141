import { codecs, flag, oneOf, sampleRate, sampleRates, whole } from '../setting-values.ts';
import type { SettingTable } from './setting.ts';

/** How calls sound and who mixes them. */
export const sound = {
  MEDIA_WORKERS: {
    fallback: undefined,
    shown: 'cores − 1, at least 1',
    meaning: 'Mixer threads',
    schema: whole(1, 64),
  },
  BATCH_UDP: {
    fallback: 'true',
    meaning: 'Send and receive RTP through the batching addon where it was built; `false` uses Node alone',
    schema: flag,
  },
  SAMPLE_RATE: {
    fallback: '8000',
    meaning: 'Sample rate in Hz at which MPCs are mixed: 8000, 16000 or 48000',
    schema: sampleRate,
  },
  SAMPLE_RATE_BY_MPC: {
    fallback: '',
    shown: 'none',
    meaning:
      'Other rates for some MPCs, by friendly name; `*` and `?` are wildcards, the first that fits decides: `board-*:16000,music:48000`',
    schema: sampleRates,
  },
  CODECS: {
    fallback: 'PCMU,PCMA,G722,opus,L16',
    meaning: "Codecs that SIP callers may use, in the order of our own offers; in theirs, the caller's order decides",
    schema: codecs.refine((names) => names.length > 0, 'must name at least one codec'),
  },
  SRTP: {
    fallback: 'optional',
    meaning:
      'Encrypted sound of SIP calls by TLS: `off`, `optional` where the far side has it, or `required`, which refuses all other SIP calls: [tls.md](tls.md)',
    schema: oneOf('off', 'optional', 'required'),
  },
  RELAY_DTMF: {
    fallback: 'false',
    meaning:
      '`true` sends the digits a telephone pressed to the telephones of the other members; WebSockets get them always',
    schema: flag,
  },
  MAX_TALKERS: {
    fallback: '0',
    meaning: 'Voices mixed at once in an MPC, the strongest first; 0 mixes everybody',
    schema: whole(0, 1000),
  },
  NOISE_GATE: {
    fallback: 'false',
    meaning: '`true` keeps members out of the mix while they do not speak, and their background noise with them',
    schema: flag,
  },
} as const satisfies SettingTable;
