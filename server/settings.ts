import { z } from 'zod';
import { MAX_URL_LENGTH } from '../media/clip/index.ts';
import { dialHosts, numberPrefixes, trunkUri } from './dial/settings.ts';
import {
  address,
  anything,
  appUrl,
  callbackMethod,
  codecs,
  digestAlgorithms,
  eventGroups,
  flag,
  host,
  networks,
  oneOf,
  origins,
  sampleRate,
  sampleRates,
  sources,
  whole,
} from './setting-values.ts';

/** One environment variable: what it may hold, what it is when absent, and what it is for. */
export interface Setting<T> {
  /** Read as if it were set; undefined when the default is worked out from others. */
  readonly fallback: string | undefined;
  /** The default as documentation shows it, when that is not simply `fallback`. */
  readonly shown?: string;
  readonly meaning: string;
  readonly schema: z.ZodType<T, string>;
  /** Never repeated in a message. */
  readonly secret?: true;
}

const minute = 60;
const day = 86_400;
const megabyte = 2 ** 20;

/** Every setting, in the order of the documentation. */
export const SETTINGS = {
  HTTP_HOST: { fallback: '127.0.0.1', meaning: 'Address of the API, WebSocket, metrics and console', schema: host },
  HTTP_PORT: { fallback: '8080', meaning: 'TCP port of the same; 0 takes a free one', schema: whole(0, 65_535) },
  SIP_HOST: { fallback: '127.0.0.1', meaning: 'Address of SIP (UDP and TCP) and of RTP', schema: address },
  SIP_PORT: { fallback: '5060', meaning: 'UDP and TCP port of SIP; 0 takes a free one', schema: whole(0, 65_535) },
  TLS_CERT: {
    fallback: '',
    shown: 'none',
    meaning:
      'PEM file of a certificate and its chain: with it HTTP_PORT speaks https and wss alone, and SIP_TLS_PORT SIP by TLS. Goes together with `TLS_KEY`: [tls.md](tls.md)',
    schema: anything,
  },
  TLS_KEY: {
    fallback: '',
    shown: 'none',
    meaning: 'PEM file of its key. SIGHUP reads both files again',
    schema: anything,
  },
  SIP_TLS_PORT: {
    fallback: '5061',
    meaning: 'TCP port of SIP by TLS, taken once there is a certificate; 0 takes a free one',
    schema: whole(0, 65_535),
  },
  RTP_PORT_MIN: {
    fallback: '20000',
    meaning: 'Lowest media port: RTP takes even ports, RTCP the odd one above',
    schema: whole(1024, 65_534),
  },
  RTP_PORT_MAX: { fallback: '29999', meaning: 'Highest media port', schema: whole(1025, 65_535) },
  PUBLIC_ADDRESS: {
    fallback: undefined,
    shown: "`SIP_HOST`, or for `0.0.0.0` the machine's first outside address",
    meaning: 'The address that SDP and Contact tell callers',
    schema: address,
  },
  AUTH_ID: {
    fallback: undefined,
    shown: 'made at first start',
    meaning: "The account's id: 1 to 64 letters, digits, `-` or `_`. Some SDKs insist on `MA` and 18 more",
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"'),
  },
  AUTH_TOKEN: {
    fallback: undefined,
    shown: 'made at first start',
    meaning: "The account's password: 8 to 128 visible ASCII characters. Goes together with `AUTH_ID`",
    schema: z.string().regex(/^[\x21-\x7e]{8,128}$/, 'must be 8 to 128 visible ASCII characters'),
    secret: true,
  },
  SIP_TRUSTED: {
    fallback: '127.0.0.0/8,::1/128',
    meaning:
      'Addresses whose SIP needs no password; everybody else calls and registers as a user, with the password of an Endpoint',
    schema: networks,
  },
  SIP_REALM: {
    fallback: undefined,
    shown: '`PUBLIC_ADDRESS`',
    meaning:
      'The realm of SIP users and the host of their addresses. Passwords are bound to it: another one voids them',
    schema: host,
  },
  SIP_DIGEST: {
    fallback: 'SHA-256,MD5',
    meaning:
      'Digest algorithms offered to SIP users, the better first. Some older phones give up unless it is `MD5` alone',
    schema: digestAlgorithms.refine((names) => names.length > 0, 'must name at least one algorithm'),
  },
  SIP_DIAL_ALLOW: {
    fallback: '',
    shown: 'none',
    meaning:
      'Hosts whose `sip:` addresses may be called, each with its port or 5060: `pbx.example.com,192.0.2.7:5070,10.1.2.0/24`',
    schema: dialHosts,
  },
  SIP_TRUNK: {
    fallback: '',
    shown: 'none',
    meaning: 'Who takes calls to telephone numbers: `sip:sip.carrier.example:5060;transport=tcp`',
    schema: trunkUri,
  },
  SIP_TRUNK_USER: {
    fallback: '',
    shown: 'none',
    meaning: 'Our name with the trunk, given when it asks for it',
    schema: anything,
  },
  SIP_TRUNK_PASSWORD: {
    fallback: '',
    shown: 'none',
    meaning: 'The password that goes with it, which never leaves the server: digest',
    schema: anything,
    secret: true,
  },
  SIP_TRUNK_REALM: {
    fallback: '',
    shown: 'whatever the trunk says',
    meaning: 'The only realm that they are for',
    schema: anything,
  },
  DIAL_ALLOW: {
    fallback: '',
    shown: 'none',
    meaning: 'First digits, without the plus, of the numbers that may be called through the trunk: `49,1212`',
    schema: numberPrefixes,
  },
  DIAL_CALLS_PER_MINUTE: {
    fallback: '60',
    meaning: 'Calls a minute to numbers and `sip:` addresses; more are refused with 429',
    schema: whole(0, 1_000_000),
  },
  DIAL_MINUTES_PER_DAY: {
    fallback: '1440',
    meaning: 'Minutes that all these calls may last together in a day (UTC); then they end, and more get 429',
    schema: whole(0, 100_000_000),
  },
  FETCH_ALLOW: {
    fallback: '',
    shown: 'none',
    meaning:
      'Private sources a play may fetch from, and private receivers of callbacks: `127.0.0.1:9000,10.1.2.0/24:443`',
    schema: sources,
  },
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
  MAX_MEMBERS: {
    fallback: undefined,
    shown: '500 for each of `MEDIA_WORKERS`',
    meaning: 'Members on this node; further calls get 503',
    schema: whole(1, 1_000_000),
  },
  MAX_MIXER_LOAD: {
    fallback: '95',
    meaning:
      'Percent of its time that a mixer thread may need; further calls to its MPCs get 503. 0 takes them all the same',
    schema: whole(0, 100),
  },
  MAX_MEMBERS_PER_MPC: {
    fallback: '200',
    meaning: 'Members in one MPC; further calls get 486',
    schema: whole(1, 100_000),
  },
  SIP_RATE_LIMIT: { fallback: '50', meaning: 'SIP requests a second from one source', schema: whole(1, 1_000_000) },
  NO_RTP_WARN_SECONDS: { fallback: '30', meaning: 'A call without RTP for so long is reported', schema: whole(1, day) },
  NO_RTP_HANGUP_SECONDS: {
    fallback: '120',
    meaning: 'A call without RTP for so long is hung up',
    schema: whole(1, day),
  },
  HISTORY_DAYS: {
    fallback: '90',
    meaning: 'Days that ended MPCs and their participants stay readable',
    schema: whole(0, 3650),
  },
  ANSWER_URL: {
    fallback: '',
    shown: 'none',
    meaning:
      'Is asked for XML that says what becomes of each SIP call: [xml.md](xml.md). Without it the user part names the MPC to join',
    schema: appUrl,
  },
  ANSWER_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  FALLBACK_URL: { fallback: '', shown: 'none', meaning: 'Is asked when another URL gave no XML', schema: appUrl },
  FALLBACK_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  HANGUP_URL: {
    fallback: '',
    shown: 'none',
    meaning: 'Is told when a call that `ANSWER_URL` was asked about is over',
    schema: appUrl,
  },
  HANGUP_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  STATUS_CALLBACK_URL: {
    fallback: '',
    shown: 'none',
    meaning: 'Is told what happens in MPCs that name no status callback themselves: [callbacks.md](callbacks.md)',
    schema: appUrl,
  },
  STATUS_CALLBACK_METHOD: { fallback: 'POST', meaning: 'How: GET or POST', schema: callbackMethod },
  STATUS_CALLBACK_EVENTS: {
    fallback: 'mpc-state-changes,participant-state-changes',
    meaning: 'Of what: groups of events',
    schema: eventGroups,
  },
  ENDED_MPCS_KEPT: {
    fallback: '50000',
    meaning: 'Ended MPCs that stay readable; the oldest go first',
    schema: whole(0, 1_000_000),
  },
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
  PLAYS_KEPT: {
    fallback: '1000',
    meaning: 'Finished plays that stay readable, for at most an hour',
    schema: whole(0, 1_000_000),
  },
  MAX_PLAY_URLS: { fallback: '20', meaning: 'URLs in one play', schema: whole(1, 200) },
  MAX_URL_LENGTH: { fallback: '2048', meaning: 'Characters in one URL', schema: whole(16, MAX_URL_LENGTH) },
  MAX_MEMBER_IDS: { fallback: '200', meaning: 'Member ids in one request', schema: whole(1, 10_000) },
  MAX_BODY_BYTES: {
    fallback: '65536',
    meaning: 'Bytes in a request body; more get 413',
    schema: whole(1024, megabyte),
  },
  MAX_JSON_DEPTH: { fallback: '20', meaning: 'Levels of nesting in a JSON body', schema: whole(1, 100) },
  MAX_JSON_KEYS: { fallback: '200', meaning: 'Keys and list items in a body', schema: whole(1, 100_000) },
  MAX_HEADER_BYTES: {
    fallback: '16384',
    meaning: 'Bytes of request line and headers; more get 431',
    schema: whole(1024, megabyte),
  },
  HTTP_HEADERS_SECONDS: { fallback: '10', meaning: 'Time for the headers of a request', schema: whole(1, 600) },
  HTTP_REQUEST_SECONDS: { fallback: '30', meaning: 'Time for a whole request', schema: whole(1, 3600) },
  MAX_HTTP_CONNECTIONS: {
    fallback: '4000',
    meaning: 'Open TCP connections to the HTTP port',
    schema: whole(1, 1_000_000),
  },
  AUTH_FAILURES_PER_MINUTE: {
    fallback: '20',
    meaning: 'Wrong passwords from one address before it gets 429 (SIP: 503) for the rest of the minute',
    schema: whole(1, 1_000_000),
  },
  METRICS_AUTH: { fallback: 'false', meaning: '`true` asks for the account at `/metrics`', schema: flag },
  TRUSTED_PROXIES: {
    fallback: '',
    shown: 'none',
    meaning: 'Proxies in front of HTTP whose X-Forwarded-For is believed, as networks: `10.0.0.5/32`',
    schema: networks,
  },
  CORS_ORIGINS: {
    fallback: '',
    shown: 'none',
    meaning: 'Web origins whose pages may use the REST API: `https://console.example.com`',
    schema: origins,
  },
  WS_ORIGINS: {
    fallback: '',
    shown: 'none but our own',
    meaning: 'Web origins whose pages may open a stream: `https://console.example.com`',
    schema: origins,
  },
  MAX_WS: { fallback: '2000', meaning: 'WebSockets on this node', schema: whole(1, 1_000_000) },
  MAX_WS_PER_ADDRESS: { fallback: '50', meaning: 'WebSockets from one address', schema: whole(1, 1_000_000) },
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
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

/** The value type of each setting; undefined where a default is worked out from others. */
export type SettingValues = {
  readonly [Name in SettingName]:
    | z.output<(typeof SETTINGS)[Name]['schema']>
    | ((typeof SETTINGS)[Name]['fallback'] extends string ? never : undefined);
};

/** A setting's row in the documentation. */
export function describeSetting(name: SettingName): { name: string; default: string; meaning: string } {
  const setting: Setting<unknown> = SETTINGS[name];
  return { name: `\`${name}\``, default: setting.shown ?? `\`${setting.fallback ?? ''}\``, meaning: setting.meaning };
}
