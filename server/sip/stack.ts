/*
 * The only module that knows the npm package `sip`. From it come the message model of what we send, the rules of which
 * headers a response copies, and the serialiser. Not used are:
 *  - its parser: see reader.ts;
 *  - its transports: they parse before anything could be limited, and answer floods with console.log;
 *  - its transactions: their timers cannot be injected, double beyond T2, repeat responses on reliable transports, and
 *    branches have 20 random bits and are matched without the sender's address (see transaction.ts).
 */
import { makeResponse, stringify, type WireAddress, type WireHeaders, type WireRequest, type WireVia } from 'sip';
import type { BrokenRequest, CSeq, HeaderTexts, NameAddress, Params, SipRequest, Via } from './message.ts';

/** What a response says beyond what it copies from its request. */
export interface ResponseParts {
  readonly status: number;
  readonly reason: string;
  /** Added to To unless the request has one there already. */
  readonly toTag?: string;
  readonly contact?: string;
  readonly headers?: HeaderTexts;
  readonly body?: Buffer;
}

export interface RequestParts {
  readonly method: string;
  readonly uri: string;
  readonly via: Via;
  readonly from: NameAddress;
  readonly to: NameAddress;
  readonly callId: string;
  readonly cseq: CSeq;
  readonly routes: readonly NameAddress[];
  readonly contact?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const MAX_FORWARDS = '70';
const PRODUCT = 'partyline';

/** Bytes of a response. `received` and `rport` tell the sender its address as we see it (RFC 3581). */
export function encodeResponse(
  request: SipRequest,
  from: { readonly address: string; readonly port: number },
  parts: ResponseParts,
): Buffer {
  const asked: WireRequest = {
    method: request.method,
    uri: request.uri,
    headers: {
      via: request.vias.map((via, index) => wireVia(index === 0 ? received(via, from) : via)),
      from: wireAddress(request.from),
      to: wireAddress(withTag(request.to, parts.toTag)),
      'call-id': request.callId,
      cseq: { seq: request.cseq.number, method: request.cseq.method },
    },
  };
  const response = makeResponse(asked, parts.status, parts.reason);
  const startsDialog = request.method === 'INVITE' && parts.status > 100 && parts.status < 300;
  if (startsDialog && request.recordRoutes.length > 0)
    response.headers['record-route'] = request.recordRoutes.map(wireAddress);
  addExtras(response.headers, parts);
  response.headers.server = PRODUCT;
  return encode(response, parts.body);
}

/** Bytes of a refusal of something unreadable: copies what there is, as it came. */
export function encodeBrokenResponse(request: BrokenRequest, status: number, reason: string, toTag: string): Buffer {
  const to =
    request.to === undefined || /;[ \t]*tag[ \t]*=/i.test(request.to) ? request.to : `${request.to};tag=${toTag}`;
  const headers: WireHeaders = { via: request.vias };
  if (request.from !== undefined) headers.from = request.from;
  if (to !== undefined) headers.to = to;
  if (request.callId !== undefined) headers['call-id'] = request.callId;
  if (request.cseq !== undefined) headers.cseq = request.cseq;
  return encode({ status, reason, headers });
}

export function encodeRequest(parts: RequestParts): Buffer {
  const headers: WireHeaders = {
    via: [wireVia(parts.via)],
    'max-forwards': MAX_FORWARDS,
    route: parts.routes.map(wireAddress),
    from: wireAddress(parts.from),
    to: wireAddress(parts.to),
    'call-id': parts.callId,
    cseq: { seq: parts.cseq.number, method: parts.cseq.method },
  };
  addExtras(headers, parts);
  headers['user-agent'] = PRODUCT;
  return encode({ method: parts.method, uri: parts.uri, headers }, parts.body);
}

function addExtras(headers: WireHeaders, parts: { readonly contact?: string; readonly headers?: HeaderTexts }): void {
  if (parts.contact !== undefined) headers.contact = [{ name: undefined, uri: parts.contact, params: {} }];
  // The library writes one line for each name.
  for (const [name, value] of Object.entries(parts.headers ?? {}))
    headers[name] = typeof value === 'string' ? value : value.join(`\r\n${name}: `);
}

function encode(message: Parameters<typeof stringify>[0], body?: Buffer): Buffer {
  // One character per byte both ways, so that Content-Length, which the library takes from the text, counts bytes.
  if (body && body.length > 0) message.content = body.toString('latin1');
  return Buffer.from(stringify(message), 'latin1');
}

function received(via: Via, from: { readonly address: string; readonly port: number }): Via {
  const params = new Map(via.params);
  if (params.has('rport')) params.set('rport', String(from.port));
  if (params.has('rport') || via.host !== from.address) params.set('received', from.address);
  return { ...via, params };
}

function withTag(address: NameAddress, tag: string | undefined): NameAddress {
  if (tag === undefined || address.params.has('tag')) return address;
  return { ...address, params: new Map([...address.params, ['tag', tag]]) };
}

function wireVia(via: Via): WireVia {
  return {
    version: '2.0',
    protocol: via.transport,
    host: via.host,
    port: via.port,
    params: wireParams(via.params),
  };
}

function wireAddress(address: NameAddress): WireAddress {
  return { name: address.name, uri: address.uri, params: wireParams(address.params) };
}

/** Without a prototype: a parameter called `__proto__` is a parameter like any other. */
function wireParams(params: Params): Record<string, string | null> {
  const wire: Record<string, string | null> = Object.create(null);
  for (const [name, value] of params) wire[name] = value;
  return wire;
}
