import { EventEmitter } from 'node:events';
import type { LegChanges, LegEvent, MediaEngine, StreamLeg, StreamLegOptions } from '../../../../media/engine.ts';
import type { Clock } from '../../../../media/time/clock.ts';
import type { StreamSocket } from '../../../../server/ws/stream.ts';

/** A clock that moves only when told to. */
export class StillClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves on and runs what is due, in order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}

/** A WebSocket whose kernel takes bytes only when the test lets it. */
export class FakeSocket extends EventEmitter {
  readyState = 1;
  /** While true, what is sent stays in `bufferedAmount`. */
  stuck = false;
  readonly sent: (string | Buffer)[] = [];
  readonly pongs: Buffer[] = [];
  pings = 0;
  terminated = false;
  closedWith: { readonly code: number; readonly reason: string } | undefined;
  readonly #held: { readonly bytes: number; readonly done: () => void }[] = [];

  get bufferedAmount(): number {
    return this.#held.reduce((total, { bytes }) => total + bytes, 0);
  }

  send(data: string | Uint8Array, options: { binary: boolean }, done: () => void): void {
    if (options.binary !== (typeof data !== 'string')) throw new Error('binary and type disagree');
    this.sent.push(typeof data === 'string' ? data : Buffer.from(data));
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    if (this.stuck) this.#held.push({ bytes, done });
    else done();
  }

  /** The kernel takes the oldest messages. */
  drain(messages = Number.POSITIVE_INFINITY): void {
    for (const { done } of this.#held.splice(0, messages)) done();
  }

  ping(): void {
    this.pings += 1;
  }

  pong(data: Buffer): void {
    this.pongs.push(data);
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
    this.readyState = 2;
  }

  terminate(): void {
    this.terminated = true;
    this.readyState = 3;
    this.emit('close', 1006, Buffer.alloc(0));
  }

  /** A message from the client. */
  receive(message: object | string | Uint8Array): void {
    if (message instanceof Uint8Array) this.emit('message', Buffer.from(message), true);
    else this.emit('message', Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), false);
  }

  get asSocket(): StreamSocket {
    return this as unknown as StreamSocket;
  }

  /** The text messages sent, parsed. */
  get messages(): { readonly event: string; readonly [field: string]: unknown }[] {
    return this.sent.filter((data) => typeof data === 'string').map((data) => JSON.parse(data));
  }

  events(event: string): { readonly [field: string]: unknown }[] {
    return this.messages.filter((message) => message.event === event);
  }
}

/** A leg in memory: keeps what was written until the test plays it. */
export class FakeLeg implements StreamLeg {
  readonly id: number;
  readonly stats = undefined;
  readonly written: Buffer[] = [];
  readonly changes: LegChanges[] = [];
  readonly options: StreamLegOptions | undefined;
  readonly onEvent: (event: LegEvent) => void;
  conference = '';
  full = false;
  closed = false;
  #marks: (() => void)[] = [];

  constructor(id = 1, options?: StreamLegOptions, onEvent: (event: LegEvent) => void = () => {}) {
    this.id = id;
    this.options = options;
    this.onEvent = onEvent;
  }

  write(audio: Uint8Array): boolean {
    if (!this.full) this.written.push(Buffer.from(audio));
    return !this.full;
  }

  mark(reached: () => void): void {
    this.#marks.push(reached);
  }

  clear(): void {
    this.written.length = 0;
    this.#marks = [];
  }

  /** Everything written is mixed now. */
  playOut(): void {
    const marks = this.#marks;
    this.#marks = [];
    for (const reached of marks) reached();
  }

  update(changes: LegChanges): void {
    this.changes.push(changes);
  }

  sendDigits(): void {}

  async move(conference: string): Promise<void> {
    this.conference = conference;
  }

  close(): void {
    this.closed = true;
  }
}

/** An engine that opens `FakeLeg`s and knows nothing else. */
export class FakeEngine {
  readonly legs: FakeLeg[] = [];
  readonly conferences = new Set<string>();
  /** Rejects the next opening. */
  failure: Error | undefined;
  /** Holds the opening of a leg until it resolves. */
  gate: Promise<void> = Promise.resolve();

  openConference({ id }: { readonly id: string }): void {
    this.conferences.add(id);
  }

  closeConference(id: string): void {
    this.conferences.delete(id);
  }

  async openStreamLeg(
    _conference: string,
    options: StreamLegOptions,
    onEvent: (event: LegEvent) => void,
  ): Promise<StreamLeg> {
    await this.gate;
    if (this.failure) throw this.failure;
    const leg = new FakeLeg(this.legs.length + 1, options, onEvent);
    this.legs.push(leg);
    return leg;
  }

  get asEngine(): MediaEngine {
    return this as unknown as MediaEngine;
  }
}
