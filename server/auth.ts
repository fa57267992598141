import { createHash, timingSafeEqual } from 'node:crypto';
import type { Account } from './credentials.ts';
import { Failures } from './failures.ts';

export type AuthResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'denied' }
  /** Too many wrong passwords from this address: nothing is compared until the time is over. */
  | { readonly ok: false; readonly reason: 'throttled'; readonly retryAfterSeconds: number };

export interface AuthOptions {
  readonly account: Account;
  readonly failuresPerMinute: number;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
}

const MAX_HEADER = 4096;

/** Checks HTTP Basic credentials and slows down guessing. */
export class BasicAuth {
  readonly #expected: Buffer;
  readonly #failures: Failures;

  constructor(options: AuthOptions) {
    this.#failures = new Failures({ perMinute: options.failuresPerMinute, nowMs: options.nowMs });
    this.#expected = digest(`${options.account.authId}:${options.account.authToken}`);
  }

  /** `header` is the Authorization header, `address` the peer's IP address. */
  check(header: string | undefined, address: string): AuthResult {
    const retryAfterSeconds = this.#failures.waitSeconds(address);
    if (retryAfterSeconds > 0) return { ok: false, reason: 'throttled', retryAfterSeconds };
    const given = parseBasic(header);
    // A request without credentials is a question, not a guess: browsers and SDK proxies ask first.
    if (given === undefined) return { ok: false, reason: 'denied' };
    // Hashes have equal length and say nothing of the text, so the comparison takes equal time for any guess.
    if (timingSafeEqual(digest(given), this.#expected)) return { ok: true };
    this.#failures.add(address);
    return { ok: false, reason: 'denied' };
  }
}

/** `user:password` of a Basic header, or undefined for anything else. */
function parseBasic(header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_HEADER) return undefined;
  const match = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(header);
  return match?.[1] === undefined ? undefined : Buffer.from(match[1], 'base64').toString('utf8');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
