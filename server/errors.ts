/** Everything the API may answer besides success: one row per case, also the page docs/errors.md. */
export const API_ERRORS = {
  bad_request: { status: 400, message: 'the request is not valid HTTP' },
  bad_path: { status: 400, message: 'the path is not valid percent-encoded UTF-8' },
  bad_mpc: { status: 400, message: 'the MPC must be name_ and a friendly name, or uuid_ and a UUID' },
  bad_members: { status: 400, message: 'members must be one id, a comma list of ids, or all' },
  bad_body: { status: 400, message: 'the body must be a JSON object' },
  bad_field: { status: 400, message: 'a field or parameter is wrong' },
  bad_url: { status: 400, message: 'a url cannot be played' },
  bad_idempotency_key: { status: 400, message: 'Idempotency-Key must be 1 to 255 visible ASCII characters' },
  unauthorized: { status: 401, message: 'authentication failed' },
  dial_refused: { status: 403, message: 'this destination may not be called' },
  not_found: { status: 404, message: 'not found' },
  method_not_allowed: { status: 405, message: 'method not allowed' },
  request_timeout: { status: 408, message: 'the request took too long' },
  play_over: { status: 409, message: 'the play is over' },
  mpc_full: { status: 409, message: 'the MPC is full: remove somebody, or raise its max_participants' },
  already_recording: { status: 409, message: 'this is being recorded already' },
  not_recording: { status: 409, message: 'this is not being recorded' },
  recording_paused: { status: 409, message: 'the recording is paused already' },
  recording_not_paused: { status: 409, message: 'the recording is not paused' },
  recording_unfinished: { status: 409, message: 'the recording is not finished' },
  body_too_large: { status: 413, message: 'the body is too large' },
  unsupported_media_type: { status: 415, message: 'send application/json in UTF-8 without Content-Encoding' },
  bad_range: { status: 416, message: 'the file has no such range' },
  idempotency_conflict: { status: 422, message: 'this Idempotency-Key was used for another request' },
  too_many_failures: { status: 429, message: 'too many wrong passwords from this address' },
  member_queue_full: { status: 429, message: 'too many plays wait for a member' },
  node_queue_full: { status: 429, message: 'too many plays wait on this node' },
  too_many_endpoints: { status: 429, message: 'too many endpoints' },
  dial_limit: { status: 429, message: 'too much was called' },
  too_many_calls: { status: 429, message: 'this node takes no more calls' },
  too_many_tokens: { status: 429, message: 'too many stream tokens are open' },
  too_many_recordings: { status: 429, message: 'too many recordings are under way on this node' },
  recordings_full: { status: 429, message: 'recordings use all the room they may: delete some' },
  too_many_streams: { status: 429, message: 'too many streams run on this call or node' },
  headers_too_large: { status: 431, message: 'the headers are too large' },
  internal: { status: 500, message: 'internal error' },
  speak_unavailable: {
    status: 501,
    message: 'nothing here can speak: install espeak-ng, or set ESPEAK_PATH, and start the server again',
  },
  draining: { status: 503, message: 'the server is shutting down' },
} as const satisfies Record<string, { readonly status: number; readonly message: string }>;

export type ApiErrorCode = keyof typeof API_ERRORS;

/** What surrounds an error besides its row. */
export interface ApiErrorOptions {
  /** What exactly is wrong, for the caller to read: field names and limits, never internals. */
  readonly detail?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ends a request with a row of the table. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ApiErrorCode, options: ApiErrorOptions = {}) {
    const { status, message } = API_ERRORS[code];
    super(options.detail === undefined ? message : `${message}: ${options.detail}`);
    this.code = code;
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** A field or query parameter that is wrong, and what it should be. */
export function badField(field: string, expected: string): ApiError {
  return new ApiError('bad_field', { detail: `${field} ${expected}` });
}
