import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';
import { API_ERRORS, ApiError, type ApiErrorCode } from '../errors.ts';
import type { Answer, AnswerFile } from './resource.ts';

/** What is known of a request before anybody looks at it. */
export interface RequestContext {
  readonly apiId: string;
  /** Process-wide monotonic, in ms. */
  readonly receivedAt: number;
}

const JSON_TYPE = 'application/json';
/** Requests that no path pattern took: the label must not be a stranger's text. */
const UNMATCHED = 'unmatched';

export function setContext(response: Response, context: RequestContext): void {
  response.locals.context = context;
}

export function contextOf(response: Response): RequestContext {
  return response.locals.context as RequestContext;
}

/** Names the path pattern that took the request, for metrics. */
export function setRoute(response: Response, route: string): void {
  response.locals.route = route;
}

export function routeOf(response: Response): string {
  return (response.locals.route as string | undefined) ?? UNMATCHED;
}

/** `Content-Type` goes with every answer: some SDKs read the type of a 204 before they see that it is empty. */
export function writeAnswer(response: Response, answer: Answer): void {
  if (answer.file) return sendFile(response, answer.file);
  writeJson(
    response,
    answer.status,
    answer.status === 204 ? undefined : { api_id: answer.apiId ?? contextOf(response).apiId, ...answer.body },
    answer.headers,
  );
}

/** Streams a file; a part of it when the request has a `Range`. */
function sendFile(response: Response, { path, type }: AnswerFile): void {
  // `DATA_DIR` may lie below a folder whose name begins with a dot.
  const options = { dotfiles: 'allow', cacheControl: false } as const;
  response.setHeader('Content-Type', type);
  response.setHeader('Cache-Control', 'private, no-cache');
  response.sendFile(path, options, (error?: Error & { status?: number }) => {
    if (!error || response.headersSent) return;
    const size = response.getHeader('Content-Range');
    for (const name of ['Content-Length', 'Accept-Ranges', 'Last-Modified', 'ETag']) response.removeHeader(name);
    if (error.status !== 416) return writeError(response, new ApiError('not_found'));
    const headers = size === undefined ? {} : { 'Content-Range': String(size) };
    writeError(response, new ApiError('bad_range', { headers }));
  });
}

/** Ends a request with the row of the table that the error stands for. */
export function writeError(response: Response, error: ApiError): void {
  writeJson(response, error.status, { api_id: contextOf(response).apiId, error: error.message }, error.headers);
}

export function writeJson(
  response: Response,
  status: number,
  body: Readonly<Record<string, unknown>> | undefined,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'Content-Type': JSON_TYPE,
    ...(bytes && { 'Content-Length': bytes.length }),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(bytes);
}

/** Whatever was thrown, as a row of the table; `undefined` for a bug of ours. */
export function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  const { type, status } = error as { type?: unknown; status?: unknown };
  // The reader of bodies and the router throw these; what was unread stays unread, so the connection ends.
  const headers = { Connection: 'close' };
  if (type === 'entity.too.large') return new ApiError('body_too_large', { headers });
  if (type === 'encoding.unsupported') return new ApiError('unsupported_media_type', { headers });
  if (error instanceof URIError || status === 400)
    return new ApiError(type === undefined ? 'bad_path' : 'bad_body', { headers });
  return undefined;
}

/** An error as bytes, for sockets whose request could not even be parsed. */
export function rawError(code: ApiErrorCode, apiId: string): string {
  const { status, message } = API_ERRORS[code];
  const body = JSON.stringify({ api_id: apiId, error: message });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
