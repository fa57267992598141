import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

export type AddressVerdict = { readonly public: true } | { readonly public: false; readonly range: string };

/** Addresses that look public and are a cloud's own services: Azure's wire server (the others lie in private ranges). */
const CLOUD_SERVICES: ReadonlySet<string> = new Set(['168.63.129.16']);

/** What the IPv6 Internet is made of (RFC 4291 section 2.4); all else is reserved, local or multicast. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];
/** NAT64's well-known prefix (RFC 6052 section 2.1): the last 32 bits are the IPv4 address really reached. */
const NAT64: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('64:ff9b::'), 96];
/** The upper half of an ISATAP interface identifier, with and without the universal bit (RFC 5214 section 6.1). */
const ISATAP: ReadonlySet<number> = new Set([0x0000, 0x0200]);
const ISATAP_LOW = 0x5efe;

/**
 * Reads a literal address as a URL parser or a resolver writes it. IPv6 forms that are delivered over IPv4 (mapped,
 * NAT64) become that IPv4 address, so that one judge sees what the packets will see. Undefined: not an address.
 */
export function parseAddress(text: string): Address | undefined {
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.parse(text);
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.zoneId !== undefined) return undefined;
  if (address.isIPv4MappedAddress() || address.match(NAT64)) {
    return new ipaddr.IPv4(address.toByteArray().slice(12));
  }
  return address;
}

/** One spelling for one address, for comparing. Undefined: not an address. */
export function canonicalAddress(text: string): string | undefined {
  return parseAddress(text)?.toString();
}

/** Whether an address belongs to the public Internet; `range` says what it is instead. */
export function judgeAddress(address: Address): AddressVerdict {
  const range = address.range();
  if (range !== 'unicast') return { public: false, range };
  if (!(address instanceof ipaddr.IPv6)) {
    return CLOUD_SERVICES.has(address.toString()) ? { public: false, range: 'metadata' } : { public: true };
  }
  if (!address.match(GLOBAL_UNICAST)) return { public: false, range: 'reserved' };
  // A tunnel end inside an otherwise global prefix: the packets go to the IPv4 address in its last 32 bits.
  if (ISATAP.has(address.parts[4] ?? 0) && address.parts[5] === ISATAP_LOW) return { public: false, range: 'isatap' };
  return { public: true };
}
