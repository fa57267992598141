import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';

/*
 * A source of clips for tests: well-behaved files, and every way of behaving badly that a fetch must survive. It listens
 * on a free loopback port, counts requests and keeps what it was sent.
 */

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As they came on the wire, names with their case. */
  readonly rawHeaders: readonly string[];
}

export interface ClipServerOptions {
  /** Serves https with this key and certificate (PEM). */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export class ClipServer {
  readonly seen: Seen[] = [];
  readonly sockets = new Set<Socket>();
  private readonly handlers = new Map<string, Handler>();
  private readonly server: Server;
  private readonly scheme: 'http' | 'https';

  private constructor(options: ClipServerOptions) {
    const answer: Handler = (request, response) => {
      const path = request.url ?? '';
      this.seen.push({ path, headers: request.headers, rawHeaders: request.rawHeaders });
      const handler = this.handlers.get(path.split('?')[0] ?? '');
      if (handler) handler(request, response);
      else response.writeHead(404).end();
    };
    this.scheme = options.tls ? 'https' : 'http';
    this.server = options.tls ? createTlsServer(options.tls, answer) : createServer(answer);
    this.server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.server.on('tlsClientError', () => {});
  }

  static async start(options: ClipServerOptions = {}): Promise<ClipServer> {
    const clips = new ClipServer(options);
    await listening(clips.server);
    return clips;
  }

  get port(): number {
    return portOf(this.server);
  }

  /** `127.0.0.1:PORT`: what `FETCH_ALLOW` needs to let a server fetch from here. */
  get allow(): string {
    return `127.0.0.1:${this.port}`;
  }

  url(path: string, host = '127.0.0.1'): string {
    return `${this.scheme}://${host}:${this.port}${path}`;
  }

  /** Serves bytes under a path and returns the URL. */
  file(path: string, bytes: Uint8Array, headers: Record<string, string> = {}): string {
    return this.on(path, (_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length, ...headers });
      response.end(bytes);
    });
  }

  on(path: string, handler: Handler): string {
    this.handlers.set(path, handler);
    return this.url(path);
  }

  redirect(path: string, location: string, status = 302): string {
    return this.on(path, (_request, response) => response.writeHead(status, { location }).end());
  }

  /** How often a path was asked for. */
  hits(path: string): number {
    return this.seen.filter((seen) => seen.path.split('?')[0] === path).length;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((done) => this.server.close(done));
  }
}

/** Serves bytes in two halves; the second one only when it is let go. */
export class HeldFile {
  readonly handler: Handler;
  /** Resolves when the first half was asked for and sent. */
  readonly begun: Promise<void>;
  private letGo: () => void = () => {};

  constructor(bytes: Uint8Array, firstBytes: number) {
    const released = new Promise<void>((resolve) => {
      this.letGo = resolve;
    });
    let begin: () => void = () => {};
    this.begun = new Promise((resolve) => {
      begin = resolve;
    });
    this.handler = async (_request, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, firstBytes));
      begin();
      await released;
      response.end(bytes.subarray(firstBytes));
    };
  }

  release(): void {
    this.letGo();
  }
}

/** Accepts and never says a word. */
export const neverAnswers: Handler = () => {};

/** Sends the beginning of a file and then nothing more, for ever. */
export function stalls(bytes: Uint8Array): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length * 2 });
    response.write(bytes);
  };
}

/** Sends one byte of a file every `everyMs`. */
export function drips(bytes: Uint8Array, everyMs: number): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    let at = 0;
    const timer = setInterval(() => response.write(bytes.subarray(at, ++at)), everyMs);
    response.on('close', () => clearInterval(timer));
  };
}

/** A stream without an end, chunked, starting with `head` and as fast as it is read. */
export function endless(head: Uint8Array, fill = 0): Handler {
  return (_request, response) => {
    response.writeHead(200);
    response.write(head);
    const more = Buffer.alloc(64 * 1024, fill);
    const push = () => {
      while (!response.destroyed && response.write(more));
    };
    response.on('drain', push);
    push();
  };
}

/** Announces more than it sends, and hangs up. */
export function cutsShort(bytes: Uint8Array, announced: number): Handler {
  return (_request, response) => {
    response.writeHead(200, { 'content-length': announced });
    response.write(bytes, () => response.socket?.destroySoon());
  };
}

/** Resets the connection instead of answering. */
export const resets: Handler = (request) => {
  request.socket.resetAndDestroy();
};

/** Writes raw bytes on the connection, piece by piece, one every `everyMs`; then leaves it open. */
export function speaksRaw(pieces: readonly (string | Uint8Array)[], everyMs = 0): Handler {
  return (request) => {
    const { socket } = request;
    let at = 0;
    const next = () => {
      const piece = pieces[at++];
      if (piece === undefined || socket.destroyed) return;
      socket.write(piece);
      setTimeout(next, everyMs).unref();
    };
    next();
  };
}

/** Something that must never be connected to; counts who does. */
export class Canary {
  connections = 0;
  private readonly server: Server;

  private constructor() {
    this.server = createTcpServer((socket) => {
      this.connections++;
      socket.destroy();
    });
  }

  static async start(host = '127.0.0.1'): Promise<Canary> {
    const canary = new Canary();
    await listening(canary.server, host);
    return canary;
  }

  get port(): number {
    return portOf(this.server);
  }

  async close(): Promise<void> {
    await new Promise((done) => this.server.close(done));
  }
}

async function listening(server: Server, host = '127.0.0.1'): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
