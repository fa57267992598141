import { once } from 'node:events';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, connect as secureConnect, type TLSSocket } from 'node:tls';
import type { Clock } from '../../media/time/clock.ts';
import type { Certificate } from '../certificate.ts';
import { plainAddress } from '../networks.ts';
import type { ConnectingTransport, Flow, Pressure, Receiver } from './flow.ts';
import { StreamFramer } from './framing.ts';
import type { SipLimits } from './limits.ts';
import type { SipLog } from './log.ts';

/** A source that sends faster than its rate is not read from for so long. */
const BACK_PRESSURE_MS = 1000;
const CONNECT_MS = 5000;
const PONG = Buffer.from('\r\n');

export interface TcpTransport extends ConnectingTransport {
  readonly connections: number;
}

/** Binds the port. Rejects as `Server.listen` does when it is taken. */
export async function bindTcp(host: string, port: number): Promise<Server> {
  const server = createServer({ noDelay: true, keepAlive: true });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** The same for SIP by TLS. */
export async function bindTls(
  host: string,
  port: number,
  certificate: Certificate,
  limits: SipLimits,
): Promise<Server> {
  const server = createTlsServer({
    ...certificate.options,
    handshakeTimeout: limits.streamMessageMs,
    noDelay: true,
    keepAlive: true,
  });
  certificate.keepFresh(server);
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/** With whose certificate TLS is spoken, and who is told of peers that cannot be believed. */
export interface TlsSide {
  readonly certificate: Pick<Certificate, 'asClient'>;
  readonly log: Pick<SipLog, 'warn'>;
}

/** Takes SIP from a bound server. To be called in the turn in which it was bound, so that nothing is missed. */
export function serveTcp(
  server: Server,
  limits: SipLimits,
  receiver: Receiver,
  clock: Clock,
  tls?: TlsSide,
): TcpTransport {
  const kind = tls ? 'TLS' : 'TCP';
  const flows = new Set<TcpFlow>();
  /** Those whose handshake is under way included. */
  let connections = 0;
  const perSource = new Map<string, number>();
  const count = (address: string, change: number): void => {
    connections += change;
    const ofSource = (perSource.get(address) ?? 0) + change;
    if (ofSource > 0) perSource.set(address, ofSource);
    else perSource.delete(address);
  };
  const adopt = (socket: Socket, address: string, peerPort: number, name?: string): TcpFlow => {
    const flow = new TcpFlow({ kind, address, port: peerPort, name }, socket, limits, receiver, clock);
    flows.add(flow);
    socket.once('close', () => flows.delete(flow));
    return flow;
  };

  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress ?? '');
    const crowded = connections >= limits.connections || (perSource.get(address) ?? 0) >= limits.connectionsPerSource;
    if (address === '' || crowded) {
      receiver.dropped('connections');
      socket.destroy();
      return;
    }
    count(address, 1);
    socket.once('close', () => count(address, -1));
    if (kind === 'TCP') adopt(socket, address, socket.remotePort ?? 0);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const address = plainAddress(socket.remoteAddress ?? '');
    if (address === '') socket.destroy();
    else adopt(socket, address, socket.remotePort ?? 0);
  });
  server.on('tlsClientError', () => receiver.dropped('handshake'));
  server.on('error', () => receiver.dropped('connections'));

  return {
    get connections() {
      return connections;
    },
    connect: (address, peerPort, name) => {
      const socket = tls
        ? connectTls(tls, receiver, address, peerPort, name)
        : connect({ host: address, port: peerPort, noDelay: true });
      const stopWaiting = clock.setTimeout(() => socket.destroy(), CONNECT_MS);
      socket.once(kind === 'TLS' ? 'secureConnect' : 'connect', stopWaiting);
      count(address, 1);
      socket.once('close', () => {
        stopWaiting();
        count(address, -1);
      });
      return adopt(socket, address, peerPort, name);
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const flow of flows) flow.destroy();
      await closed;
    },
  };
}

