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

export type StatusClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | '6xx';

/** Why something was not answered: a closed set, also a metric label. */
export type DropReason =
  /** Not SIP, or a request broken beyond answering. */
  | 'garbage'
  /** Over a limit of size. */
  | 'oversize'
  /** Far over the rate of its source. */
  | 'rate'
  /** An ACK or broken request from an address that is not trusted. */
  | 'untrusted'
  /** A response or ACK that belongs to nothing. */
  | 'stray'
  /** Too many connections. */
  | 'connections'
  /** A message on a stream that took too long to arrive. */
  | 'slow'
  /** The socket would not take what we send. */
  | 'unsent';

/** Is told what happens, to count it. */
export interface SipObserver {
  request(method: CountedMethod): void;
  response(statusClass: StatusClass): void;
  dropped(reason: DropReason): void;
  /** Calls from INVITE to BYE, whenever it changes. */
  dialogs(count: number): void;
}

export const SILENT_OBSERVER: SipObserver = {
  request: () => {},
  response: () => {},
  dropped: () => {},
  dialogs: () => {},
};

export function countedMethod(method: string): CountedMethod {
  return COUNTED_METHODS.find((known) => known === method) ?? 'other';
}

export function statusClass(status: number): StatusClass {
  const classes: readonly StatusClass[] = ['1xx', '2xx', '3xx', '4xx', '5xx', '6xx'];
  return classes[Math.floor(status / 100) - 1] ?? '6xx';
}
