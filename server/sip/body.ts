import type { SipMessage } from './message.ts';
import type { Refusal } from './reader.ts';

/** A refusal with the headers that explain it. */
export interface FullRefusal extends Refusal {
  readonly headers?: Readonly<Record<string, string>>;
}

export type BodyResult =
  | { readonly ok: true; readonly sdp: Buffer | undefined }
  | { readonly ok: false; readonly refusal: FullRefusal };

const SDP = 'application/sdp';
const MAX_PARTS = 16;
const MAX_BOUNDARY = 70;

const UNSUPPORTED: BodyResult = {
  ok: false,
  refusal: { status: 415, reason: 'Unsupported Media Type', headers: { accept: SDP } },
};

/** The session description in a message, also from inside a multipart body (RFC 5621); undefined when it has none. */
export function sessionDescription(message: SipMessage): BodyResult {
  const { headers, body } = message;
  if (body.length === 0) return { ok: true, sdp: undefined };
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    const refusal = { status: 415, reason: 'Unsupported Media Type', headers: { 'accept-encoding': 'identity' } };
    return { ok: false, refusal };
  }
  const type = headers.get('content-type') ?? '';
  if (mediaType(type) === SDP) return { ok: true, sdp: body };
  if (mediaType(type).startsWith('multipart/')) {
    const found = sdpPart(body, boundaryOf(type));
    if (found) return { ok: true, sdp: found };
  }
  return isOptional(headers.get('content-disposition')) ? { ok: true, sdp: undefined } : UNSUPPORTED;
}

function mediaType(text: string): string {
  return (text.split(';', 1)[0] ?? '').replaceAll(' ', '').toLowerCase();
}

function isOptional(disposition: string | undefined): boolean {
  return (disposition ?? '').toLowerCase().replaceAll(' ', '').split(';').includes('handling=optional');
}

function boundaryOf(type: string): string {
  for (const parameter of type.split(';').slice(1)) {
    const equals = parameter.indexOf('=');
    if (parameter.slice(0, Math.max(equals, 0)).trim().toLowerCase() !== 'boundary') continue;
    return parameter
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
  }
  return '';
}

/** The first part that is a session description (RFC 2046 section 5.1). */
function sdpPart(body: Buffer, boundary: string): Buffer | undefined {
  if (boundary === '' || boundary.length > MAX_BOUNDARY) return undefined;
  const parts = body.toString('latin1').split(`--${boundary}`, MAX_PARTS + 1);
  for (const part of parts.slice(1)) {
    const end = part.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const isSdp = part
      .slice(0, end)
      .split('\r\n')
      .some((line) => {
        const colon = line.indexOf(':');
        const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
        return (name === 'content-type' || name === 'c') && mediaType(line.slice(colon + 1)) === SDP;
      });
    // The line end before the next boundary belongs to the boundary.
    if (isSdp) return Buffer.from(part.slice(end + 4).replace(/\r\n$/, ''), 'latin1');
  }
  return undefined;
}
