import { setMaxListeners } from 'node:events';
import { publicUrl, Slots } from '../../media/clip/index.ts';
import type { Clock } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';
import type { CallbackFailure, DeliveryOutcome } from './delivery.ts';
import type { Letter, Shelf } from './shelf.ts';
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
  /** So many of an earlier process are on their way again. */
  restored(count: number): void;
  /** So many stay for the next process. */
  kept(count: number): void;
}

export interface CallbackQueueDeps {
  readonly attempt: (target: CallbackTarget, fields: CallbackFields, signal: AbortSignal) => Promise<DeliveryOutcome>;
  readonly clock: Clock;
  readonly observer: CallbackObserver;
  readonly shelf: Shelf;
  readonly log: ErrorLog;
  readonly limits?: Partial<CallbackLimits>;
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
 * has something to tell: what does not fit is dropped and counted. What has been taken is delivered at least once, by the next
 * process if this one ends before.
 */
export class CallbackQueue {
  readonly #deps: CallbackQueueDeps;
  readonly #limits: CallbackLimits;
  readonly #slots: Slots;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that this process takes no further. */
  readonly #stopped = new Set<string>();
  readonly #waiting = new Map<string, number>();
  /** Fires when there is no time left for retries, and when there is none for attempts either. */
  readonly #hurry = new AbortController();
  readonly #end = new AbortController();
  #depth = 0;
  #lastSerial = 0;
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

  /** Takes up what an earlier process left. To be called before the first `add`, which it comes before. */
  async restore(): Promise<void> {
    let count = 0;
    for await (const letter of this.#deps.shelf.left()) {
      this.#lastSerial = Math.max(this.#lastSerial, letter.serial);
      this.#enqueue(letter);
      count += 1;
    }
    if (count > 0) this.#deps.observer.restored(count);
  }

  /** `conference` is what the order is kept within: an MPC's UUID. */
  add(conference: string, target: CallbackTarget, fields: CallbackFields): void {
    const waiting = this.#waiting.get(target.url.origin) ?? 0;
    if (waiting >= this.#limits.perReceiver || this.#depth >= this.#limits.total)
      return this.#give(target, 'overflow', `${waiting} callbacks wait for this receiver`);
    this.#lastSerial += 1;
    const letter = { serial: this.#lastSerial, conference, target, fields };
    this.#deps.shelf.keep(letter);
    this.#enqueue(letter);
  }

  /** Delivers what it can within `graceMs`, in one attempt each; the rest stays on the shelf. */
  async close(graceMs: number): Promise<void> {
    this.#hurry.abort();
    const cancel = this.#deps.clock.setTimeout(() => this.#end.abort(), graceMs);
    if (this.#lanes.size > 0)
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
    cancel();
    this.#end.abort();
    if (this.#depth > 0) this.#deps.observer.kept(this.#depth);
  }

  #enqueue(letter: Letter): void {
    const receiver = letter.target.url.origin;
    this.#waiting.set(receiver, (this.#waiting.get(receiver) ?? 0) + 1);
    this.#depth += 1;
    const key = `${receiver} ${letter.conference}`;
    if (this.#end.signal.aborted || this.#stopped.has(key)) return;
    const lane = this.#lanes.get(key);
    if (lane) {
      lane.letters.push(letter);
      return;
    }
    const opened: Lane = { key, receiver, letters: [letter] };
    this.#lanes.set(key, opened);
    inBackground(this.#empty(opened), 'a queue of callbacks', this.#deps.log);
  }

  async #empty(lane: Lane): Promise<void> {
    for (;;) {
      const letter = lane.letters[0];
      // What cannot be delivered any more keeps all behind it, or they would overtake it.
      if (!letter) break;
      const delivered = await this.#deliver(letter, lane.receiver).catch((error: unknown) => {
        this.#deps.log.error({ err: error }, 'a callback was lost');
        return true;
      });
      if (!delivered) {
        this.#stopped.add(lane.key);
        break;
      }
      lane.letters.shift();
      this.#deps.shelf.forget(letter);
      this.#leave(lane.receiver);
    }
    this.#lanes.delete(lane.key);
    if (this.#lanes.size === 0) this.#emptied?.();
  }

  /** False: there was no time to deliver it or to give it up. */
  async #deliver({ target, fields }: Letter, receiver: string): Promise<boolean> {
    const { attempt, observer } = this.#deps;
    const { signal } = this.#end;
    for (let tries = 0; ; tries++) {
      const slot = await this.#slots.enter(receiver, signal);
      if (typeof slot === 'string') return false;
      const outcome = await attempt(target, fields, signal).finally(() => slot.leave());
      if (outcome.ok) {
        observer.delivered();
        return true;
      }
      if (signal.aborted) return false;
      const { retries, retryOn } = target.tuning;
      if (outcome.trouble === undefined || !retryOn.has(outcome.trouble) || tries >= retries) {
        this.#give(target, outcome.reason, outcome.detail);
        return true;
      }
      observer.retried();
      if (this.#hurry.signal.aborted) return false;
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
