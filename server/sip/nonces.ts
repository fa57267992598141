import { createHmac, timingSafeEqual } from 'node:crypto';

export interface NonceOptions {
  /** Random, new with every process: nonces of an earlier one are stale. */
  readonly secret: Buffer;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
  /** So many random bytes. */
  readonly random: (bytes: number) => Buffer;
  /** How many nonces in use are remembered. */
  readonly kept?: number;
}

/** A nonce that leaked is worth this long, and only to its own source. */
export const NONCE_MS = 60_000;

const TIME_BYTES = 6;
const SALT_BYTES = 6;
const HEAD_BYTES = TIME_BYTES + SALT_BYTES;
const MAC_BYTES = 16;
const LENGTH = Math.ceil(((HEAD_BYTES + MAC_BYTES) * 4) / 3);
const KEPT = 10_000;

/**
 * Nonces of digest challenges. A nonce carries its time and proves by a MAC that it is ours and whose it is, so nothing is
 * remembered of the many that nobody comes back with; of those in use the last count is, so that no request works twice.
 */
export class Nonces {
  readonly #options: NonceOptions;
  /** In order of their first use. */
  readonly #used = new Map<string, { count: number; readonly issuedAt: number }>();
  /** Nonces up to this time may have been used and forgotten. */
  #forgottenUntil = Number.NEGATIVE_INFINITY;

  constructor(options: NonceOptions) {
    this.#options = options;
  }

  /** Nonces remembered now. */
  get size(): number {
    return this.#used.size;
  }

  /** `source`: who alone may use it, such as an IP address. */
  issue(source: string): string {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUIntBE(Math.floor(this.#options.nowMs()), 0, TIME_BYTES);
    this.#options.random(SALT_BYTES).copy(head, TIME_BYTES);
    return Buffer.concat([head, this.#mac(head, source)]).toString('base64url');
  }

  /** True when the nonce is ours, for this source and fresh, and was never used with this count or a higher one. */
  use(nonce: string, count: number, source: string): boolean {
    const issuedAt = this.#issuedAt(nonce, source);
    if (issuedAt === undefined) return false;
    const now = this.#options.nowMs();
    // Times are cut to whole ms, so a nonce may seem to be older than it is, and never younger.
    if (now - issuedAt >= NONCE_MS) return false;
    const known = this.#used.get(nonce);
    if (known) {
      if (count <= known.count) return false;
      known.count = count;
      return true;
    }
    if (count < 1 || issuedAt <= this.#forgottenUntil) return false;
    this.#forgetOld(now);
    this.#used.set(nonce, { count, issuedAt });
    return true;
  }

  #issuedAt(nonce: string, source: string): number | undefined {
    if (nonce.length !== LENGTH) return undefined;
    const bytes = Buffer.from(nonce, 'base64url');
    // One way of writing it only: another would count as another nonce.
    if (bytes.length !== HEAD_BYTES + MAC_BYTES || bytes.toString('base64url') !== nonce) return undefined;
    const head = bytes.subarray(0, HEAD_BYTES);
    if (!timingSafeEqual(bytes.subarray(HEAD_BYTES), this.#mac(head, source))) return undefined;
    return head.readUIntBE(0, TIME_BYTES);
  }

  #mac(head: Buffer, source: string): Buffer {
    return createHmac('sha256', this.#options.secret).update(head).update(source).digest().subarray(0, MAC_BYTES);
  }

  #forgetOld(now: number): void {
    for (const [nonce, { issuedAt }] of this.#used) {
      const isFull = this.#used.size >= (this.#options.kept ?? KEPT);
      if (now - issuedAt < NONCE_MS && !isFull) break;
      if (now - issuedAt < NONCE_MS) this.#forgottenUntil = Math.max(this.#forgottenUntil, issuedAt);
      this.#used.delete(nonce);
    }
  }
}
