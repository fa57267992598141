import { isIP, isIPv6 } from 'node:net';
import { DEFAULT_PORT } from './own-place.ts';
import { goesByTls, type SipUri } from './uri.ts';

/** Where a request goes on the wire. */
export interface Place {
  readonly transport: 'UDP' | 'TCP' | 'TLS';
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** By TLS: whom the certificate must name, the host as it was written (RFC 5922 section 4). */
  readonly name?: string;
}

/** Name look-ups; both reject when there is nothing. */
export interface NameService {
  /** Addresses of one family. */
  addresses(host: string, family: 4 | 6): Promise<readonly string[]>;
  services(
    name: string,
  ): Promise<readonly { readonly name: string; readonly port: number; readonly priority: number }[]>;
}

const SERVICES = { UDP: '_sip._udp', TCP: '_sip._tcp', TLS: '_sips._tcp' } as const;

/**
 * Finds where a SIP URI leads (RFC 3263, but for NAPTR): its own port and transport if it names them, else the best SRV record,
 * else the usual port of the host, by UDP or, for `sips:`, by TLS. Undefined: nowhere that we can reach with our family of
 * addresses.
 */
export async function locate(uri: SipUri, ourAddress: string, names: NameService): Promise<Place | undefined> {
  const family = isIPv6(ourAddress) ? 6 : 4;
  const transport = transportOf(uri);
  if (!transport) return undefined;
  const name = transport === 'TLS' ? { name: uri.host } : {};
  const usual = DEFAULT_PORT[transport];
  if (isIP(uri.host) !== 0)
    return isIP(uri.host) === family ? { transport, address: uri.host, port: uri.port ?? usual, ...name } : undefined;
  const target = uri.port === undefined ? await bestService(`${SERVICES[transport]}.${uri.host}`, names) : undefined;
  const found = await names.addresses(target?.name ?? uri.host, family).catch(() => []);
  const address = found[0];
  return address === undefined ? undefined : { transport, address, port: uri.port ?? target?.port ?? usual, ...name };
}

function transportOf(uri: SipUri): Place['transport'] | undefined {
  const named = uri.params.get('transport')?.toUpperCase();
  // TLS is spoken over TCP: `sips:…;transport=tcp` asks for just that.
  if (goesByTls(uri)) return named === undefined || named === 'TCP' || named === 'TLS' ? 'TLS' : undefined;
  if (named === undefined) return 'UDP';
  return named === 'UDP' || named === 'TCP' ? named : undefined;
}

async function bestService(service: string, names: NameService) {
  const records = await names.services(service).catch(() => []);
  return [...records].sort((a, b) => a.priority - b.priority)[0];
}
