/** Methods counted by name; any other is `other`, so that a stranger cannot make up labels. */
export const COUNTED_METHODS = [
  'INVITE',
  'ACK',
  'CANCEL',
  'BYE',
  'OPTIONS',
  'INFO',
  'UPDATE',
  'REGISTER',
  'SUBSCRIBE',
  'NOTIFY',
  'MESSAGE',
  'PUBLISH',
  'REFER',
  'PRACK',
] as const;

export type CountedMethod = (typeof COUNTED_METHODS)[number] | 'other';

export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', '6xx'] as const;

export type StatusClass = (typeof STATUS_CLASSES)[number];

/** Why something was not answered: a closed set, also a metric label. */
export const DROP_REASONS = [
  /** Not SIP, or a request broken beyond answering. */
  'garbage',
  /** Over a limit of size. */
  'oversize',
  /** Far over the rate of its source. */
  'rate',
  /** An ACK or broken request from an address that is not trusted. */
  'untrusted',
  /** A response or ACK that belongs to nothing. */
  'stray',
  /** Too many connections. */
  'connections',
  /** A connection to the port of TLS that is none. */
  'handshake',
  /** Somebody we called by TLS, whose certificate is none that we believe. */
  'unverified',
  /** A message on a stream that took too long to arrive. */
  'slow',
  /** The socket would not take what we send. */
  'unsent',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** What became of requests that need credentials: a closed set, also a metric label. */
export const AUTH_RESULTS = [
  'accepted',
  /** Came without credentials and was asked for some. */
  'challenged',
  /** Right password, but a nonce that is too old, used up, or not of ours. */
  'stale',
  /** Credentials of another realm, algorithm or URI, or malformed. */
  'unsuitable',
  /** Wrong password, or nobody of that name. */
  'wrong',
  /** From a source that has guessed too often. */
  'throttled',
] as const;

export type AuthResult = (typeof AUTH_RESULTS)[number];

/** What became of a REGISTER, also a metric label. */
export const REGISTER_RESULTS = ['registered', 'removed', 'asked', 'refused'] as const;

export type RegisterResult = (typeof REGISTER_RESULTS)[number];

/** Is told what happens, to count it. */
export interface SipObserver {
  request(method: CountedMethod): void;
  response(statusClass: StatusClass): void;
  dropped(reason: DropReason): void;
  authenticated(result: AuthResult): void;
  registration(result: RegisterResult): void;
  /** A contact gave way to a newer one of its user, who has too many. */
  contactDisplaced(): void;
  /** Calls from INVITE to BYE, whenever it changes. */
  dialogs(count: number): void;
}

export const SILENT_OBSERVER: SipObserver = {
  request: () => {},
  response: () => {},
  dropped: () => {},
  authenticated: () => {},
  registration: () => {},
  contactDisplaced: () => {},
  dialogs: () => {},
};

export function countedMethod(method: string): CountedMethod {
  return COUNTED_METHODS.find((known) => known === method) ?? 'other';
}

export function statusClass(status: number): StatusClass {
  return STATUS_CLASSES[Math.floor(status / 100) - 1] ?? '6xx';
}
