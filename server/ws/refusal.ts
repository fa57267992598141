import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** An upgrade that is answered with an error. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 429 | 500 | 503;
  readonly error: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
}

/** Answers an upgrade with an HTTP error in the API's shape, and closes. */
export function writeRefusal(socket: Duplex, refusal: Refusal, apiId: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ api_id: apiId, error: refusal.error });
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  if (refusal.status === 401) head.push('WWW-Authenticate: Basic realm="partyline"');
  if (refusal.retryAfter !== undefined) head.push(`Retry-After: ${refusal.retryAfter}`);
  socket.once('finish', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
