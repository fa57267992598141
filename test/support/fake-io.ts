import type { PacketHandler, PacketIo, PacketSocket } from '../../media/io/packet-io.ts';

export interface SentPacket {
  readonly bytes: Uint8Array;
  readonly address: string;
  readonly port: number;
}

/** A port without a network: `deliver` hands a packet in, `sent` keeps what went out. */
export class FakeSocket implements PacketSocket {
  readonly port: number;
  readonly sent: SentPacket[] = [];
  closed = false;
  readonly #onPacket: PacketHandler;

  constructor(port: number, onPacket: PacketHandler) {
    this.port = port;
    this.#onPacket = onPacket;
  }

  send(head: Uint8Array, body: Uint8Array, address: string, port: number): void {
    if (this.closed) throw new Error('a packet was sent on a closed socket');
    this.sent.push({ bytes: Uint8Array.of(...head, ...body), address, port });
  }

  deliver(bytes: Uint8Array, address: string, port: number, at: number): void {
    this.#onPacket(bytes, 0, bytes.length, address, port, at);
  }

  close(): void {
    this.closed = true;
  }
}

export class FakeIo implements PacketIo {
  readonly sockets = new Map<number, FakeSocket>();
  /** Ports that another program holds. */
  readonly taken = new Set<number>();

  async open(_host: string, port: number, _quiet: boolean, onPacket: PacketHandler): Promise<PacketSocket> {
    if (this.taken.has(port)) throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
    const socket = new FakeSocket(port, onPacket);
    this.sockets.set(port, socket);
    return socket;
  }

  receive(): void {}

  receiveQuiet(): void {}

  flush(): void {}
}
