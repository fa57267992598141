/** What one source may send us. Sizes in bytes, times in ms. */
export interface SipLimits {
  /** One message, start line to body: a datagram can hold no more. */
  readonly messageBytes: number;
  readonly headers: number;
  readonly vias: number;
  readonly routes: number;
  readonly contacts: number;
  /** Requests a second from one source. */
  readonly ratePerSecond: number;
  /** Sources whose rate is remembered at once. */
  readonly sources: number;
  readonly connections: number;
  readonly connectionsPerSource: number;
  /** From the first byte of a message on a stream to its last. */
  readonly streamMessageMs: number;
  /** A stream that carries no call and no message for so long is closed. */
  readonly streamIdleMs: number;
  /** Bytes waiting to be sent on a stream whose peer does not read. */
  readonly streamBacklogBytes: number;
  readonly transactions: number;
  /** Phones that one user may have registered; a further one takes the place of the oldest. */
  readonly contactsPerUser: number;
}

export const DEFAULT_LIMITS: SipLimits = {
  messageBytes: 65_535,
  headers: 200,
  vias: 70,
  routes: 20,
  contacts: 10,
  ratePerSecond: 50,
  sources: 10_000,
  connections: 2000,
  connectionsPerSource: 200,
  streamMessageMs: 10_000,
  streamIdleMs: 120_000,
  streamBacklogBytes: 262_144,
  transactions: 20_000,
  contactsPerUser: 10,
};
