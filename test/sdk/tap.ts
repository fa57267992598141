import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on to a server and keeps what clients sent, request by request, in the order in which they came. */
export class Tap {
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: URL) {
    this.#server = createServer((client) => {
      const server = connect(Number(target.port), target.hostname);
      let unread = '';
      client.on('data', (data) => {
        unread = this.#take(unread + data.toString('latin1'));
      });
      client.pipe(server).pipe(client);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
    });
  }

  static async before(url: string): Promise<Tap> {
    const tap = new Tap(new URL(url));
    await new Promise<void>((resolve) => tap.#server.listen(0, '127.0.0.1', resolve));
    return tap;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  /** Keeps the whole requests and gives back the rest. */
  #take(bytes: string): string {
    const end = bytes.indexOf('\r\n\r\n') + 4;
    if (end < 4) return bytes;
    const head = bytes.slice(0, end);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const chunked = /^transfer-encoding: *chunked/im.test(head);
    const size = chunked ? bytes.indexOf('0\r\n\r\n', end) + 5 : end + length;
    if (bytes.length < size || size < end) return bytes;
    this.requests.push(Buffer.from(bytes.slice(0, size), 'latin1').toString());
    return this.#take(bytes.slice(size));
  }
}
