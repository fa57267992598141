import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SipText } from '../support/sip-script.ts';

/** T1 of RFC 3261, in ms. */
const REPEAT_MS = 500;

/** One end of SIP from any loopback address, by UDP or TCP; writes whatever it is told to. */
export class Wire {
  readonly transport: 'UDP' | 'TCP';
  /** As Via and Contact write it. */
  readonly local: string;
  readonly received: SipText[] = [];
  closed = false;
  readonly #write: (bytes: Buffer) => void;
  readonly #end: () => void;
  #looked = 0;
  #buffer = '';
  #wake: () => void = () => {};

  private constructor(transport: 'UDP' | 'TCP', local: string, write: (bytes: Buffer) => void, end: () => void) {
    this.transport = transport;
    this.local = local;
    this.#write = write;
    this.#end = end;
  }

  static async open(transport: 'UDP' | 'TCP', from: string, port: number): Promise<Wire> {
    return transport === 'UDP' ? Wire.#udp(from, port) : Wire.#tcp(from, port);
  }

  static async #udp(from: string, port: number): Promise<Wire> {
    const socket: UdpSocket = createSocket('udp4');
    socket.bind(0, from);
    await once(socket, 'listening');
    const wire = new Wire(
      'UDP',
      `${from}:${socket.address().port}`,
      (bytes) => socket.send(bytes, port, '127.0.0.1'),
      () => socket.close(),
    );
    socket.on('error', () => {});
    socket.on('message', (bytes) => wire.#take(bytes.toString('latin1')));
    return wire;
  }

  static async #tcp(from: string, port: number): Promise<Wire> {
    const socket: Socket = connect({ host: '127.0.0.1', port, localAddress: from });
    await once(socket, 'connect');
    const wire = new Wire(
      'TCP',
      `${from}:${socket.localPort}`,
      (bytes) => socket.write(bytes),
      () => socket.destroy(),
    );
    socket.on('error', () => {});
    socket.on('close', () => {
      wire.closed = true;
      wire.#wake();
    });
    socket.on('data', (bytes) => {
      // Pongs between messages are line ends.
      wire.#buffer = (wire.#buffer + bytes.toString('latin1')).replace(/^[\r\n]+/, '');
      for (let end = wire.#buffer.indexOf('\r\n\r\n'); end >= 0; end = wire.#buffer.indexOf('\r\n\r\n')) {
        const length = Number(/^content-length:\s*(\d+)/im.exec(wire.#buffer.slice(0, end))?.[1] ?? 0);
        if (wire.#buffer.length < end + 4 + length) break;
        wire.#take(wire.#buffer.slice(0, end + 4 + length));
        wire.#buffer = wire.#buffer.slice(end + 4 + length).replace(/^[\r\n]+/, '');
      }
    });
    return wire;
  }

  send(text: string | Buffer): void {
    this.#write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** The next message that fits, or undefined when none has come in time or the connection has ended. */
  async next(fits: (message: SipText) => boolean, withinMs: number): Promise<SipText | undefined> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      while (this.#looked < this.received.length) {
        const message = this.received[this.#looked++];
        if (message && fits(message)) return message;
      }
      const left = deadline - performance.now();
      if (left <= 0 || this.closed) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Sends a request, over UDP again and again as phones do, and waits for its final answer. */
  async ask(
    text: string | Buffer,
    withinMs: number,
    fits: (answer: SipText) => boolean = () => true,
  ): Promise<SipText | undefined> {
    const deadline = performance.now() + withinMs;
    const isFinal = (message: SipText): boolean => message.status >= 200 && fits(message);
    for (let pause = REPEAT_MS; performance.now() < deadline && !this.closed; pause *= 2) {
      this.send(text);
      const left = deadline - performance.now();
      const final = await this.next(isFinal, this.transport === 'UDP' ? Math.min(pause, left) : left);
      if (final) return final;
    }
    return undefined;
  }

  /** The next final answer. */
  final(withinMs: number): Promise<SipText | undefined> {
    return this.next(({ status }) => status >= 200, withinMs);
  }

  close(): void {
    this.closed = true;
    this.#end();
  }

  #take(text: string): void {
    if (text.trim() !== '') this.received.push(new SipText(text));
    this.#wake();
  }
}
