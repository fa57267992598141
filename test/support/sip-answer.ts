import type { SipText } from './sip-script.ts';

export interface AnswerParts {
  readonly tag?: string;
  readonly body?: string;
  readonly contact?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response to a request that came to a test, as the far side of a call would write it. */
export function answerTo(request: SipText, status: number, reason: string, parts: AnswerParts = {}): string {
  const { tag, body = '', contact, headers = {} } = parts;
  const to = `${request.header('to')}${tag === undefined ? '' : `;tag=${tag}`}`;
  return [
    `SIP/2.0 ${status} ${reason}`,
    ...request.headers('via').map((via) => `Via: ${via}`),
    `From: ${request.header('from')}`,
    `To: ${to}`,
    `Call-ID: ${request.header('call-id')}`,
    `CSeq: ${request.header('cseq')}`,
    ...(contact === undefined ? [] : [`Contact: <${contact}>`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** A request of the far side within a call that a test answered. `invite` is what began it, `tag` the one it was answered with. */
export function requestWithin(invite: SipText, tag: string, method: string, cseq: number, body = ''): string {
  const target = /<([^>]+)>/.exec(invite.header('contact') ?? '')?.[1] ?? 'sip:unknown@invalid';
  return [
    `${method} ${target} SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKfar${method}${cseq}`,
    `From: ${invite.header('to')};tag=${tag}`,
    `To: ${invite.header('from')}`,
    `Call-ID: ${invite.header('call-id')}`,
    `CSeq: ${cseq} ${method}`,
    'Max-Forwards: 70',
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}
