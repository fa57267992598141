/*
 * What Plivo's SDKs put on the wire, byte for byte: their headers, their way to write JSON and queries, and what they send
 * with each operation. From their sources; where `driver` names one, the very bytes are held against what the library that
 * the SDK uses sends when it is asked for the same (test/integration/sdk-drivers.test.ts).
 */
import { ADD_DEFAULTS, CALLEE, CLIP, COMMON, MPC_NAME, OPERATIONS, type Operation, type Params } from './operations.ts';

/** The SDKs that cannot run here, Node's being the one that can. */
export type SdkName = 'python' | 'go' | 'ruby' | 'php' | 'java' | '.NET';

/** `{host}` and `{auth}` stand for those of the server, `N` in a user agent for the version of a language. */
type Head = (body: { readonly method: string; readonly length: number | undefined }) => readonly string[];

interface Sdk {
  readonly head: Head;
  readonly json: (params: Params) => string;
  readonly query: (params: Params) => string;
  /** Sent with POST and DELETE when there are no parameters. */
  readonly nothing?: string;
  /** Where it sends other parameters than COMMON. */
  readonly params: Readonly<Partial<Record<Operation, Params>>>;
  /** It alone has Speak. */
  readonly speaks?: true;
}

export interface WireRequest {
  readonly does: Operation;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Behind the account, with its query. */
  readonly path: string;
  readonly head: readonly string[];
  /** As it follows the empty line: chunks and all. */
  readonly body: string;
  readonly params: Params | undefined;
  /** What the SDK expects. */
  readonly status: number;
}

const RECORD_ALL = { participant_id: '1', friendly_name: MPC_NAME, record_track_type: 'all' };
const byName = { friendly_name: MPC_NAME };
const written = (params: Params) =>
  new URLSearchParams(Object.entries(params).map(([key, value]): [string, string] => [key, `${value}`]));
const sortedQuery = (params: Params) => {
  const query = written(params);
  query.sort();
  return query.toString();
};
const plainQuery = (params: Params) => written(params).toString();
const ascii = (json: string) =>
  json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const some = (line: string, length: number | undefined) => (length === undefined ? [] : [`${line}: ${length}`]);

