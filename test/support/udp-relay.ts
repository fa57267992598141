/*
 * A bad network on real sockets: stands between the server and a phone, and loses, delays, reorders and repeats what passes,
 * by the same rules and random numbers as the simulated one. Both sides see one steady address.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type NetworkConditions, NetworkSimulator } from './network-simulator.ts';
import { seededRandom } from './random.ts';

export interface RelayConditions {
  readonly toServer?: NetworkConditions;
  readonly toPhone?: NetworkConditions;
  readonly seed?: number;
}

/** How exactly delays are kept, in ms. */
const STEP_MS = 1;
const CLEAN: NetworkConditions = { delay: () => 0 };

export class UdpRelay {
  /** The ports at which the server, and the phone, find their peer. */
  readonly serverSide: number;
  readonly phoneSide: number;
  /** Packets from the phone that never left here, by their number from 0. */
  readonly lostToServer: number[] = [];
  #serverPort = 0;
  #fromPhone = 0;
  #server: Socket;
  readonly #phone: Socket;
  readonly #onAnswer: (bytes: Buffer) => void;
  readonly #timer: NodeJS.Timeout;

  private constructor(conditions: RelayConditions, server: Socket, phone: Socket, phonePort: number) {
    this.#server = server;
    this.#phone = phone;
    this.serverSide = server.address().port;
    this.phoneSide = phone.address().port;
    const random = seededRandom(conditions.seed ?? 1);
    const toServer = new NetworkSimulator<Buffer>(conditions.toServer ?? CLEAN, random);
    const toPhone = new NetworkSimulator<Buffer>(conditions.toPhone ?? CLEAN, random);
    phone.on('message', (bytes) => {
      const before = toServer.lost;
      toServer.send(bytes, performance.now());
      if (toServer.lost > before) this.lostToServer.push(this.#fromPhone);
      this.#fromPhone += 1;
    });
    this.#onAnswer = (bytes) => toPhone.send(bytes, performance.now());
    server.on('message', this.#onAnswer);
    this.#timer = setInterval(() => {
      const now = performance.now();
      toServer.deliver(now, (bytes) => {
        // A phone may talk before anybody has said where to.
        if (this.#serverPort > 0) this.#server.send(bytes, this.#serverPort, '127.0.0.1');
      });
      toPhone.deliver(now, (bytes) => phone.send(bytes, phonePort, '127.0.0.1'));
    }, STEP_MS);
  }

  /** `at`: where the phone is to find its peer, when not just anywhere. */
  static async start(
    conditions: RelayConditions,
    phonePort: number,
    at?: { readonly address: string; readonly port: number },
  ): Promise<UdpRelay> {
    const [server, phone] = await Promise.all([bound(), bound(at?.address, at?.port)]);
    return new UdpRelay(conditions, server, phone, phonePort);
  }

  /** Where the server takes what the phone sends. */
  target(serverPort: number): void {
    this.#serverPort = serverPort;
  }

  /** As a NAT that has forgotten the phone: from now on its packets come from another port, and the old one is dead. */
  async rebind(): Promise<void> {
    const before = this.#server;
    this.#server = await bound();
    this.#server.on('message', this.#onAnswer);
    before.close();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const socket of [this.#server, this.#phone]) socket.close();
  }
}

async function bound(address = '127.0.0.1', port = 0): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}
