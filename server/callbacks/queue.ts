import { setMaxListeners } from 'node:events';
import { publicUrl, Slots } from '../../media/clip/index.ts';
import type { Clock } from '../../media/index.ts';
import type { CallbackFailure, DeliveryOutcome } from './delivery.ts';
import type { CallbackFields } from './signature.ts';
import type { CallbackTarget } from './target.ts';

export interface CallbackLimits {
  /** Callbacks that may wait for one receiver: a scheme, host and port. */
  readonly perReceiver: number;
  readonly total: number;
  /** Attempts under way at once. */
  readonly attempts: number;
  readonly attemptsPerReceiver: number;
}

/** What the queue reports as it happens, for metrics and logs. */
export interface CallbackObserver {
  delivered(): void;
  retried(): void;
  /** `url` is fit for logs. */
  failed(reason: CallbackFailure, detail: string, url: string): void;
}

export interface CallbackQueueDeps {
  readonly attempt: (target: CallbackTarget, fields: CallbackFields, signal: AbortSignal) => Promise<DeliveryOutcome>;
  readonly clock: Clock;
  readonly observer: CallbackObserver;
  readonly limits?: Partial<CallbackLimits>;
}

interface Letter {
  readonly target: CallbackTarget;
  readonly fields: CallbackFields;
}

/** What waits for one receiver about one conference; the first is under way. */
interface Lane {
  readonly key: string;
  readonly receiver: string;
  readonly letters: Letter[];
}

const DEFAULT_LIMITS: CallbackLimits = { perReceiver: 1000, total: 10_000, attempts: 64, attemptsPerReceiver: 8 };
/** Before the first, second and every further retry. */
const PAUSES_MS = [1000, 5000, 25_000] as const;

/**
 * Delivers callbacks in the background. What concerns one conference reaches a receiver in order, one at a time, each
 * after the one before was delivered or given up; conferences do not wait for each other. Nothing here ever blocks who
 * has something to tell: what does not fit is dropped and counted.
 */
export class CallbackQueue {
  readonly #deps: CallbackQueueDeps;
  readonly #limits: CallbackLimits;
  readonly #slots: Slots;
  readonly #lanes = new Map<string, Lane>();
  readonly #waiting = new Map<string, number>();
  /** Fires when there is no time left for retries, and when there is none for attempts either. */
  readonly #hurry = new AbortController();
  readonly #end = new AbortController();
  #depth = 0;
  #emptied: (() => void) | undefined;

  constructor(deps: CallbackQueueDeps) {
    this.#deps = deps;
    this.#limits = { ...DEFAULT_LIMITS, ...deps.limits };
    const { attempts, attemptsPerReceiver, total } = this.#limits;
    // One listener for each lane that waits: their number is bounded by the limits, and no leak.
    setMaxListeners(0, this.#hurry.signal, this.#end.signal);
    this.#slots = new Slots({ total: attempts, perKey: attemptsPerReceiver, queue: total });
  }

  /** Callbacks not yet delivered or given up. */
  get depth(): number {
    return this.#depth;
  }

  add(conference: string, target: CallbackTarget, fields: CallbackFields): void {
    const receiver = target.url.origin;
    const waiting = this.#waiting.get(receiver) ?? 0;
    if (this.#end.signal.aborted) return this.#give(target, 'shutdown', 'the server is stopping');
    if (waiting >= this.#limits.perReceiver || this.#depth >= this.#limits.total)
      return this.#give(target, 'overflow', `${waiting} callbacks wait for this receiver`);
    this.#waiting.set(receiver, waiting + 1);
    this.#depth += 1;
    const key = `${receiver} ${conference}`;
    const lane = this.#lanes.get(key);
    if (lane) {
      lane.letters.push({ target, fields });
      return;
    }
    const opened: Lane = { key, receiver, letters: [{ target, fields }] };
    this.#lanes.set(key, opened);
    void this.#empty(opened);
  }

  /** Delivers what it can within `graceMs`, in one attempt each, then gives up the rest. */
  async close(graceMs: number): Promise<void> {
    this.#hurry.abort();
    if (this.#depth > 0) {
      const cancel = this.#deps.clock.setTimeout(() => this.#end.abort(), graceMs);
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
      cancel();
    }
    this.#end.abort();
  }

  async #empty(lane: Lane): Promise<void> {
    for (;;) {
      const letter = lane.letters[0];
      if (!letter) break;
      await this.#deliver(letter, lane.receiver);
      lane.letters.shift();
      this.#leave(lane.receiver);
    }
    this.#lanes.delete(lane.key);
    if (this.#depth === 0) this.#emptied?.();
  }

  async #deliver({ target, fields }: Letter, receiver: string): Promise<void> {
    const { attempt, observer } = this.#deps;
    const { signal } = this.#end;
    for (let tries = 0; ; tries++) {
      const slot = await this.#slots.enter(receiver, signal);
      if (typeof slot === 'string') return this.#give(target, 'shutdown', 'the server is stopping');
      const outcome = await attempt(target, fields, signal).finally(() => slot.leave());
      if (outcome.ok) return observer.delivered();
      const { retries, retryOn } = target.tuning;
      const mayRetry = outcome.trouble !== undefined && retryOn.has(outcome.trouble) && tries < retries;
      if (!mayRetry || this.#hurry.signal.aborted) return this.#give(target, outcome.reason, outcome.detail);
      observer.retried();
      await this.#pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)]!);
    }
  }

  #give(target: CallbackTarget, reason: CallbackFailure, detail: string): void {
    this.#deps.observer.failed(reason, detail, publicUrl(target.url));
  }

  #leave(receiver: string): void {
    this.#depth -= 1;
    const left = (this.#waiting.get(receiver) ?? 1) - 1;
    if (left > 0) this.#waiting.set(receiver, left);
    else this.#waiting.delete(receiver);
  }

  /** Cut short by the end of the server: one last attempt is made at once. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#hurry;
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#deps.clock.setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
