/** The part of a WebSocket that a queue needs. */
export interface Outlet {
  /** Bytes handed over and not yet taken by the kernel. */
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, options: { binary: boolean }, done: (error?: Error) => void): void;
}

export interface SendLimits {
  /** Above this many waiting bytes the oldest audio goes. */
  readonly shedBytes: number;
  /** Above this the reader is given up. */
  readonly closeBytes: number;
}

/** Bytes given to the socket ahead: enough for a full pipe, little enough that old audio can still be dropped. */
const AHEAD_BYTES = 32 * 1024;

interface Waiting {
  readonly data: string | Uint8Array;
  readonly bytes: number;
  readonly isAudio: boolean;
}

/**
 * Messages to one reader, in order. Memory is bounded whatever the reader does: a slow one loses the oldest audio, and
 * control messages, which are never dropped, are bounded by `closeBytes`.
 */
export class SendQueue {
  readonly #outlet: Outlet;
  readonly #limits: SendLimits;
  readonly #onOverflow: () => void;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #closed = false;
  #flushing = false;
  readonly #sent = (): void => this.#flush();

  constructor(outlet: Outlet, limits: SendLimits, onOverflow: () => void) {
    this.#outlet = outlet;
    this.#limits = limits;
    this.#onOverflow = onOverflow;
  }

  /** Messages of audio that were dropped for a slow reader. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Bytes that wait here and in the socket. */
  get bytes(): number {
    return this.#waitingBytes + this.#outlet.bufferedAmount;
  }

  audio(data: string | Uint8Array): void {
    this.#push(data, true);
  }

  control(data: string): void {
    this.#push(data, false);
  }

  /** Drops waiting audio, hands the rest to the socket whatever its state, and takes nothing more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const message of this.#waiting) if (!message.isAudio) this.#hand(message.data);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #push(data: string | Uint8Array, isAudio: boolean): void {
    if (this.#closed) return;
    this.#flush();
    if (this.#waiting.length === 0 && this.#outlet.bufferedAmount < AHEAD_BYTES) {
      this.#hand(data);
      return;
    }
    const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
    this.#waiting.push({ data, bytes, isAudio });
    this.#waitingBytes += bytes;
    while (this.bytes > this.#limits.shedBytes && this.#dropOldestAudio());
    if (this.bytes > this.#limits.closeBytes) this.#onOverflow();
  }

  #dropOldestAudio(): boolean {
    const index = this.#waiting.findIndex(({ isAudio }) => isAudio);
    if (index < 0) return false;
    const [gone] = this.#waiting.splice(index, 1);
    this.#waitingBytes -= gone?.bytes ?? 0;
    this.#dropped += 1;
    return true;
  }

  #flush(): void {
    // A socket that says "sent" while it is handed a message must not start a second round.
    if (this.#flushing) return;
    this.#flushing = true;
    let next = 0;
    while (next < this.#waiting.length && this.#outlet.bufferedAmount < AHEAD_BYTES) {
      const message = this.#waiting[next] as Waiting;
      next += 1;
      this.#waitingBytes -= message.bytes;
      this.#hand(message.data);
    }
    if (next > 0) this.#waiting.splice(0, next);
    this.#flushing = false;
  }

  #hand(data: string | Uint8Array): void {
    this.#outlet.send(data, { binary: typeof data !== 'string' }, this.#sent);
  }
}
