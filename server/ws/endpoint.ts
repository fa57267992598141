import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { MediaEngine } from '../../media/engine.ts';
import type { Clock } from '../../media/time/clock.ts';
import type { AuthResult } from '../auth.ts';
import { inBackground } from '../background.ts';
import type { Call, Calls } from '../calls/index.ts';
import type { Logger } from '../log.ts';
import {
  type Directory,
  type JoinResult,
  type JoinTerms,
  type Member,
  type Mpc,
  type MpcRef,
  plainTerms,
} from '../mpc/index.ts';
import { plainAddress } from '../networks.ts';
import { StreamCounters, type StreamStats } from './counters.ts';
import { describeFormat } from './format.ts';
import { DEFAULT_STREAM_LIMITS, type StreamLimits } from './limits.ts';
import { Places } from './places.ts';
import { type Refusal, writeRefusal } from './refusal.ts';
import { Stream } from './stream.ts';
import type { StreamTokens, TokenGrant } from './tokens.ts';
import {
  answeredSubprotocol,
  checkHandshake,
  isOriginAllowed,
  parseParameters,
  parseTarget,
  type StreamParameters,
} from './upgrade.ts';

export interface StreamDeps {
  readonly authId: string;
  /** Checks an Authorization header that came from an address. */
  readonly authorize: (header: string | undefined, address: string) => AuthResult;
  readonly tokens: StreamTokens;
  readonly directory: Directory;
  readonly calls: Calls;
  readonly engine: Pick<MediaEngine, 'openStreamLeg'>;
  readonly clock: Clock;
  readonly newUuid: () => string;
  /** Whose a request is, where a proxy stands in front. */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Web origins beside our own whose pages may connect. */
  readonly origins: readonly string[];
  readonly log: Pick<Logger, 'debug' | 'info' | 'error'>;
  readonly limits?: Partial<StreamLimits>;
  /** A member pressed digits; the other streams of its MPC are told already. */
  readonly onDigits?: (mpc: Mpc, member: Member, digits: string) => void;
}

/** The WebSocket side of a running server. */
export interface StreamEndpoint {
  stats(): StreamStats;
  /** Refuses new streams, ends the present ones with 1001, and resolves when every socket is closed. */
  close(): Promise<void>;
}

type Joined = Extract<JoinResult<Awaited<ReturnType<MediaEngine['openStreamLeg']>>>, { ok: true }>;

const RETRY_SECONDS = 5;
const DRAINING: Refusal = { status: 503, error: 'the server is shutting down', retryAfter: RETRY_SECONDS };
const DENIED: Refusal = { status: 401, error: 'authentication failed' };

const JOIN_REFUSALS = {
  draining: DRAINING,
  mpc_full: { status: 503, error: 'the MPC is full', retryAfter: RETRY_SECONDS },
  server_full: { status: 503, error: 'the server has no place for another member', retryAfter: RETRY_SECONDS },
  busy: { status: 503, error: 'the server is too busy', retryAfter: RETRY_SECONDS },
} as const satisfies Record<string, Refusal>;

/** Lets members join by WebSocket at `/v1/Account/{auth_id}/MultiPartyCall/{mpc}/Stream/`. */
export function attachStreams(server: Server, deps: StreamDeps): StreamEndpoint {
  return new Endpoint(server, deps);
}

/** Who was let in: where to, and how. */
interface Admitted {
  readonly mpcName: string;
  readonly parameters: StreamParameters;
  readonly terms: JoinTerms;
}

class Endpoint implements StreamEndpoint {
  readonly #server: Server;
  readonly #deps: StreamDeps;
  readonly #limits: StreamLimits;
  readonly #sockets: WebSocketServer;
  readonly #places: Places;
  readonly #counters = new StreamCounters();
  /** By their calls' UUIDs. */
  readonly #streams = new Map<string, { readonly stream: Stream; readonly call: Call }>();
  readonly #unsubscribe: () => void;
  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    inBackground(this.#upgrade(request, socket, head), 'an upgrade to a WebSocket', this.#deps.log);
  };
  #closing = false;
  #allClosed = (): void => {};

