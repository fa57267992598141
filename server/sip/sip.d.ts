/** The parts of the untyped npm package `sip` that stack.ts uses. */
declare module 'sip' {
  interface WireAddress {
    name: string | undefined;
    uri: string;
    params: Record<string, string | null>;
  }

  interface WireVia {
    version: string;
    protocol: string;
    host: string;
    port: number | undefined;
    params: Record<string, string | null>;
  }

  interface WireHeaders {
    via?: WireVia[] | string;
    from?: WireAddress | string;
    to?: WireAddress | string;
    'call-id'?: string;
    cseq?: { seq: number; method: string } | string;
    contact?: WireAddress[];
    route?: WireAddress[];
    'record-route'?: WireAddress[];
    [name: string]: unknown;
  }

  interface WireRequest {
    method: string;
    uri: string;
    version?: string;
    headers: WireHeaders;
    content?: string;
  }

  interface WireResponse {
    status: number;
    reason: string;
    headers: WireHeaders;
    content?: string;
  }

  function makeResponse(request: WireRequest, status: number, reason?: string): WireResponse;
  function stringify(message: WireRequest | WireResponse): string;
}
