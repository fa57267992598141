import ipaddr from 'ipaddr.js';
import { Networks } from '../networks.ts';

/** RTP to here is thrown away by every host (RFC 863): the leg's place to send while the peer has named none. */
export const DISCARD_PORT = 9;

/** Addresses of clouds' metadata services. */
const METADATA = new Networks(['169.254.169.254/32', 'fd00:ec2::254/128', '100.100.100.200/32', '168.63.129.16/32']);

/** `own`: the loopback interface of another machine, which is to be reached where that machine is. */
export type TargetVerdict = 'usable' | 'own' | 'unspecified' | 'forbidden';

/**
 * Whether RTP may be sent to an address that a peer named. `unspecified` is 0.0.0.0 or ::, the old way to say hold.
 * `ours`: an address of our own, whose family the peer must share. `signalling`: where the peer's requests come from.
 */
export function judgeTarget(address: string, ours: string, signalling: string): TargetVerdict {
  if (!ipaddr.isValid(address)) return 'forbidden';
  const target = ipaddr.process(address);
  if (target.toByteArray().every((byte) => byte === 0)) return 'unspecified';
  if (target.kind() !== ipaddr.process(ours).kind() || METADATA.has(address)) return 'forbidden';
  switch (target.range()) {
    // A phone that dials 127.0.0.1, where a container's port forwarding listens, names it for its own sound as well.
    case 'loopback':
      if (isLoopback(signalling)) return 'usable';
      return kindOf(signalling) === target.kind() ? 'own' : 'forbidden';
    case 'unspecified':
    case 'broadcast':
    case 'multicast':
      return 'forbidden';
    default:
      return isFutureUse(target) ? 'forbidden' : 'usable';
  }
}

function kindOf(address: string): 'ipv4' | 'ipv6' | undefined {
  return ipaddr.isValid(address) ? ipaddr.process(address).kind() : undefined;
}

function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

/** 240.0.0.0/4. */
function isFutureUse(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.kind() === 'ipv4' && (address.toByteArray()[0] ?? 0) >= 240;
}
