import { WebSocket } from 'ws';
import { brokenBy, guardedSocket, type Resolve, type SourcePolicy } from '../../media/clip/index.ts';
import type { Clock } from '../../media/index.ts';
import { signaturesV3 } from '../callbacks/signature.ts';

export interface DialOptions {
  /** The guard that fetches of clips pass: callers choose these URLs as well. */
  readonly policy: SourcePolicy;
  readonly resolve: Resolve;
  readonly clock: Clock;
  /** The account's, for the signature. */
  readonly authToken: string;
  readonly newNonce: () => string;
  readonly maxMessageBytes: number;
  /** Name, TCP, TLS and the handshake of the WebSocket. */
  readonly connectMs: number;
}

/** Why an app's WebSocket could not be had: a closed set. */
export type DialFailure = 'refused_address' | 'unreachable' | 'tls' | 'timeout' | 'rejected' | 'cancelled';

export type Dialled =
  | { readonly ok: true; readonly socket: WebSocket }
  | { readonly ok: false; readonly reason: DialFailure; readonly detail: string };

const CONNECT_ATTEMPTS = 3;

/** The http or https URL that stands for a ws or wss one where URLs are judged. Undefined: it is neither. */
export function httpTwin(text: string): string | undefined {
  const match = /^ws(s?):\/\//i.exec(text);
  return match ? `http${match[1]?.toLowerCase()}://${text.slice(match[0].length)}` : undefined;
}

/** Opens a WebSocket to an app, at an address that was judged. `url` is ws or wss. Never throws for what the app does. */
export async function dial(url: URL, options: DialOptions, signal: AbortSignal): Promise<Dialled> {
  const { policy, resolve, clock, connectMs, maxMessageBytes } = options;
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  let isLate = false;
  const cancelTimer = clock.setTimeout(() => {
    isLate = true;
    stop();
  }, connectMs);
  try {
    const twin = new URL(httpTwin(url.href) ?? '');
    const connection = await guardedSocket(twin, {
      policy,
      resolve,
      signal: controller.signal,
      attemptMs: Math.ceil(connectMs / CONNECT_ATTEMPTS),
      onConnected: () => {},
    });
    const socket = new WebSocket(url, {
      createConnection: () => connection,
      headers: signedHeaders(url, options),
      perMessageDeflate: false,
      followRedirects: false,
      // Streams answer pings themselves, within bounds.
      autoPong: false,
      maxPayload: maxMessageBytes,
    });
    await opened(socket, controller.signal);
    return { ok: true, socket };
  } catch (error) {
    if (isLate) return failed('timeout', `no WebSocket within ${connectMs} ms`);
    if (signal.aborted) return failed('cancelled', 'the stream was stopped');
    if (error instanceof Rejected) return failed('rejected', error.message);
    const { reason, detail } = brokenBy(error).failure;
    const isKnown = reason === 'refused_address' || reason === 'tls' || reason === 'timeout';
    return failed(isKnown ? reason : 'unreachable', detail);
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', stop);
  }
}

/** The app answered, but not as a WebSocket. */
class Rejected extends Error {}

/** Resolves when the handshake is done; nothing the app says after it is lost, because the socket is paused. */
function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.terminate();
      reject(new Error('aborted'));
    };
    // An 'error' that nobody hears would end the process.
    socket.on('error', (error) => reject(error));
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      reject(new Rejected(`the app answered ${response.statusCode}`));
    });
    socket.once('open', () => {
      signal.removeEventListener('abort', abort);
      socket.pause();
      resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}

/** Plivo signs the handshake as a GET of the URL with http in place of its scheme, whether it is ws or wss. */
function signedHeaders(url: URL, { authToken, newNonce }: DialOptions): Record<string, string> {
  const nonce = newNonce();
  const signed = new URL(url.href.replace(/^wss?:/, 'http:'));
  const signatures = signaturesV3('GET', signed, new Map(), nonce, authToken);
  return {
    'user-agent': 'partyline',
    'x-plivo-signature-v3': signatures,
    'x-plivo-signature-ma-v3': signatures,
    'x-plivo-signature-v3-nonce': nonce,
  };
}

function failed(reason: DialFailure, detail: string): Dialled {
  return { ok: false, reason, detail };
}
