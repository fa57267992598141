import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { buildConnector } from 'undici';
import { canonicalAddress } from './address.ts';
import { hostOf, judgeEndpoint, literalAddressesOf, portOf, type SourcePolicy } from './policy.ts';

/** Turns a name into all of its addresses; rejects when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** The system's resolver, in its order of preference (RFC 6724). */
export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** The source's address is one we never connect to. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';
}

export interface GuardedConnection {
  readonly policy: SourcePolicy;
  readonly resolve: Resolve;
  /** Closes a connection that is still being made. */
  readonly signal: AbortSignal;
  /** How long one of several addresses is tried before the next one is, in ms. */
  readonly attemptMs: number;
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** Called once the connection stands, TLS included. */
  readonly onConnected: () => void;
}

/** More answers than this are not looked at for connecting; all are judged. */
const MAX_ATTEMPTS = 3;

/**
 * A connector that asks the resolver once, judges every answer, and connects to the very addresses it judged: a second
 * answer of the resolver can change nothing. Host header and TLS server name stay those of the URL.
 */
export function guardedConnector(url: URL, options: GuardedConnection): buildConnector.connector {
  return (_target, callback) => {
    guardedSocket(url, options).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

/** A connection to an address that was judged; TLS for https, done when this resolves. */
export async function guardedSocket(url: URL, options: GuardedConnection): Promise<Socket> {
  const addresses = await judgedAddresses(url, options);
  options.signal.throwIfAborted();
  const socket = startSocket(url, addresses, options);
  socket.setNoDelay(true);
  const abort = () => socket.destroy(new Error('aborted'));
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed while connecting')));
    });
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
  // The last word has the socket itself, whatever the layers between did.
  const peer = canonicalAddress(socket.remoteAddress ?? '');
  if (peer === undefined || !addresses.some((address) => canonicalAddress(address) === peer)) {
    socket.destroy();
    throw new RefusedAddress('connected to another address than the one that was checked');
  }
  options.onConnected();
  return socket;
}

/** All addresses of the host, every one of them permitted. */
async function judgedAddresses(url: URL, { policy, resolve }: GuardedConnection): Promise<readonly string[]> {
  const port = portOf(url);
  const literals = literalAddressesOf(url);
  if (literals.length > 0) {
    const permitted = literals.filter((address) => judgeEndpoint(policy, address, port).ok);
    if (permitted.length === 0) throw new RefusedAddress('the address is not public');
    return permitted;
  }
  const answers = await resolve(hostOf(url));
  if (answers.length === 0) throw new Error('the name has no address');
  for (const address of answers) {
    const verdict = judgeEndpoint(policy, address, port);
    // The address stays out of the message: it would tell the caller what our resolver knows.
    if (!verdict.ok) throw new RefusedAddress(`the name resolves to what may not be fetched: ${verdict.message}`);
  }
  return answers;
}

function startSocket(url: URL, addresses: readonly string[], { attemptMs, ca }: GuardedConnection): Socket {
  const host = hostOf(url);
  const candidates = addresses.slice(0, MAX_ATTEMPTS).map((address) => ({ address, family: isIP(address) }));
  const judged: LookupFunction = (_hostname, lookupOptions, done) => {
    if (lookupOptions.all) done(null, candidates);
    else done(null, candidates[0]?.address ?? '', candidates[0]?.family);
  };
  const target = {
    host,
    port: portOf(url),
    lookup: judged,
    autoSelectFamily: candidates.length > 1,
    autoSelectFamilyAttemptTimeout: attemptMs,
  };
  if (url.protocol === 'http:') return connectTcp(target);
  return connectTls({
    ...target,
    ALPNProtocols: ['http/1.1'],
    // RFC 6066 section 3: no literal addresses and no trailing dot in SNI.
    servername: isIP(host) === 0 ? host.replace(/\.$/, '') : '',
    ...(ca === undefined ? {} : { ca }),
  });
}
