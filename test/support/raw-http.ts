import { connect, type Socket } from 'node:net';

/** Bytes on a connection, written as they are, and everything that came back until the far side ended it. */
export class RawHttp {
  readonly socket: Socket;
  #received = '';
  readonly #ended: Promise<void>;

  /** `localAddress`: where it comes from, when not just from anywhere. */
  constructor(url: string, localAddress?: string) {
    const { hostname: host, port } = new URL(url);
    this.socket = connect({ host, port: Number(port), ...(localAddress === undefined ? {} : { localAddress }) });
    this.socket.setEncoding('latin1').on('data', (text: string) => {
      this.#received += text;
    });
    // A reset is an end too; `once` of node:events would reject with it.
    this.socket.on('error', () => {});
    this.#ended = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  write(bytes: string): this {
    this.socket.write(bytes, 'latin1');
    return this;
  }

  get received(): string {
    return this.#received;
  }

  /** Status codes of the answers so far, in order. */
  get statuses(): number[] {
    return [...this.#received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  /** Resolves with all that came, once the server has closed the connection. */
  async closed(): Promise<string> {
    await this.#ended;
    return this.#received;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
