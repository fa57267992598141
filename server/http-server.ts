import { createServer, IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { rawError } from './api/reply.ts';
import type { Certificate } from './certificate.ts';
import type { Config } from './config.ts';
import type { ApiErrorCode } from './errors.ts';
import { StartError } from './start-error.ts';

/** How often Node looks for connections that are over their time. */
const CHECK_INTERVAL_MS = 2000;
const KEEP_ALIVE_MS = 5000;

const upgrading = new WeakSet<IncomingMessage>();

/**
 * Offers to go on in another protocol than ours are left unheard, as RFC 9110 section 7.8 allows: Java's client makes one
 * with every request, and Node would take each for an upgrade as soon as anybody listens for those.
 */
class Request extends IncomingMessage {
  get upgrade(): boolean {
    return upgrading.has(this) && (this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket');
  }

  /** Set by Node's parser. */
  set upgrade(asked: boolean) {
    if (asked) upgrading.add(this);
    else upgrading.delete(this);
  }
}

/** Is told of what never becomes a request, to count it. */
export interface HttpObserver {
  httpRefused(error: ApiErrorCode): void;
  connectionDropped(): void;
}

/**
 * An HTTP server within all limits, not yet listening. Node's strict parser judges what a request is. With a certificate it
 * speaks TLS and nothing else.
 */
export function createHttpServer(
  config: Config['http'],
  listener: RequestListener,
  newUuid: () => string,
  observer: HttpObserver,
  certificate?: Certificate,
): Server {
  const options: ServerOptions<typeof Request> = {
    headersTimeout: config.headersTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: config.maxHeaderBytes,
    noDelay: true,
    // The app asks for it, so that the refusal has the form of all others.
    requireHostHeader: false,
    IncomingMessage: Request,
  };
  const server = certificate
    ? secureServer(options, listener, certificate, config.headersTimeoutMs)
    : createServer(options, listener);
  server.maxConnections = config.maxConnections;
  // Node alone would answer without a body.
  server.on('checkExpectation', listener);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Before the handshake is done there is nobody to answer.
    if (!socket.writable || error.code === 'ECONNRESET' || isOfTls(error)) {
      socket.destroy();
      return;
    }
    socket.once('finish', () => socket.destroy());
    const refusal = refusalOf(error.code);
    observer.httpRefused(refusal);
    socket.end(rawError(refusal, newUuid()));
  });
  server.on('drop', () => observer.connectionDropped());
  return server;
}

function secureServer(
  options: ServerOptions<typeof Request>,
  listener: RequestListener,
  certificate: Certificate,
  handshakeTimeout: number,
): Server {
  const server = createTlsServer({ ...options, ...certificate.options, handshakeTimeout }, listener);
  certificate.keepFresh(server);
  return server;
}

function isOfTls({ code = '' }: NodeJS.ErrnoException): boolean {
  return /^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code);
}

function refusalOf(code: string | undefined): ApiErrorCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout';
  return 'bad_request';
}

/** Listens, and resolves with the port. What stands in the way is named by its setting. */
export async function listen(server: Server, config: Pick<Config['http'], 'host' | 'port'>): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(StartError.ofListening(error, { host: 'HTTP_HOST', port: 'HTTP_PORT' }, config));
    server.once('error', fail);
    server.listen(config.port, config.host, () => {
      server.off('error', fail);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the HTTP server has no port');
  return address.port;
}

/** Closes a server and whatever hangs on to it. */
export async function closeHttpServer(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