  constructor(server: Server, deps: StreamDeps) {
    this.#server = server;
    this.#deps = deps;
    this.#limits = { ...DEFAULT_STREAM_LIMITS, ...deps.limits };
    this.#places = new Places(this.#limits.maxSocketsPerAddress, this.#limits.maxSockets);
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: this.#limits.maxMessageBytes,
      // Streams answer pings themselves, within bounds.
      autoPong: false,
      handleProtocols: answeredSubprotocol,
    });
    this.#unsubscribe = deps.directory.subscribe((event) => {
      if (event.type === 'leg' && event.event.type === 'dtmf')
        this.#tellDigit(event.mpc, event.member, event.event.digit);
    });
    server.on('upgrade', this.#onUpgrade);
  }

  stats(): StreamStats {
    return this.#counters.snapshot(this.#places.total);
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#unsubscribe();
      for (const { call } of [...this.#streams.values()]) this.#deps.calls.end(call, 'shutdown', true);
    }
    if (this.#places.total > 0)
      await new Promise<void>((resolve) => {
        const before = this.#allClosed;
        this.#allClosed = () => {
          before();
          resolve();
        };
      });
    this.#server.off('upgrade', this.#onUpgrade);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Node leaves an upgraded socket without a listener: an unheard 'error' would end the process.
    socket.on('error', () => {});
    const address = this.#deps.addressOf?.(request) ?? plainAddress(request.socket.remoteAddress ?? '');
    const place = this.#places.take(address);
    if (!place.ok) {
      const status = place.reason === 'address_full' ? 429 : 503;
      this.#refuse(socket, { status, error: 'too many WebSockets', retryAfter: RETRY_SECONDS });
      return;
    }
    socket.once('close', () => {
      place.release();
      if (this.#places.total === 0) this.#allClosed();
    });
    try {
      const admitted = this.#admit(request, address);
      if (!admitted.ok) this.#refuse(socket, admitted.refusal);
      else await this.#join(request, socket, head, admitted, address);
    } catch (error) {
      this.#deps.log.error({ err: error }, 'a WebSocket could not join');
      this.#refuse(socket, { status: 500, error: 'internal error' });
    }
  }

  /** Who is it, may it, and what does it want. Strangers learn nothing but that they are strangers. */
  #admit(
    request: IncomingMessage,
    address: string,
  ): ({ readonly ok: true } & Admitted) | { readonly ok: false; readonly refusal: Refusal } {
    const { headers } = request;
    if (this.#closing || this.#deps.directory.draining) return { ok: false, refusal: DRAINING };
    if (!isOriginAllowed(headers.origin, headers.host, this.#deps.origins))
      return { ok: false, refusal: { status: 403, error: 'this origin may not connect' } };
    const handshake = checkHandshake(request.method, headers);
    if (!handshake.ok) return { ok: false, refusal: handshake };
    const target = parseTarget(request.url ?? '');
    if (!target.ok) return { ok: false, refusal: target };

    const admitted = this.#authenticate(headers.authorization, handshake.value.token, target.value.mpc, address);
    if (!admitted.ok) return admitted;
    if (target.value.authId !== this.#deps.authId) return { ok: false, refusal: { status: 404, error: 'not found' } };
    const parameters = parseParameters(target.value.query);
    if (!parameters.ok) return { ok: false, refusal: parameters };
    const mpcName = this.#nameOf(target.value.mpc);
    if (mpcName === undefined) return { ok: false, refusal: { status: 404, error: 'no live MPC has this UUID' } };
    const terms = admitted.terms ?? plainTerms(parameters.value.role);
    return { ok: true, mpcName, parameters: parameters.value, terms };
  }

  #authenticate(
    authorization: string | undefined,
    token: string | undefined,
    mpc: MpcRef,
    address: string,
  ): ({ readonly ok: true } & TokenGrant) | { readonly ok: false; readonly refusal: Refusal } {
    if (token !== undefined) {
      const grant = this.#deps.tokens.redeem(token, mpc);
      return grant ? { ok: true, terms: grant.terms } : { ok: false, refusal: DENIED };
    }
    const result = this.#deps.authorize(authorization, address);
    if (result.ok) return { ok: true, terms: undefined };
    if (result.reason === 'denied') return { ok: false, refusal: DENIED };
    const retryAfter = result.retryAfterSeconds;
    return { ok: false, refusal: { status: 429, error: 'too many failed attempts', retryAfter } };
  }

  /** Joining by name makes the MPC when there is none; a UUID must be that of a live one. */
  #nameOf(ref: MpcRef): string | undefined {
    if (ref.by === 'name') return ref.name;
    const mpc = this.#deps.directory.find(ref);
    return mpc === undefined || mpc.status === 'ended' ? undefined : mpc.name;
  }

  async #join(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    { mpcName, parameters, terms }: Admitted,
    address: string,
  ): Promise<void> {
    const { calls, engine } = this.#deps;
    const { format } = parameters;
    // The member joins first, so that a refusal can still be an HTTP answer; until the upgrade its frames go nowhere.
    let stream: Stream | undefined;
    const rung = calls.ring({
      kind: 'ws',
      direction: 'inbound',
      from: address,
      to: mpcName,
      hangUp: (cause) => stream?.stop(cause),
    });
    if (!rung.ok) {
      this.#refuse(socket, JOIN_REFUSALS[rung.reason]);
      return;
    }
    const { call } = rung;
    const joined = await calls.openInMpc(call, mpcName, terms, (conference, onEvent) =>
      engine.openStreamLeg(conference, { ...format, onFrame: (frame) => stream?.hear(frame) }, onEvent),
    );
    if (!joined.ok) {
      calls.end(call, 'failed', false);
      this.#refuse(socket, JOIN_REFUSALS[joined.reason]);
      return;
    }
    if (this.#closing || call.status === 'ended') {
      calls.end(call, 'shutdown', false);
      this.#refuse(socket, DRAINING);
      return;
    }
    // Completes at once or, when the peer is gone already, not at all.
    if (!socket.destroyed)
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        stream = this.#open(webSocket, call, joined, parameters);
      });
    if (stream) {
      calls.answered(call);
    } else {
      calls.end(call, 'hangup', false);
      socket.destroy();
    }
  }

  #open(socket: WebSocket, call: Call, { mpc, member, leg }: Joined, { format, framing }: StreamParameters): Stream {
    const { calls, clock, authId, newUuid, log } = this.#deps;
    const identity = {
      streamId: newUuid(),
      callId: member.callUuid,
      accountId: authId,
      mpcUuid: mpc.uuid,
      memberId: member.id,
    };
    const stream: Stream = new Stream({
      socket,
      leg,
      identity,
      format,
      framing,
      limits: this.#limits,
      clock,
      counters: this.#counters,
      onDigits: (digits) => this.#pressed(call, digits),
      onEnded: () => {
        this.#streams.delete(call.uuid);
        calls.end(call, 'hangup', false);
      },
      onClosed: (code) => {
        this.#counters.closed(code);
        log.info({ stream: identity.streamId, call: member.callUuid, code }, 'stream ended');
      },
    });
    this.#streams.set(call.uuid, { stream, call });
    this.#counters.accepted += 1;
    log.info(
      {
        stream: identity.streamId,
        call: member.callUuid,
        mpc: mpc.uuid,
        member: member.id,
        framing,
        format: describeFormat(format),
      },
      'stream joined',
    );
    return stream;
  }

  #pressed({ place }: Call, digits: string): void {
    if (place.in !== 'mpc') return;
    for (const digit of digits) this.#tellDigit(place.mpc, place.member, digit);
    this.#deps.onDigits?.(place.mpc, place.member, digits);
  }

  #tellDigit(mpc: Mpc, from: Member, digit: string): void {
    if (this.#streams.size === 0) return;
    for (const member of mpc.presentMembers)
      if (member !== from) this.#streams.get(member.callUuid)?.stream.digit(digit);
  }

  #refuse(socket: Duplex, refusal: Refusal): void {
    this.#counters.refused(refusal.status);
    writeRefusal(socket, refusal, this.#deps.newUuid());
  }
}
