import { randomBytes, randomInt } from 'node:crypto';
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server } from 'node:net';
import type { MediaEngine } from '../../media/engine.ts';
import { MASTER_BYTES } from '../../media/srtp/srtp-terms.ts';
import { type Clock, systemClock } from '../../media/time/clock.ts';
import type { Calls, Reception } from '../calls/index.ts';
import type { Certificate } from '../certificate.ts';
import { StartError } from '../start-error.ts';
import { G711, type SupportedCodec } from './codecs.ts';
import { Endpoint } from './endpoint.ts';
import type { Flow } from './flow.ts';
import { Guard } from './guard.ts';
import { DEFAULT_LIMITS, type SipLimits } from './limits.ts';
import type { SipLog } from './log.ts';
import { SILENT_OBSERVER, type SipObserver } from './observer.ts';
import type { CallOrder, OutgoingCall } from './outgoing-call.ts';
import type { SrtpPolicy } from './sdes.ts';
import { bindTcp, bindTls, serveTcp } from './tcp.ts';
import { bindUdp, serveUdp } from './udp.ts';
import { type SipUsers, userParts } from './users.ts';

export interface SipDeps {
  readonly host: string;
  /** 0 takes one that is free for UDP and TCP. */
  readonly port: number;
  /** With it SIP by TLS is taken on a port of its own; 0 takes a free one. */
  readonly tls?: { readonly port: number; readonly certificate: Certificate } | undefined;
  /** What Contact and SDP say. */
  readonly publicAddress: string;
  /** Networks that need no digest, in CIDR notation. */
  readonly trusted: readonly string[];
  /** Requests a second from one source. */
  readonly rateLimit: number;
  readonly calls: Calls;
  /** Decides about calls that come in; left out, the user part names the MPC to join. */
  readonly reception?: Reception | undefined;
  readonly engine: MediaEngine;
  readonly log: SipLog;
  readonly observer?: SipObserver;
  readonly users: SipUsers;
  /** In the order of our own offers; G.711 when left out. */
  readonly codecs?: readonly SupportedCodec[];
  /** Optional when left out. */
  readonly srtp?: SrtpPolicy;
  readonly limits?: Partial<SipLimits>;
  readonly clock?: Clock;
  /** How long `close` waits for the answers to its BYEs, in ms. */
  readonly closeMs?: number;
}

export interface SipStats {
  readonly dialogs: number;
  readonly transactions: number;
  /** By TCP and TLS. */
  readonly connections: number;
}

export interface SipServer {
  readonly port: number;
  /** Of SIP by TLS, where it is taken. */
  readonly tlsPort: number | undefined;
  stats(): SipStats;
  /** Calls somebody. Undefined: no new calls are made any more, too much is under way, or its sound would have to be plain. */
  dial(order: CallOrder): OutgoingCall | undefined;
  /** Refuses new calls, hangs up all others, and closes the sockets. */
  close(): Promise<void>;
}

const DEFAULT_CLOSE_MS = 2000;
/** Tries to find a number that is free for UDP as well as for TCP. */
const PORT_TRIES = 20;

/** Takes calls by SIP over UDP and TCP. Rejects with a message that names SIP_PORT when the port is taken. */
export async function startSip(deps: SipDeps): Promise<SipServer> {
  const limits: SipLimits = { ...DEFAULT_LIMITS, ...deps.limits, ratePerSecond: deps.rateLimit };
  const clock = deps.clock ?? systemClock;
  const observer = deps.observer ?? SILENT_OBSERVER;
  const { authenticate, registrar } = userParts(deps.users, { clock, limits, observer, log: deps.log });
  const { contacts } = deps.users;
  const isRegistered = (flow: Flow): boolean => contacts.isRegistered(flow);
  const guard = new Guard({ trusted: deps.trusted, authenticate, isRegistered });
  const sockets = await bindBoth(deps.host, deps.port);
  const secure = deps.tls && (await bindSecure(deps.host, deps.tls.port, deps.tls.certificate, limits, sockets));
  const tlsPort = secure && portOf(secure);
  const endpoint = new Endpoint({
    clock,
    limits,
    guard,
    observer,
    realm: deps.users.realm,
    registrar,
    calls: deps.calls,
    reception: deps.reception,
    engine: deps.engine,
    codecs: deps.codecs ?? G711,
    log: deps.log,
    publicAddress: deps.publicAddress,
    port: sockets.port,
    tlsPort,
    newToken: () => randomBytes(16).toString('hex'),
    newSessionId: () => randomInt(2 ** 31),
    srtp: deps.srtp ?? 'optional',
    newMaster: () => randomBytes(MASTER_BYTES),
    connect: (transport, address, port, name) => {
      const sockets = transports[transport];
      if (!sockets) throw new Error('without a certificate nothing comes or goes by TLS');
      return sockets.connect(address, port, name);
    },
  });
  const udp = serveUdp(sockets.udp, limits, endpoint);
  const tcp = serveTcp(sockets.tcp, limits, endpoint, clock);
  const tls = secure && deps.tls && serveTcp(secure, limits, endpoint, clock, { ...deps.tls, log: deps.log });
  const transports = { UDP: udp, TCP: tcp, TLS: tls };
  for (const [username, kept] of deps.users.keptContacts)
    if (deps.users.has(username)) contacts.restore(username, kept, (address, port) => udp.connect(address, port));
  let closed: Promise<void> | undefined;
  return {
    port: sockets.port,
    tlsPort,
    stats: () => ({
      dialogs: endpoint.dialogs,
      transactions: endpoint.transactions,
      connections: tcp.connections + (tls?.connections ?? 0),
    }),
    dial: (order) => endpoint.dial(order),
    close: () => {
      closed ??= endpoint
        .close(deps.closeMs ?? DEFAULT_CLOSE_MS)
        .then(() => {
          contacts.close();
          return Promise.all([udp.close(), tcp.close(), tls?.close()]);
        })
        .then(() => {});
      return closed;
    },
  };
}

/** Binds UDP and TCP to the same port. */
async function bindBoth(host: string, port: number): Promise<{ port: number; udp: UdpSocket; tcp: Server }> {
  for (let tries = 1; ; tries++) {
    const tcp = await bindTcp(host, port).catch((error: unknown) => {
      throw explain(error, host, port);
    });
    const bound = portOf(tcp);
    try {
      return { port: bound, tcp, udp: await bindUdp(host, bound) };
    } catch (error) {
      tcp.close();
      if (port !== 0 || tries === PORT_TRIES) throw explain(error, host, bound);
    }
  }
}

async function bindSecure(
  host: string,
  port: number,
  certificate: Certificate,
  limits: SipLimits,
  others: { readonly udp: UdpSocket; readonly tcp: Server },
): Promise<Server> {
  try {
    return await bindTls(host, port, certificate, limits);
  } catch (error) {
    others.udp.close();
    others.tcp.close();
    throw StartError.ofListening(error, { host: 'SIP_HOST', port: 'SIP_TLS_PORT' }, { host, port });
  }
}

function portOf(server: Server): number {
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('a server that is bound has an address');
  return bound.port;
}

function explain(error: unknown, host: string, port: number): unknown {
  if (!(error instanceof Error)) return error;
  return StartError.ofListening(error, { host: 'SIP_HOST', port: 'SIP_PORT' }, { host, port });
}
