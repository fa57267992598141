import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { SETTINGS, type Setting, type SettingName, type SettingValues } from './settings.ts';
import type { Credentials } from './sip/challenge.ts';
import { codecsNamed } from './sip/codecs.ts';
import { goesByTls } from './sip/uri.ts';

/** What the defaults depend on. */
export interface Machine {
  readonly cores: number;
  readonly interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  /** One message that names every wrong setting and says what it should be. */
  | { readonly ok: false; readonly message: string };

/** The settings, checked and frozen, grouped by who uses them. Times in ms, sizes in bytes. */
export type Config = ReturnType<typeof arrange>;

/** Members one mixer thread is trusted with by default: a quarter of what it carries when measured alone. */
const MEMBERS_PER_WORKER = 500;
const SECOND_MS = 1000;
const DAY_MS = 86_400 * SECOND_MS;

/** Reads the environment. Empty values count as absent. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>, machine: Machine): ConfigResult {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const given = env[name]?.trim() || undefined;
    const text = given ?? setting.fallback;
    if (text === undefined) continue;
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else {
      const shown = setting.secret ? name : `${name}=${JSON.stringify(text.slice(0, 80))}`;
      problems.push(`${shown}: ${parsed.error.issues.map((issue) => issue.message).join('; ')}`);
    }
  }
  const checked = values as SettingValues;
  if (problems.length === 0) problems.push(...contradictions(checked));
  if (problems.length > 0) return { ok: false, message: explain(problems) };
  return { ok: true, config: deepFreeze(arrange(checked, machine)) };
}

function explain(problems: readonly string[]): string {
  const count = problems.length === 1 ? 'a setting is' : `${problems.length} settings are`;
  return `partyline cannot start: ${count} wrong. Correct or unset in the environment:\n${problems
    .map((problem) => `  ${problem}`)
    .join('\n')}\nAll settings are described in docs/config.md.`;
}

function contradictions(values: SettingValues): string[] {
  const problems: string[] = [];
  const named = (name: SettingName): string => `${name}=${String(values[name])}`;
  if ((values.AUTH_ID === undefined) !== (values.AUTH_TOKEN === undefined))
    problems.push('AUTH_ID and AUTH_TOKEN: set both or neither');
  if (values.RTP_PORT_MAX <= values.RTP_PORT_MIN)
    problems.push(`${named('RTP_PORT_MAX')}: must be above ${named('RTP_PORT_MIN')}`);
  else if (values.RTP_PORT_MIN % 2 === 1 && values.RTP_PORT_MAX === values.RTP_PORT_MIN + 1)
    problems.push(`${named('RTP_PORT_MAX')}: leaves no even port with the odd one above it`);
  if (values.HTTP_PORT !== 0 && values.HTTP_PORT === values.SIP_PORT)
    problems.push(`${named('HTTP_PORT')} and ${named('SIP_PORT')}: must differ, both take TCP`);
  if (values.SIP_PORT >= values.RTP_PORT_MIN && values.SIP_PORT <= values.RTP_PORT_MAX)
    problems.push(`${named('SIP_PORT')}: must lie outside RTP_PORT_MIN to RTP_PORT_MAX`);
  if (values.NO_RTP_HANGUP_SECONDS < values.NO_RTP_WARN_SECONDS)
    problems.push(`${named('NO_RTP_HANGUP_SECONDS')}: must not be below ${named('NO_RTP_WARN_SECONDS')}`);
  if (values.TLS_CERT !== '' && values.SIP_TLS_PORT !== 0) {
    for (const other of ['HTTP_PORT', 'SIP_PORT'] as const)
      if (values.SIP_TLS_PORT === values[other])
        problems.push(`${named('SIP_TLS_PORT')} and ${named(other)}: must differ, both take TCP`);
  }
  if ((values.TLS_CERT === '') !== (values.TLS_KEY === '')) problems.push('TLS_CERT and TLS_KEY: set both or neither');
  if (values.SRTP === 'required' && values.TLS_CERT === '')
    problems.push('SRTP: required needs SIP by TLS: set TLS_CERT and TLS_KEY, or say optional');
  for (const name of ['SIP_TLS_CA', 'SIP_TRUNK'] as const)
    if (values.TLS_CERT === '' && asksForTls(name, values))
      problems.push(`${name}: calls by TLS need TLS_CERT and TLS_KEY`);
  if ((values.SIP_TRUNK_USER === '') !== (values.SIP_TRUNK_PASSWORD === ''))
    problems.push('SIP_TRUNK_USER and SIP_TRUNK_PASSWORD: set both or neither');
  return problems;
}

function arrange(values: SettingValues, machine: Machine) {
  const workers = values.MEDIA_WORKERS ?? Math.max(1, machine.cores - 1);
  const publicAddress = values.PUBLIC_ADDRESS ?? reachableAddress(values.SIP_HOST, machine.interfaces);
  const account =
    values.AUTH_ID !== undefined && values.AUTH_TOKEN !== undefined
      ? { authId: values.AUTH_ID, authToken: values.AUTH_TOKEN }
      : undefined;
  return {
    http: {
      host: values.HTTP_HOST,
      port: values.HTTP_PORT,
      maxConnections: values.MAX_HTTP_CONNECTIONS,
      maxHeaderBytes: values.MAX_HEADER_BYTES,
      headersTimeoutMs: values.HTTP_HEADERS_SECONDS * SECOND_MS,
      requestTimeoutMs: values.HTTP_REQUEST_SECONDS * SECOND_MS,
    },
    api: {
      maxBodyBytes: values.MAX_BODY_BYTES,
      maxJsonDepth: values.MAX_JSON_DEPTH,
      maxJsonKeys: values.MAX_JSON_KEYS,
      maxMemberIds: values.MAX_MEMBER_IDS,
      maxPlayUrls: values.MAX_PLAY_URLS,
      maxUrlLength: values.MAX_URL_LENGTH,
      authFailuresPerMinute: values.AUTH_FAILURES_PER_MINUTE,
      metricsAuth: values.METRICS_AUTH,
      trustedProxies: values.TRUSTED_PROXIES,
      corsOrigins: values.CORS_ORIGINS,
    },
    sip: {
      host: values.SIP_HOST,
      port: values.SIP_PORT,
      trusted: values.SIP_TRUSTED,
      rateLimit: values.SIP_RATE_LIMIT,
      codecs: codecsNamed(values.CODECS),
      srtp: values.SRTP,
    },
    users: {
      realm: values.SIP_REALM ?? publicAddress,
      algorithms: values.SIP_DIGEST,
      failuresPerMinute: values.AUTH_FAILURES_PER_MINUTE,
    },
    dial: {
      hosts: values.SIP_DIAL_ALLOW,
      trunk: values.SIP_TRUNK && { uri: values.SIP_TRUNK, credentials: trunkCredentials(values) },
      prefixes: values.DIAL_ALLOW,
      limits: { callsPerMinute: values.DIAL_CALLS_PER_MINUTE, minutesPerDay: values.DIAL_MINUTES_PER_DAY },
    },
    rtp: {
      host: values.SIP_HOST,
      portMin: values.RTP_PORT_MIN,
      portMax: values.RTP_PORT_MAX,
      noRtpWarnMs: values.NO_RTP_WARN_SECONDS * SECOND_MS,
      noRtpHangupMs: values.NO_RTP_HANGUP_SECONDS * SECOND_MS,
    },
    ws: {
      origins: values.WS_ORIGINS,
      maxSockets: values.MAX_WS,
      maxSocketsPerAddress: values.MAX_WS_PER_ADDRESS,
    },
    tls:
      values.TLS_CERT === ''
        ? undefined
        : {
            certPath: values.TLS_CERT,
            keyPath: values.TLS_KEY,
            sipPort: values.SIP_TLS_PORT,
            caPath: values.SIP_TLS_CA || undefined,
          },
    publicAddress,
    account,
    media: {
      workers,
      batchUdp: values.BATCH_UDP,
      fullLoad: values.MAX_MIXER_LOAD === 0 ? Number.POSITIVE_INFINITY : values.MAX_MIXER_LOAD / 100,
    },
    sound: {
      sampleRate: values.SAMPLE_RATE,
      sampleRates: values.SAMPLE_RATE_BY_MPC,
      floor: { maxTalkers: values.MAX_TALKERS, noiseGate: values.NOISE_GATE },
    },
    members: {
      max: values.MAX_MEMBERS ?? workers * MEMBERS_PER_WORKER,
      maxPerMpc: values.MAX_MEMBERS_PER_MPC,
    },
    apps: {
      answer: { url: values.ANSWER_URL, method: values.ANSWER_METHOD },
      fallback: { url: values.FALLBACK_URL, method: values.FALLBACK_METHOD },
      hangup: { url: values.HANGUP_URL, method: values.HANGUP_METHOD },
    },
    statusCallback: {
      url: values.STATUS_CALLBACK_URL,
      method: values.STATUS_CALLBACK_METHOD,
      events: values.STATUS_CALLBACK_EVENTS,
    },
    history: {
      keptMs: values.HISTORY_DAYS * DAY_MS,
      maxMpcs: values.ENDED_MPCS_KEPT,
      maxCalls: values.ENDED_CALLS_KEPT,
    },
    plays: { perMember: values.PLAYS_PER_MEMBER, perNode: values.PLAYS_PER_NODE, kept: values.PLAYS_KEPT },
    fetch: {
      allow: values.FETCH_ALLOW,
      connectMs: values.FETCH_CONNECT_SECONDS * SECOND_MS,
      firstByteMs: values.FETCH_FIRST_BYTE_SECONDS * SECOND_MS,
      idleMs: values.FETCH_IDLE_SECONDS * SECOND_MS,
      totalMs: values.FETCH_TOTAL_SECONDS * SECOND_MS,
      redirects: values.FETCH_REDIRECTS,
      maxBytes: values.FETCH_MAX_BYTES,
      perHost: values.FETCHES_PER_HOST,
      perNode: values.FETCHES_PER_NODE,
    },
    clip: { maxMs: values.CLIP_MAX_SECONDS * SECOND_MS, cacheBytes: values.CLIP_CACHE_BYTES },
    recordings: {
      running: values.MAX_RECORDINGS,
      maxMs: values.RECORDING_MAX_SECONDS * SECOND_MS,
      totalBytes: values.RECORDINGS_MAX_BYTES,
      totalCount: values.RECORDINGS_MAX_COUNT,
      keptMs: values.RECORDING_DAYS === 0 ? undefined : values.RECORDING_DAYS * DAY_MS,
    },
    decoder: {
      ffmpegPath: values.FFMPEG_PATH,
      max: values.DECODERS ?? machine.cores,
      queue: values.DECODER_QUEUE,
      timeoutMs: values.DECODER_SECONDS * SECOND_MS,
    },
    speech: {
      espeakPath: values.ESPEAK_PATH,
      processes: values.SPEECH_PROCESSES,
      queue: values.SPEECH_QUEUE,
      timeoutMs: values.SPEECH_SECONDS * SECOND_MS,
    },
    relayDtmf: values.RELAY_DTMF,
    dataDir: values.DATA_DIR,
    drainMs: values.DRAIN_SECONDS * SECOND_MS,
    redisUrl: values.REDIS_URL,
    logLevel: values.LOG_LEVEL,
  };
}

function asksForTls(name: 'SIP_TLS_CA' | 'SIP_TRUNK', values: SettingValues): boolean {
  if (name === 'SIP_TLS_CA') return values.SIP_TLS_CA !== '';
  return values.SIP_TRUNK !== undefined && goesByTls(values.SIP_TRUNK);
}

function trunkCredentials(values: SettingValues): Credentials | undefined {
  const { SIP_TRUNK_USER: user, SIP_TRUNK_PASSWORD: password, SIP_TRUNK_REALM: realm } = values;
  return user === '' ? undefined : { user, password, realm: realm === '' ? undefined : realm };
}

/** The host itself, or for a wildcard the first address of the machine that others can reach. */
function reachableAddress(host: string, interfaces: Machine['interfaces']): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const family = isIPv6(host) ? 'IPv6' : 'IPv4';
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .find((info) => !info.internal && info.family === family && !info.address.startsWith('fe80:'));
  return outside?.address ?? (family === 'IPv6' ? '::1' : '127.0.0.1');
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
