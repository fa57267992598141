export interface SlotLimits {
  /** Holders at once. */
  readonly total: number;
  /** Holders at once under one key; absent: no such limit. */
  readonly perKey?: number;
  /** How many may wait. */
  readonly queue: number;
}

/** A place that is held. `leave` is idempotent. */
export interface Slot {
  leave(): void;
}

interface Waiter {
  readonly key: string;
  readonly admit: (slot: Slot) => void;
}

/**
 * A counted door: so many inside, so many under one key, so many in the queue. Those who wait go in by order of
 * arrival, except that a full key does not hold up the others.
 */
export class Slots {
  private readonly limits: SlotLimits;
  private readonly inside = new Map<string, number>();
  private readonly waiting: Waiter[] = [];
  private taken = 0;

  constructor(limits: SlotLimits) {
    this.limits = limits;
  }

  get active(): number {
    return this.taken;
  }

  get queued(): number {
    return this.waiting.length;
  }

  /**
   * Waits for a place. `busy`: the queue is full. `aborted`: the signal fired while waiting. `first` goes ahead of the
   * queue and past its limit: for those who were inside before and only stepped out.
   */
  enter(key: string, signal: AbortSignal, first = false): Promise<Slot | 'busy' | 'aborted'> {
    if (signal.aborted) return Promise.resolve('aborted');
    if (this.hasRoom(key)) return Promise.resolve(this.take(key));
    if (!first && this.waiting.length >= this.limits.queue) return Promise.resolve('busy');
    return new Promise((resolve) => {
      const waiter: Waiter = {
        key,
        admit: (slot) => {
          signal.removeEventListener('abort', onAbort);
          resolve(slot);
        },
      };
      const onAbort = () => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        resolve('aborted');
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (first) this.waiting.unshift(waiter);
      else this.waiting.push(waiter);
    });
  }

  private hasRoom(key: string): boolean {
    if (this.taken >= this.limits.total) return false;
    return (this.inside.get(key) ?? 0) < (this.limits.perKey ?? this.limits.total);
  }

  private take(key: string): Slot {
    this.taken++;
    this.inside.set(key, (this.inside.get(key) ?? 0) + 1);
    let held = true;
    return {
      leave: () => {
        if (!held) return;
        held = false;
        this.taken--;
        const left = (this.inside.get(key) ?? 0) - 1;
        if (left > 0) this.inside.set(key, left);
        else this.inside.delete(key);
        this.admitWaiting();
      },
    };
  }

  private admitWaiting(): void {
    while (this.taken < this.limits.total) {
      const next = this.waiting.findIndex((waiter) => this.hasRoom(waiter.key));
      if (next < 0) return;
      const [waiter] = this.waiting.splice(next, 1);
      waiter?.admit(this.take(waiter.key));
    }
  }
}
