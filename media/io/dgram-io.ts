import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../time/clock.ts';
import type { PacketHandler, PacketIo, PacketSocket } from './packet-io.ts';

const RECEIVE_BUFFER_BYTES = 64 * 1024;

class DgramSocket implements PacketSocket {
  readonly port: number;
  readonly #socket: Socket;
  /** Of the length of the last datagram: sound keeps its length. */
  #datagram = new Uint8Array(0);
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
  }

  send(head: Uint8Array, body: Uint8Array, address: string, port: number): void {
    if (this.#closed) return;
    const length = head.length + body.length;
    if (this.#datagram.length !== length) this.#datagram = new Uint8Array(length);
    this.#datagram.set(head);
    this.#datagram.set(body, head.length);
    // Without a callback Node reports no error; the datagram leaves within the call.
    this.#socket.send(this.#datagram, port, address);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/** Node's own UDP sockets: work everywhere. Packets are handed over as they come. */
export class DgramIo implements PacketIo {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  open(host: string, port: number, _quiet: boolean, onPacket: PacketHandler): Promise<PacketSocket> {
    return new Promise((resolve, reject) => {
      const type = isIPv6(host) ? 'udp6' : 'udp4';
      const socket = createSocket({
        type,
        // Addresses are literal always; the default look-up would go through a thread pool for each packet.
        lookup: (address, _options, done) => done(null, address, type === 'udp6' ? 6 : 4),
        recvBufferSize: RECEIVE_BUFFER_BYTES,
      });
      socket.once('error', reject);
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off('error', reject);
        // ICMP errors of a peer that is gone surface here; the leg's own time-outs deal with it.
        socket.on('error', () => {});
        socket.on('message', (bytes, from) => {
          onPacket(bytes, 0, bytes.length, from.address, from.port, this.#clock.now());
        });
        resolve(new DgramSocket(socket));
      });
    });
  }

  receive(): void {}

  receiveQuiet(): void {}

  flush(): void {}
}
