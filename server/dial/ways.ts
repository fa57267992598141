import type { RtpLegOptions } from '../../media/engine.ts';
import type { SupportedCodec } from '../sip/codecs.ts';
import type { Flow } from '../sip/flow.ts';
import { locate, type NameService } from '../sip/locate.ts';
import type { NameAddress } from '../sip/message.ts';
import { type CallOrder, outgoingLegOptions } from '../sip/outgoing-call.ts';
import { callerAddress } from './caller.ts';
import type { Destination, DialOrder } from './order.ts';

/** Where a call goes on the wire, and as whom. */
export interface Way extends Pick<CallOrder, 'uri' | 'way' | 'routes' | 'from' | 'credentials'> {
  readonly legOptions: RtpLegOptions;
}

/** One registered phone of a user. */
export interface RegisteredPhone {
  readonly uri: string;
  readonly flow: Flow;
  readonly routes: readonly NameAddress[];
}

export interface WayDeps {
  readonly publicAddress: string;
  readonly codecs: readonly SupportedCodec[];
  readonly names: NameService;
  /** Those that can be called now, the last registered first. */
  readonly contactsOf: (user: string) => readonly RegisteredPhone[];
}

/** Finds the ways to a destination right now. None: its name has no address, or no phone of the user is registered. */
export function wayFinder(deps: WayDeps): (destination: Destination, order: DialOrder) => Promise<readonly Way[]> {
  return async ({ route }, { from, callerName }) => {
    const caller = callerAddress(from, callerName, route, deps.publicAddress);
    if (route.kind === 'user') {
      return eachOnce(deps.contactsOf(route.user)).map(({ uri, flow, routes }) => {
        const legOptions = outgoingLegOptions(deps.codecs, flow.address);
        return { uri, way: flow, routes, from: caller, credentials: undefined, legOptions };
      });
    }
    const place = await locate(route.target, deps.publicAddress, deps.names);
    if (!place) return [];
    const credentials = route.kind === 'trunk' ? route.credentials : undefined;
    const legOptions = outgoingLegOptions(deps.codecs, place.address);
    return [{ uri: route.uri, way: place, from: caller, credentials, legOptions }];
  };
}

/** A phone that begins anew registers under another contact from the same place. Behind a proxy a place has many phones. */
function eachOnce(phones: readonly RegisteredPhone[]): readonly RegisteredPhone[] {
  const places = new Set<string>();
  return phones.filter(({ flow: { transport, address, port }, routes }) => {
    if (routes.length > 0) return true;
    const place = `${transport} ${address} ${port}`;
    const isNew = !places.has(place);
    places.add(place);
    return isNew;
  });
}
