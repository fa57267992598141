import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { readUri, type SipUri } from '../sip/uri.ts';
import { type AllowedHost, isTransport } from './route.ts';

/** `pbx.example.com,192.0.2.7:5070,10.1.0.0/16,[2001:db8::7]:5060`; without a port it is 5060, or by TLS 5061. */
export const dialHosts = z.string().transform((text, context): readonly AllowedHost[] => {
  const hosts: AllowedHost[] = [];
  for (const part of listed(text)) {
    const host = readHost(part);
    if (host) hosts.push(host);
    else
      context.addIssue({
        code: 'custom',
        message: `"${part}" is no host, address or network; write pbx.example.com, 192.0.2.7:5070 or 10.1.2.0/24`,
      });
  }
  return hosts;
});

/** `sip:host:port;transport=tls`. */
export const trunkUri = z.string().transform((text, context): SipUri | undefined => {
  if (text === '') return undefined;
  const read = readUri(text);
  const transport = read.ok ? read.uri.params.get('transport') : undefined;
  const isByUdp = transport === 'udp' && read.ok && read.uri.scheme === 'sips';
  if (read.ok && read.uri.user === undefined && isTransport(transport) && !isByUdp) return read.uri;
  context.addIssue({
    code: 'custom',
    message: 'must be a SIP address without a user, such as sip:sip.carrier.example:5061;transport=tls',
  });
  return z.NEVER;
});

/** `49,1212`: digits without the plus. */
export const numberPrefixes = z.string().transform((text, context): readonly string[] => {
  const prefixes = listed(text).map((part) => part.replace(/^\+/, ''));
  for (const prefix of prefixes)
    if (!/^[0-9]{1,24}$/.test(prefix))
      context.addIssue({ code: 'custom', message: `"${prefix}" must be the first digits of numbers, such as 49` });
  return prefixes;
});

function readHost(part: string): AllowedHost | undefined {
  const [, bracketed, plain, bits, portText] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/i.exec(part) ?? [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? undefined : Number(portText);
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(host) || bracketed !== undefined) {
    if (!ipaddr.isValid(host)) return undefined;
    const address = ipaddr.process(host);
    const whole = address.kind() === 'ipv4' ? 32 : 128;
    const prefix = bits === undefined ? whole : Number(bits);
    return prefix <= whole ? { host: [address, prefix], port } : undefined;
  }
  // What looks like an address written in a strange way is none of the names that were meant.
  return bits !== undefined || ipaddr.isValid(host) ? undefined : { host: host.toLowerCase(), port };
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
