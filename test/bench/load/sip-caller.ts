import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** T1 of RFC 3261 and the time after which a call that nobody answers is given up, in ms. */
const T1_MS = 500;
const GIVE_UP_MS = 32_000;
const HOST = '127.0.0.1';

interface Pending {
  readonly resolve: (message: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Places thousands of calls from one UDP socket: INVITE with its repetitions, ACK, and an answer to whatever the server
 * asks. The RTP of a call is somebody else's; here it is a port number.
 */
export class SipCaller {
  /** Calls that the server hung up. */
  hungUp = 0;
  readonly #socket: Socket;
  readonly #inviting = new Map<string, Pending>();
  readonly #acks = new Map<string, string>();
  #calls = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, from) => this.#take(bytes.toString('latin1'), from));
  }

  static async open(): Promise<SipCaller> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    socket.bind(0, HOST);
    await once(socket, 'listening');
    return new SipCaller(socket);
  }

  /** Dials; resolves with the port at which the server takes this call's RTP. Rejects with a refusal's status line. */
  async call(sipPort: number, mpc: string, rtpPort: number): Promise<number> {
    const { port } = this.#socket.address();
    const callId = `${randomBytes(6).toString('hex')}-${++this.#calls}`;
    const uri = `sip:${encodeURIComponent(mpc)}@${HOST}:${sipPort}`;
    const from = `<sip:load@${HOST}:${port}>;tag=${randomBytes(4).toString('hex')}`;
    const via = (): string => `Via: SIP/2.0/UDP ${HOST}:${port};rport;branch=z9hG4bK${randomBytes(8).toString('hex')}`;
    const common = [`From: ${from}`, `Call-ID: ${callId}`, 'Max-Forwards: 70'];
    const sdp = offer(rtpPort);
    const invite = message(
      `INVITE ${uri} SIP/2.0`,
      [via(), ...common, `To: <${uri}>`, 'CSeq: 1 INVITE', `Contact: <sip:load@${HOST}:${port}>`],
      sdp,
    );
    const answer = await this.#untilFinal(callId, invite, sipPort);
    const status = Number(answer.slice(8, 11));
    const to = field(answer, 'To') ?? '';
    const target = status < 300 ? (/<([^>]+)>/.exec(field(answer, 'Contact') ?? '')?.[1] ?? uri) : uri;
    const ackVia = status < 300 ? via() : (/^Via: .*/m.exec(invite)?.[0] ?? via());
    const ack = message(`ACK ${target} SIP/2.0`, [ackVia, ...common, `To: ${to}`, 'CSeq: 1 ACK']);
    this.#send(ack, sipPort);
    if (status >= 300) throw new Error(`${mpc}: ${answer.slice(0, answer.indexOf('\r\n'))}`);
    this.#acks.set(callId, ack);
    const remote = /^m=audio (\d+)/m.exec(answer)?.[1];
    if (remote === undefined) throw new Error(`${mpc}: an answer without audio`);
    return Number(remote);
  }

  close(): void {
    this.#socket.close();
    for (const { reject } of this.#inviting.values()) reject(new Error('the caller was closed'));
  }

  async #untilFinal(callId: string, invite: string, sipPort: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#inviting.set(callId, { resolve, reject });
        const deadline = performance.now() + GIVE_UP_MS;
        const repeat = (pause: number): void => {
          if (performance.now() > deadline) return reject(new Error('INVITE: no answer'));
          this.#send(invite, sipPort);
          timer = setTimeout(() => repeat(2 * pause), pause);
        };
        repeat(T1_MS);
      });
    } finally {
      clearTimeout(timer);
      this.#inviting.delete(callId);
    }
  }

  #take(text: string, from: RemoteInfo): void {
    const callId = field(text, 'Call-ID') ?? '';
    if (!text.startsWith('SIP/2.0 ')) return this.#serve(text, callId, from);
    const status = Number(text.slice(8, 11));
    if (status < 200) return;
    // A repeated 200 means that the ACK got lost.
    const ack = this.#acks.get(callId);
    if (ack !== undefined) this.#send(ack, from.port);
    this.#inviting.get(callId)?.resolve(text);
  }

  #serve(text: string, callId: string, from: RemoteInfo): void {
    if (text.startsWith('ACK ')) return;
    if (text.startsWith('BYE ')) {
      this.hungUp += 1;
      this.#acks.delete(callId);
    }
    const copied = text.split('\r\n').filter((line) => /^(via|from|to|call-id|cseq|[vfti]) *:/i.test(line));
    this.#send(message('SIP/2.0 200 OK', copied), from.port);
  }

  #send(text: string, port: number): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, HOST);
  }
}

function message(start: string, headers: readonly string[], body = ''): string {
  const type = body === '' ? [] : ['Content-Type: application/sdp'];
  return [start, ...headers, ...type, `Content-Length: ${body.length}`, '', body].join('\r\n');
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name} *: *(.*?)\\s*$`, 'im').exec(text)?.[1];
}

function offer(rtpPort: number): string {
  return [
    'v=0',
    `o=- ${rtpPort} 1 IN IP4 ${HOST}`,
    's=-',
    `c=IN IP4 ${HOST}`,
    't=0 0',
    `m=audio ${rtpPort} RTP/AVP 0`,
    'a=rtpmap:0 PCMU/8000',
    'a=ptime:20',
    'a=sendrecv',
    '',
  ].join('\r\n');
}