export const SDKS: Readonly<Record<SdkName, Sdk>> = {
  python: {
    head: ({ method, length }) => [
      'Host: {host}',
      'User-Agent: plivo-python/4.59.5 (Python: N)',
      'Accept-Encoding: gzip, deflate',
      'Accept: application/json',
      'Connection: keep-alive',
      'Content-Type: application/json',
      ...some('Content-Length', method === 'GET' ? undefined : (length ?? 0)),
      'Authorization: Basic {auth}',
    ],
    json: (params) =>
      ascii(JSON.stringify(params, undefined, 1).replace(/\n */g, ' '))
        .replace(/([{[]) /g, '$1')
        .replace(/ ([\]}])/g, '$1'),
    query: plainQuery,
    params: {
      start: { status: ['active'] },
      'start play': { participant_id: '1,2', ...byName, url: CLIP },
      'pause recording': byName,
      'resume recording': byName,
      'stop recording': byName,
      'start participant recording': {
        file_format: 'mp3',
        recording_callback_method: 'POST',
        record_track_type: 'all',
      },
      'pause participant recording': RECORD_ALL,
      'resume participant recording': RECORD_ALL,
      'stop participant recording': RECORD_ALL,
      'add participant': {
        role: 'customer',
        from: '4915112345678',
        to: CALLEE,
        ...ADD_DEFAULTS,
        dial_music: 'real',
        record_min_member_count: 1,
        record_participant_track: false,
        create_mpc_with_single_participant: true,
        send_on_preanswer: false,
        transcript: false,
      },
      'kick participant': { participant_id: '2', ...byName },
      'play nothing': { participant_id: '1', ...byName, url: '' },
      stop: byName,
    },
  },
  go: {
    head: ({ method, length }) => [
      'Host: {host}',
      'User-Agent: plivo-go/7.60.2 (Go: N)',
      // It reads its own empty body before it sends it, so that net/http no longer knows that it is empty.
      ...(method === 'POST' && length === undefined ? ['Transfer-Encoding: chunked'] : some('Content-Length', length)),
      'Authorization: Basic {auth}',
      'Content-Type: application/json',
      'Accept-Encoding: gzip',
    ],
    json: (params) =>
      `${JSON.stringify(params).replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)}\n`,
    query: sortedQuery,
    params: {
      'start speak': { text: 'hello', voice: '', language: '', mix: false },
      'start recording': { file_format: 'mp3' },
      'start participant recording': { file_format: 'mp3' },
      'add participant': {
        role: 'customer',
        from: '4915112345678',
        to: CALLEE,
        caller_name: '4915112345678',
        ring_timeout: 45,
        delay_dial: 0,
      },
    },
    speaks: true,
  },
  ruby: {
    head: ({ method, length }) => [
      'User-Agent: plivo-ruby/4.63.4 (Ruby N)',
      'Content-Type: application/json',
      'Accept: application/json',
      'Authorization: Basic {auth}',
      'Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3',
      'Host: {host}',
      ...some('Content-Length', method === 'POST' ? (length ?? 0) : length),
    ],
    json: (params) => JSON.stringify(params),
    query: sortedQuery,
    params: {},
  },
  php: {
    head: ({ length }) => [
      'Host: {host}',
      'User-Agent: plivo-php/4.70.0 (PHP N)',
      'Accept-Encoding: *',
      'Content-type: application/json',
      'Authorization: Basic {auth}',
      ...some('Content-Length', length),
    ],
    json: (params) => ascii(JSON.stringify(params).replaceAll('/', '\\/')),
    query: plainQuery,
    nothing: '{}',
    params: {
      'start recording': { file_format: 'mp3', status_callback_method: 'POST' },
      'start participant recording': { file_format: 'mp3', status_callback_method: 'POST' },
    },
  },
  java: {
    head: ({ method, length }) => [
      'Authorization: Basic {auth}',
      'User-Agent: plivo-java/5.49.0 (Implementation: null null null, Specification: null null null)',
      ...(length === undefined ? [] : ['Content-Type: application/json; charset=UTF-8']),
      ...some('Content-Length', method === 'POST' ? (length ?? 0) : length),
      'Host: {host}',
      'Connection: Keep-Alive',
      'Accept-Encoding: gzip',
    ],
    json: (params) => JSON.stringify(params),
    query: plainQuery,
    params: {},
  },
  '.NET': {
    head: ({ length }) => [
      'Host: {host}',
      'Accept: application/json',
      'Authorization: Basic {auth}',
      'User-Agent: plivo-dotnet/5.53.0',
      ...(length === undefined ? [] : ['Content-Type: application/json; charset=utf-8']),
      ...some('Content-Length', length),
    ],
    json: (params) => JSON.stringify(params),
    query: plainQuery,
    nothing: '{}',
    params: {},
  },
};

export const SDK_NAMES = Object.keys(SDKS) as readonly SdkName[];

/** One SDK's request for one thing, with parameters of its own or those given. */
export function wireRequest(name: SdkName, does: Operation, other?: Params): WireRequest {
  const sdk = SDKS[name];
  const [method, path, status] = OPERATIONS[does];
  const params = other ?? sdk.params[does] ?? COMMON[does];
  if (method === 'GET') {
    const query = params ? `?${sdk.query(params)}` : '';
    return {
      does,
      method,
      path: path + query,
      head: sdk.head({ method, length: undefined }),
      body: '',
      params,
      status,
    };
  }
  const text = params ? sdk.json(params) : sdk.nothing;
  const head = sdk.head({ method, length: text === undefined ? undefined : Buffer.byteLength(text) });
  const body = text ?? (head.includes('Transfer-Encoding: chunked') ? '0\r\n\r\n' : '');
  return { does, method, path, head, body, params, status };
}

/** All that an SDK can ask of an MPC, in an order that works. */
export function wireRequests(name: SdkName): readonly WireRequest[] {
  return (Object.keys(OPERATIONS) as Operation[])
    .filter((does) => SDKS[name].speaks || !does.endsWith('speak'))
    .map((does) => wireRequest(name, does));
}

/** The bytes, for a server and an account. */
export function wireBytes(
  { method, path, head, body }: WireRequest,
  to: { readonly host: string; readonly authId: string; readonly authToken: string },
): string {
  const auth = Buffer.from(`${to.authId}:${to.authToken}`).toString('base64');
  const lines = head.map((line) => line.replace('{host}', to.host).replace('{auth}', auth).replace(/ N\)$/, ' 3)'));
  return [`${method} /v1/Account/${to.authId}${path} HTTP/1.1`, ...lines, '', body].join('\r\n');
}
