import type { WebSocket } from 'ws';
import { EngineBusy, type MediaEngine, type StreamLeg } from '../../media/engine.ts';
import type { Clock } from '../../media/index.ts';
import {
  type AudioTrack,
  type Dialect,
  MessageWriter,
  Stream,
  type StreamCounters,
  type StreamEnd,
  type StreamLimits,
  TwilioDialect,
} from '../ws/index.ts';
import type { CallStreamTerms, StreamedCall } from './command.ts';
import type { Dialled } from './dial.ts';

/** Why a stream is over: ended by us, by the application, or by a fault on the way. */
export type CallStreamEnd = StreamEnd | 'app_closed' | 'app_lost' | 'not_connected' | 'busy';

export type CallStreamEvent =
  | { readonly type: 'started' }
  /** Audio for the application was dropped. */
  | { readonly type: 'degraded' }
  | { readonly type: 'ended'; readonly end: CallStreamEnd; readonly detail: string | undefined };

export interface CallStreamDeps {
  readonly engine: Pick<MediaEngine, 'openStreamLeg'>;
  readonly dial: (url: URL, signal: AbortSignal) => Promise<Dialled>;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly counters: StreamCounters;
  readonly accountId: string;
  readonly now: () => Date;
  readonly onEvent: (stream: CallStream, event: CallStreamEvent) => void;
}

const ENGINE_TRACKS = { inbound: 'said', outbound: 'heard' } as const;
/** Told of dropped audio no more often than this. */
const DEGRADED_MS = 10_000;
/** Closes that say nothing went wrong. */
const ORDERLY_CODES: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** One call's sound on its way to an application's WebSocket, and the application's back. */
export class CallStream {
  readonly id: string;
  readonly call: StreamedCall;
  readonly terms: CallStreamTerms;
  readonly createdAt: Date;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
  end: CallStreamEnd | undefined;
  detail: string | undefined;
  /** Resolves when its socket is closed. */
  readonly closed: Promise<void>;
  readonly #deps: CallStreamDeps;
  readonly #controller = new AbortController();
  readonly #legs: StreamLeg[] = [];
  #stream: Stream | undefined;
  #cancelTimeout = (): void => {};
  #degradedAt = Number.NEGATIVE_INFINITY;

  constructor(id: string, call: StreamedCall, terms: CallStreamTerms, deps: CallStreamDeps) {
    this.id = id;
    this.call = call;
    this.terms = terms;
    this.#deps = deps;
    this.createdAt = deps.now();
    this.closed = this.#run();
  }

  get status(): 'initiated' | 'streaming' | 'stopped' | 'failed' {
    if (this.end === undefined) return this.startedAt ? 'streaming' : 'initiated';
    return isFailure(this.end) ? 'failed' : 'stopped';
  }

  /** Ends it. Idempotent. */
  stop(why: StreamEnd): void {
    if (this.end !== undefined) return;
    this.#stream?.stop(why);
    this.#over(why);
  }

  /** The call's leg is somewhere else now. */
  follow(): void {
    const { conference } = this.call.leg;
    for (const leg of this.#legs)
      if (leg.conference !== conference)
        leg.move(conference).catch((error: unknown) => {
          if (!(error instanceof EngineBusy)) throw error;
          this.stop('lost');
        });
  }

  /** The call's far side pressed a digit. */
  digit(digit: string): void {
    this.#stream?.digit(digit);
  }

  async #run(): Promise<void> {
    const dialled = await this.#deps.dial(this.terms.serviceUrl, this.#controller.signal);
    if (!dialled.ok) return this.#over('not_connected', `${dialled.reason}: ${dialled.detail}`);
    const { socket } = dialled;
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (this.end !== undefined || !(await this.#openLegs())) {
      socket.resume();
      socket.close(1011, 'busy');
      this.#over('busy');
    } else this.#begin(socket);
    await gone;
  }

  /** The first leg has the application's voice; a second one only listens. */
  async #openLegs(): Promise<boolean> {
    const { format, tracks } = this.terms;
    const { leg } = this.call;
    try {
      for (const track of tracks) {
        const opened = await this.#deps.engine.openStreamLeg(
          leg.conference,
          {
            ...format,
            onFrame: (frame) => this.#hear(frame, track),
            listensTo: { leg: leg.id, track: ENGINE_TRACKS[track] },
          },
          (event) => {
            if (event.type === 'lost') this.stop('lost');
          },
        );
        this.#legs.push(opened);
      }
    } catch (error) {
      if (!(error instanceof EngineBusy)) throw error;
    }
    if (this.#legs.length === tracks.length && this.end === undefined) return true;
    for (const opened of this.#legs) opened.close();
    return false;
  }

  #begin(socket: WebSocket): void {
    const { terms, call } = this;
    const { clock, counters, limits } = this.#deps;
    this.startedAt = this.#deps.now();
    const identity = { streamId: this.id, callId: call.uuid, accountId: this.#deps.accountId };
    this.#stream = new Stream({
      socket,
      leg: this.#legs[0]!,
      identity,
      format: terms.format,
      framing: 'json',
      dialect: dialectOf(identity, terms),
      mayPlay: terms.bidirectional,
      limits,
      clock,
      counters: {
        dropped: (cause, messages) => {
          counters.dropped(cause, messages);
          if (cause === 'slow_reader') this.#degraded();
        },
        wrongMessage: () => counters.wrongMessage(),
      },
      onDigits: (digits) => call.leg.sendDigits(digits),
      onEnded: () => this.#closeLegs(),
      onClosed: (code) => this.#over(ORDERLY_CODES.has(code) ? 'app_closed' : 'app_lost', `closed with ${code}`),
    });
    this.#cancelTimeout = clock.setTimeout(() => this.stop('timeout'), terms.timeoutMs);
    this.#deps.onEvent(this, { type: 'started' });
    this.follow();
    socket.resume();
  }

  #hear(frame: Uint8Array, track: AudioTrack): void {
    this.#stream?.hear(frame, track);
  }

  #degraded(): void {
    const now = this.#deps.clock.now();
    if (now - this.#degradedAt < DEGRADED_MS) return;
    this.#degradedAt = now;
    this.#deps.onEvent(this, { type: 'degraded' });
  }

  #closeLegs(): void {
    for (const leg of this.#legs) leg.close();
  }

  #over(end: CallStreamEnd, detail?: string): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.detail = detail;
    this.endedAt = this.#deps.now();
    this.#cancelTimeout();
    this.#controller.abort();
    this.#closeLegs();
    this.#deps.onEvent(this, { type: 'ended', end, detail });
  }
}

export function isFailure(end: CallStreamEnd): boolean {
  return end === 'app_lost' || end === 'not_connected' || end === 'busy' || end === 'lost';
}

function dialectOf(
  identity: ConstructorParameters<typeof TwilioDialect>[0],
  { protocol, tracks, extraHeaders, format }: CallStreamTerms,
): Dialect {
  if (protocol === 'twilio') return new TwilioDialect(identity, { tracks, parameters: extraHeaders });
  return new MessageWriter(identity, format, { tracks, extraHeaders: JSON.stringify(extraHeaders) });
}
