import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** IPv4 written as IPv6 (`::ffff:192.0.2.1`) becomes IPv4, and zone ids go; anything that is no address stays. */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const [bare = ''] = address.split('%', 1);
  if (!ipaddr.isValid(bare)) return address;
  return ipaddr.process(bare).toString();
}

/**
 * Who counts as one to those who limit: one household of IPv6 has a whole /64; an IPv4 address may come dressed as IPv6.
 */
export function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return parsed.parts.slice(0, 4).join(':');
}

/** A set of networks such as `10.0.0.0/8` and `::1/128`. */
export class Networks {
  readonly #ranges: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /** Throws when one of them is no network in CIDR notation. */
  constructor(networks: readonly string[]) {
    this.#ranges = networks.map((network) => {
      if (!ipaddr.isValidCIDR(network)) throw new Error(`not a network in CIDR notation: ${network}`);
      return ipaddr.parseCIDR(network);
    });
  }

  has(address: string): boolean {
    const [bare = ''] = address.split('%', 1);
    if (isIP(bare) === 0) return false;
    const parsed = ipaddr.process(bare);
    return this.#ranges.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
  }
}
