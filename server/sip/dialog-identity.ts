import type { Flow } from './flow.ts';
import type { NameAddress, SipResponse } from './message.ts';
import type { ServerTransaction } from './transaction.ts';

/** Who talks to whom, and where each has got to. */
export interface DialogIdentity {
  /** Ours, with our tag. */
  readonly local: NameAddress;
  readonly remote: NameAddress;
  readonly callId: string;
  readonly routes: readonly NameAddress[];
  /** Where the peer wants its requests sent; undefined when it said nothing. */
  readonly target: string | undefined;
  readonly flow: Flow;
  /** Numbers of the last request each way; -1 when the peer has sent none. */
  readonly localSequence: number;
  readonly remoteSequence: number;
  /** Answers the peer's demand for credentials, when there are any for it. */
  readonly authorize?: Authorize | undefined;
}

/** The header that answers a 401 or 407 to a request of ours; undefined when it is not to be answered. */
export type Authorize = (
  challenge: SipResponse,
  method: string,
  uri: string,
) => Readonly<Record<string, string>> | undefined;

/** The side of a call that answers, from the INVITE that began it. */
export function answering(
  { request, flow }: ServerTransaction,
  target: string | undefined,
  tag: string,
): DialogIdentity {
  return {
    local: { ...request.to, params: new Map([...request.to.params, ['tag', tag]]) },
    remote: request.from,
    callId: request.callId,
    routes: request.recordRoutes,
    target,
    flow,
    localSequence: 0,
    remoteSequence: request.cseq.number,
  };
}

/** The side of a call that calls, from the 2xx to its INVITE. Routes are walked the other way round (RFC 3261 12.1.2). */
export function calling(response: SipResponse, flow: Flow): DialogIdentity {
  return {
    local: response.from,
    remote: response.to,
    callId: response.callId,
    routes: [...response.recordRoutes].reverse(),
    target: response.contacts[0]?.uri,
    flow,
    localSequence: response.cseq.number,
    remoteSequence: -1,
  };
}

/** The three things that name a dialog (RFC 3261 section 12). */
export function dialogKey(callId: string, localTag: string, remoteTag: string | undefined): string {
  return `${localTag} ${remoteTag ?? ''} ${callId}`;
}
