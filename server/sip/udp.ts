import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { plainAddress } from '../networks.ts';
import type { ConnectingTransport, Flow, Receiver } from './flow.ts';
import type { SipLimits } from './limits.ts';
import { readDatagram } from './reader.ts';

/** Shorter than any message: what keeps a NAT open (RFC 5626 section 3.5). */
const MAX_KEEP_ALIVE_BYTES = 8;
/** Holds what comes while the main thread is busy; the kernel may grant less. */
const RECEIVE_BUFFER_BYTES = 2 ** 20;
const LOWER_Z = 0x7a;

/** Binds the port. Rejects as `Socket.bind` does when it is taken. */
export async function bindUdp(host: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES });
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Takes SIP from a bound socket. To be called in the turn in which it was bound, so that nothing is missed. */
export function serveUdp(socket: Socket, limits: SipLimits, receiver: Receiver): ConnectingTransport {
  // Errors of single packets, such as a port that is closed at the far side, concern nobody else.
  socket.on('error', () => receiver.dropped('unsent'));
  socket.on('message', (bytes, from) => onDatagram(bytes, new UdpFlow(socket, from, receiver), limits, receiver));
  return {
    connect: (address, port) => new UdpFlow(socket, { address, port }, receiver),
    close: async () => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

function onDatagram(bytes: Buffer, flow: Flow, limits: SipLimits, receiver: Receiver): void {
  const start = skipLineEnds(bytes);
  const message = bytes.subarray(start);
  if (message.length <= MAX_KEEP_ALIVE_BYTES) return;
  const first = message[0] ?? 0;
  const isResponse = message.toString('latin1', 0, 4).toUpperCase() === 'SIP/';
  if (isResponse ? !receiver.awaitsResponses() : first < 0x21 || first > LOWER_Z + 4) {
    receiver.dropped(isResponse ? 'stray' : 'garbage');
    return;
  }
  const pressure = isResponse ? 'pass' : receiver.pressure(flow.address);
  if (pressure === 'drop') receiver.dropped('rate');
  else if (message.length > limits.messageBytes) receiver.dropped('oversize');
  else receiver.receive(readDatagram(message, limits), flow, pressure);
}

/** Line ends before a message are allowed (RFC 3261 section 7.5). */
function skipLineEnds(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === 0x0d || bytes[at] === 0x0a) at += 1;
  return at;
}

class UdpFlow implements Flow {
  readonly transport = 'UDP';
  readonly reliable = false;
  readonly open = true;
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  /** As the socket writes it: IPv4 may look like `::ffff:192.0.2.1`. */
  readonly #rawAddress: string;
  readonly #receiver: Receiver;

  constructor(socket: Socket, from: Pick<RemoteInfo, 'address' | 'port'>, receiver: Receiver) {
    this.#socket = socket;
    this.#rawAddress = from.address;
    this.#receiver = receiver;
    this.address = plainAddress(from.address);
    this.port = from.port;
  }

  send(bytes: Buffer): void {
    try {
      this.#socket.send(bytes, this.port, this.#rawAddress, (error) => {
        if (error) this.#receiver.dropped('unsent');
      });
    } catch {
      // Closed, or a source port of 0, which only a forged packet has.
      this.#receiver.dropped('unsent');
    }
  }

  hold(): () => void {
    return () => {};
  }

  onClose(): () => void {
    return () => {};
  }
}
