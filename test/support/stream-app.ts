import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { mulaw } from '../../media/codec/g711.ts';
import { until } from './server.ts';

type Message = Readonly<Record<string, unknown>> & { readonly event: string };

/** One connection of a server to the app. */
export class AppStream {
  readonly request: IncomingMessage;
  readonly socket: WebSocket;
  /** All but audio, in order. */
  readonly messages: Message[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly #audio = new Map<string, Buffer[]>();

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket;
    this.request = request;
    socket.on('message', (data) => this.#receive(JSON.parse(String(data))));
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
    socket.on('error', () => {});
  }

  async message(event: string, waitMs?: number): Promise<Message> {
    return until(`the app gets ${event}`, () => this.messages.find((message) => message.event === event), waitMs);
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    return until('the stream is closed', () => this.closed, 10_000);
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** A stretch of one track that comes from now on, as samples. */
  async hear(ms: number, encoding: 'L16' | 'PCMU' = 'L16', track = 'inbound'): Promise<Int16Array> {
    this.#audio.delete(track);
    const frames = ms / 20;
    await until(`${ms} ms of ${track}`, () => (this.#audio.get(track)?.length ?? 0) >= frames, 10_000);
    const bytes = Buffer.concat(this.#audio.get(track)?.slice(0, frames) ?? []);
    const samples = new Int16Array(encoding === 'L16' ? bytes.length / 2 : bytes.length);
    if (encoding === 'PCMU') mulaw.createDecoder().decode(bytes, 0, bytes.length, samples);
    else for (const i of samples.keys()) samples[i] = bytes.readInt16LE(i * 2);
    return samples;
  }

  #receive(message: Message): void {
    if (message.event !== 'media') {
      this.messages.push(message);
      return;
    }
    const { track, payload } = message.media as { track: string; payload: string };
    const frames = this.#audio.get(track) ?? [];
    frames.push(Buffer.from(payload, 'base64'));
    this.#audio.set(track, frames);
  }
}

/** An application that takes the streams of calls, on a free loopback port. */
export class StreamApp {
  readonly streams: AppStream[] = [];
  readonly #http: Server;

  private constructor() {
    this.#http = createServer((_request, response) => response.writeHead(404).end());
    const sockets = new WebSocketServer({ noServer: true });
    this.#http.on('upgrade', (request, socket, head) => {
      if (request.url?.startsWith('/missing')) socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      else
        sockets.handleUpgrade(request, socket, head, (webSocket) =>
          this.streams.push(new AppStream(webSocket, request)),
        );
    });
  }

  static async start(): Promise<StreamApp> {
    const app = new StreamApp();
    await new Promise<void>((resolve) => app.#http.listen(0, '127.0.0.1', resolve));
    return app;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  /** The connection with this path, once it is there. */
  async stream(path: string): Promise<AppStream> {
    return until(`the app is dialled at ${path}`, () => this.streams.find(({ request }) => request.url === path));
  }

  async close(): Promise<void> {
    for (const { socket } of this.streams) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((done) => this.#http.close(done));
  }
}
