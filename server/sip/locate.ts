import { isIP, isIPv6 } from 'node:net';
import type { SipUri } from './uri.ts';

/** Where a request goes on the wire. */
export interface Place {
  readonly transport: 'UDP' | 'TCP';
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** Name look-ups; both reject when there is nothing. */
export interface NameService {
  /** Addresses of one family. */
  addresses(host: string, family: 4 | 6): Promise<readonly string[]>;
  services(
    name: string,
  ): Promise<readonly { readonly name: string; readonly port: number; readonly priority: number }[]>;
}

const DEFAULT_PORT = 5060;

/**
 * Finds where a `sip:` URI leads (RFC 3263, as far as UDP and TCP go): its own port and transport if it names them, else the
 * best SRV record, else port 5060 of the host by UDP. Undefined: nowhere that we can reach with our family of addresses.
 */
export async function locate(uri: SipUri, ourAddress: string, names: NameService): Promise<Place | undefined> {
  const family = isIPv6(ourAddress) ? 6 : 4;
  const named = uri.params.get('transport')?.toUpperCase();
  if (named !== undefined && named !== 'UDP' && named !== 'TCP') return undefined;
  const transport = named ?? 'UDP';
  if (isIP(uri.host) !== 0) {
    return isIP(uri.host) === family ? { transport, address: uri.host, port: uri.port ?? DEFAULT_PORT } : undefined;
  }
  const target = uri.port === undefined ? await bestService(uri.host, transport, names) : undefined;
  const found = await names.addresses(target?.name ?? uri.host, family).catch(() => []);
  const address = found[0];
  return address === undefined ? undefined : { transport, address, port: uri.port ?? target?.port ?? DEFAULT_PORT };
}

async function bestService(host: string, transport: 'UDP' | 'TCP', names: NameService) {
  const records = await names.services(`_sip._${transport.toLowerCase()}.${host}`).catch(() => []);
  return [...records].sort((a, b) => a.priority - b.priority)[0];
}