/** Nothing is sent before the peer has shown a certificate for the name, or address, that was to be called. */
function connectTls(
  { certificate, log }: TlsSide,
  receiver: Receiver,
  address: string,
  port: number,
  name: string | undefined,
): TLSSocket {
  const named = name !== undefined && isIP(name) === 0 ? { servername: name } : {};
  const socket = secureConnect({ host: address, port, ...named, ...certificate.asClient });
  const onError = (error: NodeJS.ErrnoException): void => {
    // Trouble of the network names the call that failed.
    if (error.syscall !== undefined) return;
    receiver.dropped('unverified');
    log.warn({ address, name, why: error.code ?? error.message }, 'SIP by TLS: the peer cannot be verified');
  };
  socket.once('error', onError);
  socket.once('secureConnect', () => socket.off('error', onError));
  return socket;
}

class TcpFlow implements Flow {
  readonly transport: 'TCP' | 'TLS';
  readonly reliable = true;
  readonly address: string;
  readonly port: number;
  readonly name: string | undefined;
  readonly #socket: Socket;
  readonly #limits: SipLimits;
  readonly #receiver: Receiver;
  readonly #clock: Clock;
  readonly #framer: StreamFramer;
  #holders = 0;
  #cancelIdle: () => void = () => {};
  #cancelMessage: (() => void) | undefined;
  #cancelPause: () => void = () => {};

  constructor(
    peer: {
      readonly kind: 'TCP' | 'TLS';
      readonly address: string;
      readonly port: number;
      readonly name?: string | undefined;
    },
    socket: Socket,
    limits: SipLimits,
    receiver: Receiver,
    clock: Clock,
  ) {
    this.transport = peer.kind;
    this.#socket = socket;
    this.address = peer.address;
    this.port = peer.port;
    this.name = peer.name;
    this.#limits = limits;
    this.#receiver = receiver;
    this.#clock = clock;
    this.#framer = new StreamFramer(limits);
    socket.on('data', (bytes) => this.#onData(bytes));
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#stopTimers());
    this.#restartIdle();
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  send(bytes: Buffer): void {
    if (!this.open || this.#socket.writableLength + bytes.length > this.#limits.streamBacklogBytes) {
      this.#receiver.dropped('unsent');
      this.#socket.destroy();
      return;
    }
    this.#socket.write(bytes);
  }

  hold(): () => void {
    this.#holders += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holders -= 1;
      this.#restartIdle();
    };
  }

  onClose(run: () => void): () => void {
    this.#socket.once('close', run);
    return () => this.#socket.off('close', run);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onData(bytes: Buffer): void {
    this.#restartIdle();
    const items = this.#framer.push(bytes);
    if (items.length > 0) this.#stopWatching();
    for (const item of items) {
      if (item.type === 'keep-alive') this.send(PONG);
      else if (item.type === 'message') this.#receiver.receive(item.read, this, this.#pressure());
      else {
        if (item.oversize) this.#receiver.dropped('oversize');
        else if (!item.read) this.#receiver.dropped('garbage');
        if (item.read) this.#receiver.receive(item.read, this, 'pass');
        this.#socket.destroySoon();
      }
    }
    this.#watchMessage();
  }

  /** Bytes that came are not thrown away; instead the sender has to wait before it can send more. */
  #pressure(): Pressure {
    const pressure = this.#receiver.pressure(this.address);
    if (pressure !== 'drop') return pressure;
    this.#socket.pause();
    this.#cancelPause();
    this.#cancelPause = this.#clock.setTimeout(() => this.#socket.resume(), BACK_PRESSURE_MS);
    return 'shed';
  }

  /** A message has to be complete in time, counted from its first byte. */
  #watchMessage(): void {
    if (!this.#framer.midMessage) this.#stopWatching();
    else {
      this.#cancelMessage ??= this.#clock.setTimeout(() => {
        this.#receiver.dropped('slow');
        this.#socket.destroy();
      }, this.#limits.streamMessageMs);
    }
  }

  #stopWatching(): void {
    this.#cancelMessage?.();
    this.#cancelMessage = undefined;
  }

  #restartIdle(): void {
    this.#cancelIdle();
    if (this.#socket.destroyed) return;
    this.#cancelIdle = this.#clock.setTimeout(() => {
      if (this.#holders === 0) this.#socket.destroy();
      else this.#restartIdle();
    }, this.#limits.streamIdleMs);
  }

  #stopTimers(): void {
    this.#cancelIdle();
    this.#stopWatching();
    this.#cancelPause();
  }
}
