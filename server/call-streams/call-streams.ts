import type { MediaEngine } from '../../media/engine.ts';
import type { Clock } from '../../media/index.ts';
import { inBackground } from '../background.ts';
import type { CallbackQueue } from '../callbacks/index.ts';
import type { Logger } from '../log.ts';
import { DEFAULT_STREAM_LIMITS, StreamCounters, type StreamEnd, type StreamLimits } from '../ws/index.ts';
import { CallStream, type CallStreamEvent, isFailure } from './call-stream.ts';
import type { CallStreamTerms, StreamedCall } from './command.ts';
import type { Dialled } from './dial.ts';

export interface CallStreamsDeps {
  readonly engine: Pick<MediaEngine, 'openStreamLeg'>;
  readonly dial: (url: URL, signal: AbortSignal) => Promise<Dialled>;
  readonly callbacks: Pick<CallbackQueue, 'add'>;
  readonly clock: Clock;
  readonly accountId: string;
  readonly now: () => Date;
  readonly newUuid: () => string;
  readonly log: Pick<Logger, 'info' | 'error'>;
  readonly limits?: Partial<StreamLimits>;
}

export type CallStreamStarted =
  | { readonly ok: true; readonly stream: CallStream }
  | { readonly ok: false; readonly reason: 'call_full' | 'node_full' };

/** Totals since the start; keys come from closed sets. */
export interface CallStreamStats {
  readonly open: number;
  readonly ended: Readonly<Record<'stopped' | 'failed', number>>;
  readonly dropped: Readonly<Record<'slow_reader' | 'playback_full', number>>;
}

/** Streams of one call at once: more is a mistake of the application. */
const PER_CALL = 5;
/** Ended ones that stay readable; the oldest go first. */
const ENDED_KEPT = 1000;

/** Every stream from a call to an application: starts and stops them, and remembers how they ended. */
export class CallStreams {
  readonly #deps: CallStreamsDeps;
  readonly #limits: StreamLimits;
  readonly #counters = new StreamCounters();
  readonly #running = new Map<string, CallStream>();
  readonly #over = new Map<string, CallStream>();
  readonly #closing = new Set<Promise<void>>();
  readonly #ended = { stopped: 0, failed: 0 };

  constructor(deps: CallStreamsDeps) {
    this.#deps = deps;
    this.#limits = { ...DEFAULT_STREAM_LIMITS, ...deps.limits };
  }

  /** Begins to stream; the application is dialled afterwards. */
  start(call: StreamedCall, terms: CallStreamTerms): CallStreamStarted {
    if (this.#running.size >= this.#limits.maxSockets) return { ok: false, reason: 'node_full' };
    if (this.#runningOf(call.uuid).length >= PER_CALL) return { ok: false, reason: 'call_full' };
    const { engine, dial, clock, accountId, now, newUuid } = this.#deps;
    const stream: CallStream = new CallStream(newUuid(), call, terms, {
      engine,
      dial,
      clock,
      accountId,
      now,
      limits: this.#limits,
      counters: this.#counters,
      onEvent: (told, event) => this.#onEvent(told, event),
    });
    this.#running.set(stream.id, stream);
    this.#closing.add(stream.closed);
    const gone = stream.closed.finally(() => this.#closing.delete(stream.closed));
    inBackground(gone, 'the stream of a call', this.#deps.log);
    return { ok: true, stream };
  }

  find(callUuid: string, id: string): CallStream | undefined {
    const stream = this.#running.get(id) ?? this.#over.get(id);
    return stream?.call.uuid === callUuid ? stream : undefined;
  }

  /** Those of a call, newest first. */
  of(callUuid: string): readonly CallStream[] {
    return [...this.#over.values(), ...this.#running.values()]
      .filter(({ call }) => call.uuid === callUuid)
      .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  }

  stopAll(callUuid: string, why: StreamEnd): void {
    for (const stream of this.#runningOf(callUuid)) stream.stop(why);
  }

  /** The call's leg is somewhere else now. */
  moved(callUuid: string): void {
    for (const stream of this.#runningOf(callUuid)) stream.follow();
  }

  digit(callUuid: string, digit: string): void {
    for (const stream of this.#runningOf(callUuid)) stream.digit(digit);
  }

  stats(): CallStreamStats {
    const { dropped } = this.#counters.snapshot(0);
    return { open: this.#running.size, ended: { ...this.#ended }, dropped };
  }

  /** Stops all and resolves when every socket is closed. */
  async close(): Promise<void> {
    for (const stream of [...this.#running.values()]) stream.stop('shutdown');
    await Promise.all(this.#closing);
  }

  #runningOf(callUuid: string): readonly CallStream[] {
    return [...this.#running.values()].filter(({ call }) => call.uuid === callUuid);
  }

  #onEvent(stream: CallStream, event: CallStreamEvent): void {
    this.#tell(stream, event);
    const { id, call } = stream;
    if (event.type !== 'ended') {
      this.#deps.log.info({ stream: id, call: call.uuid }, `stream ${event.type}`);
      return;
    }
    const { end, detail } = event;
    this.#deps.log.info({ stream: id, call: call.uuid, end, detail }, 'stream ended');
    this.#running.delete(id);
    this.#ended[isFailure(end) ? 'failed' : 'stopped'] += 1;
    this.#over.set(id, stream);
    const oldest = this.#over.keys().next();
    if (this.#over.size > ENDED_KEPT && !oldest.done) this.#over.delete(oldest.value);
  }

  #tell({ id, call, terms }: CallStream, event: CallStreamEvent): void {
    if (!terms.callback) return;
    const fields = new Map([
      ['Event', eventName(event)],
      ['CallUUID', call.uuid],
      ['StreamID', id],
      ['Timestamp', this.#deps.now().toISOString()],
      ['From', call.from],
      ['To', call.to],
      ['Direction', call.direction],
    ]);
    if (event.type === 'ended') fields.set('Reason', event.end);
    this.#deps.callbacks.add(call.uuid, terms.callback, fields);
  }
}

function eventName(event: CallStreamEvent): string {
  switch (event.type) {
    case 'started':
      return 'StartStream';
    case 'degraded':
      return 'DegradedStream';
    case 'ended':
      return isFailure(event.end) ? 'DroppedStream' : 'StopStream';
  }
}
