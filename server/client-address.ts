import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Networks, plainAddress } from './networks.ts';

type AskedBy = Pick<IncomingMessage, 'headers'> & { readonly socket: { readonly remoteAddress?: string | undefined } };

/** Further proxies than these are not followed. */
const MAX_HOPS = 16;

/**
 * Says whose a request is. A proxy of ours tells in X-Forwarded-For who asked it; each further one in the chain only as far as it
 * is ours too. What anybody else writes there is not believed.
 */
export class ClientAddresses {
  readonly #proxies: Networks;

  /** `proxies` in CIDR notation. */
  constructor(proxies: readonly string[]) {
    this.#proxies = new Networks(proxies);
  }

  of(request: AskedBy): string {
    let address = plainAddress(request.socket.remoteAddress ?? '');
    const header = request.headers['x-forwarded-for'];
    if (header === undefined || !this.#proxies.has(address)) return address;
    const hops = String(header).split(',').slice(-MAX_HOPS);
    for (let hop = hops.pop(); hop !== undefined && this.#proxies.has(address); hop = hops.pop()) {
      const told = hop.trim();
      if (isIP(told) === 0) break;
      address = plainAddress(told);
    }
    return address;
  }

  /** Whether it came by TLS; a proxy of ours tells in X-Forwarded-Proto how it was asked. */
  isSecure({ headers, socket }: AskedBy): boolean {
    if (socket instanceof TLSSocket) return true;
    const told = String(headers['x-forwarded-proto'] ?? '').toLowerCase();
    return told === 'https' && this.#proxies.has(plainAddress(socket.remoteAddress ?? ''));
  }
}
