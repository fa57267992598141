/*
 * SIP messages for tests, written and read by code that shares nothing with the server's own.
 */
import { randomBytes } from 'node:crypto';

export interface ScriptOptions {
  /** Request-URI of the first request, such as `sip:demo@127.0.0.1:5060`. */
  readonly uri: string;
  readonly transport?: 'UDP' | 'TCP' | 'TLS';
  /** Host and port of Via and Contact. */
  readonly local?: string;
  readonly user?: string;
}

export interface RequestChanges {
  readonly uri?: string;
  readonly cseq?: number;
  readonly branch?: string;
  readonly body?: string;
  /** Added, or put in the place of the usual one; null leaves it out. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/** The caller's side of one dialog: knows what to write next. */
export class CallScript {
  readonly callId = `${randomBytes(8).toString('hex')}@test`;
  readonly tag = randomBytes(4).toString('hex');
  readonly #options: ScriptOptions;
  cseq = 0;
  inviteBranch = '';
  toTag: string | undefined;
  /** The Contact of the far side. */
  target: string;

  constructor(options: ScriptOptions) {
    this.#options = options;
    this.target = options.uri;
  }

  /** The next request. ACK and CANCEL take the number of the last INVITE, CANCEL also its branch. */
  request(method: string, changes: RequestChanges = {}): string {
    const repeats = method === 'ACK' || method === 'CANCEL';
    if (!repeats) this.cseq += 1;
    const branch = changes.branch ?? (method === 'CANCEL' ? this.inviteBranch : newBranch());
    if (method === 'INVITE') this.inviteBranch = branch;
    const { transport = 'UDP', local = '127.0.0.1:5999', user = 'caller', uri } = this.#options;
    const body = changes.body ?? '';
    const headers: Record<string, string | null> = {
      Via: `SIP/2.0/${transport} ${local};branch=${branch};rport`,
      From: `"Test" <sip:${user}@${local}>;tag=${this.tag}`,
      To: `<${uri}>${this.toTag === undefined || method === 'CANCEL' ? '' : `;tag=${this.toTag}`}`,
      'Call-ID': this.callId,
      CSeq: `${changes.cseq ?? this.cseq} ${method}`,
      Contact: `<sip:${user}@${local}>`,
      'Max-Forwards': '70',
      ...(body === '' ? {} : { 'Content-Type': 'application/sdp' }),
      'Content-Length': String(Buffer.byteLength(body)),
      ...changes.headers,
    };
    const lines = Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : `${name}: ${value}`));
    return [`${method} ${changes.uri ?? this.target} SIP/2.0`, ...lines, '', body].join('\r\n');
  }

  /** Takes the tag and the target from an answer that begins the dialog. */
  learn(answer: SipText): void {
    this.toTag = /;\s*tag=([^;]+)/.exec(answer.header('to') ?? '')?.[1];
    this.target = /<([^>]+)>/.exec(answer.header('contact') ?? '')?.[1] ?? this.target;
  }

  /** The answer to a request that came within the dialog. */
  respond(request: SipText, status: string): string {
    const copied = ['via', 'from', 'to', 'call-id', 'cseq'].map((name) => `${name}: ${request.header(name)}`);
    return [`SIP/2.0 ${status}`, ...copied, 'content-length: 0', '', ''].join('\r\n');
  }
}

export function newBranch(): string {
  return `z9hG4bK${randomBytes(8).toString('hex')}`;
}

/** A message as text, taken apart in the simplest way. */
export class SipText {
  readonly startLine: string;
  readonly body: string;
  readonly text: string;
  readonly #headers: readonly (readonly [name: string, value: string])[];

  constructor(text: string) {
    this.text = text;
    const end = text.indexOf('\r\n\r\n');
    const [startLine = '', ...lines] = text.slice(0, end).split('\r\n');
    this.startLine = startLine;
    this.body = text.slice(end + 4);
    this.#headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
  }

  /** 0 for a request. */
  get status(): number {
    return this.startLine.startsWith('SIP/2.0 ') ? Number(this.startLine.slice(8, 11)) : 0;
  }

  /** Empty for a response. */
  get method(): string {
    return this.status === 0 ? (this.startLine.split(' ')[0] ?? '') : '';
  }

  header(name: string): string | undefined {
    return this.#headers.find(([known]) => known === name.toLowerCase())?.[1];
  }

  headers(name: string): readonly string[] {
    return this.#headers.filter(([known]) => known === name.toLowerCase()).map(([, value]) => value);
  }
}

export interface SdpOptions {
  readonly address?: string;
  readonly port?: number;
  readonly payloads?: string;
  readonly direction?: string;
  /** Lines after those of the audio line. */
  readonly more?: readonly string[];
}

/** A session description with one audio line. */
export function sdpText(options: SdpOptions = {}): string {
  const { address = '127.0.0.1', port = 40_000, payloads = '0 8 101', direction, more = [] } = options;
  const version = address.includes(':') ? 6 : 4;
  return [
    'v=0',
    `o=- 1 1 IN IP${version} ${address}`,
    's=-',
    `c=IN IP${version} ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP ${payloads}`,
    ...(payloads.split(' ').includes('101') ? ['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16'] : []),
    ...(direction === undefined ? [] : [`a=${direction}`]),
    ...more,
    '',
  ].join('\r\n');
}
