import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { until } from './server.ts';

/** One request as it came. */
export interface ReceivedCallback {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the form, or of the query. */
  readonly fields: Readonly<Record<string, string>>;
  /** `performance.now()` when it was read. */
  readonly at: number;
}

export type Answering = (received: ReceivedCallback, response: ServerResponse) => void;

/** Takes callbacks on a free loopback port and keeps them in order. It answers 200 unless told otherwise. */
export class CallbackReceiver {
  readonly received: ReceivedCallback[] = [];
  answer: Answering = (_received, response) => response.end();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<CallbackReceiver> {
    const receiver = new CallbackReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What `FETCH_ALLOW` needs to let a server call here. */
  get allow(): string {
    return `127.0.0.1:${this.port}`;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Those of one play, waiting until its last one has come. */
  async play(id: string, waitMs?: number): Promise<readonly ReceivedCallback[]> {
    const own = () => this.received.filter(({ fields }) => fields.PlayID === id);
    await until(
      `the last callback of ${id}`,
      () => own().some(({ fields }) => fields.EventName === 'PlayFinished'),
      waitMs,
    );
    return own();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const path = request.url ?? '';
    const query = path.includes('?') ? path.slice(path.indexOf('?') + 1) : '';
    const method = request.method ?? '';
    const fields = Object.fromEntries(new URLSearchParams(method === 'POST' ? Buffer.concat(parts).toString() : query));
    const received = { method, path, headers: request.headers, fields, at: performance.now() };
    this.received.push(received);
    this.answer(received, response);
  }
}
