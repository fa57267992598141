/*
 * A SIP peer for scripted tests over real sockets: sends text, collects what comes back. For phones that behave, see
 * softphone.ts and baresip.ts.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SipText } from './sip-script.ts';

const DEADLINE_MS = 5000;

export class SipClient {
  readonly received: SipText[] = [];
  /** Our end of the socket, as Via and Contact write it. */
  readonly local: string;
  /** True once the far side closed the connection. */
  closed = false;
  readonly #send: (bytes: Buffer) => void;
  readonly #close: () => void;
  readonly #watchers = new Set<() => void>();
  #buffer = '';
  #looked = 0;

  private constructor(local: string, send: (bytes: Buffer) => void, close: () => void) {
    this.local = local;
    this.#send = send;
    this.#close = close;
  }

  static async udp(port: number, host = '127.0.0.1'): Promise<SipClient> {
    const socket: UdpSocket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, host);
    await once(socket, 'listening');
    const own = `${host.includes(':') ? `[${host}]` : host}:${socket.address().port}`;
    const client = new SipClient(
      own,
      (bytes) => socket.send(bytes, port, host),
      () => socket.close(),
    );
    socket.on('message', (bytes) => client.#take(new SipText(bytes.toString('latin1'))));
    return client;
  }

  static async tcp(port: number, host = '127.0.0.1'): Promise<SipClient> {
    const socket: Socket = connect(port, host);
    await once(socket, 'connect');
    return SipClient.#over(socket, host);
  }

  /** `ca`: PEM of the authority that is believed. */
  static async tls(port: number, ca: string, host = '127.0.0.1'): Promise<SipClient> {
    const socket = connectTls({ port, host, ca });
    await once(socket, 'secureConnect');
    return SipClient.#over(socket, host);
  }

  /** A connection that somebody made to us. */
  static accepted(socket: Socket): SipClient {
    return SipClient.#over(socket, '127.0.0.1');
  }

  static #over(socket: Socket, host: string): SipClient {
    const client = new SipClient(
      `${host}:${socket.localPort}`,
      (bytes) => socket.write(bytes),
      () => socket.destroy(),
    );
    socket.on('data', (bytes) => client.#stream(bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      client.closed = true;
      client.#wake();
    });
    return client;
  }

  send(text: string | Buffer): void {
    this.#send(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** The next message not yet given, that fits; others before it are skipped. */
  async next(fits: (message: SipText) => boolean = () => true, waitMs = DEADLINE_MS): Promise<SipText> {
    let found: SipText | undefined;
    await this.until(
      () => {
        while (this.#looked < this.received.length && !found) {
          const message = this.received[this.#looked++];
          if (message && fits(message)) found = message;
        }
        return found !== undefined;
      },
      'a SIP message',
      waitMs,
    );
    if (!found) throw new Error('unreachable');
    return found;
  }

  /** The next final answer. */
  async final(): Promise<SipText> {
    return this.next(({ status }) => status >= 200);
  }

  /** Resolves once a condition holds; looked at whenever anything arrives. */
  async until(holds: () => boolean, what: string, waitMs = DEADLINE_MS): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error): void => {
        clearTimeout(deadline);
        this.#watchers.delete(watcher);
        if (error) reject(error);
        else resolve();
      };
      const watcher = (): void => {
        if (holds()) done();
      };
      const seen = (): string => this.received.map(({ startLine }) => startLine).join(', ');
      const deadline = setTimeout(() => done(new Error(`waited ${waitMs} ms for ${what}; came: ${seen()}`)), waitMs);
      this.#watchers.add(watcher);
    });
  }

  close(): void {
    this.#close();
  }

  /** Raw bytes of a stream that are not yet a message, such as the answer to a keep-alive. */
  get rest(): string {
    return this.#buffer;
  }

  #stream(text: string): void {
    this.#buffer += text;
    for (;;) {
      const end = this.#buffer.indexOf('\r\n\r\n');
      if (end < 0) break;
      const length = Number(/^content-length:\s*(\d+)/im.exec(this.#buffer.slice(0, end))?.[1] ?? 0);
      if (this.#buffer.length < end + 4 + length) break;
      this.#take(new SipText(this.#buffer.slice(0, end + 4 + length)));
      this.#buffer = this.#buffer.slice(end + 4 + length);
    }
    this.#wake();
  }

  #take(message: SipText): void {
    this.received.push(message);
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
