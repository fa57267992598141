import type { Flow } from './flow.ts';
import type { Via } from './message.ts';
import { MAGIC_COOKIE } from './transaction.ts';
import { uriHost } from './uri.ts';

/** Where we are, as a peer is to write it. */
export interface OwnPlace {
  readonly publicAddress: string;
  readonly port: number;
  /** Of SIP by TLS, where we take it. */
  readonly tlsPort?: number | undefined;
}

/** Of those who name none. */
export const DEFAULT_PORT = { UDP: 5060, TCP: 5060, TLS: 5061 } as const;

/** The branch of a new request of ours. */
export function newBranch(newToken: () => string): string {
  return `${MAGIC_COOKIE}-${newToken()}`;
}

/** The Via of a request of ours. */
export function ownVia(flow: Flow, own: OwnPlace, branch: string): Via {
  const params: [string, string | null][] = [
    ['branch', branch],
    ['rport', null],
  ];
  const host = uriHost(own.publicAddress);
  return { transport: flow.transport, host, port: portFor(flow, own), params: new Map(params) };
}

/** Where a peer reaches us for the rest of a call that went to `uri`; `sips:` asks for the same (RFC 3261 section 12.1.1). */
export function ownContact(flow: Flow, own: OwnPlace, uri: string): string {
  const place = placeOf(flow, own.publicAddress, portFor(flow, own));
  return flow.transport === 'TLS' && /^sips:/i.test(uri) ? place.replace('sip:', 'sips:') : place;
}

function portFor({ transport }: Flow, { port, tlsPort }: OwnPlace): number {
  return transport === 'TLS' ? (tlsPort ?? DEFAULT_PORT.TLS) : port;
}

/** An address to reach somebody at over this kind of flow. */
export function placeOf({ transport }: Flow, address: string, port: number): string {
  return `sip:${uriHost(address)}:${port}${transport === 'UDP' ? '' : `;transport=${transport.toLowerCase()}`}`;
}
