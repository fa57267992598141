import { createHash, timingSafeEqual } from 'node:crypto';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Account } from './credentials.ts';

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

const WINDOW_MS = 60_000;
/** Addresses remembered at once; the longest known are forgotten first. */
const MAX_ADDRESSES = 10_000;
const MAX_HEADER = 4096;

/** Checks HTTP Basic credentials and slows down guessing. */
export class BasicAuth {
  readonly #options: AuthOptions;
  readonly #expected: Buffer;
  readonly #failures = new Map<string, { count: number; readonly since: number }>();

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#expected = digest(`${options.account.authId}:${options.account.authToken}`);
  }

  /** `header` is the Authorization header, `address` the peer's IP address. */
  check(header: string | undefined, address: string): AuthResult {
    const now = this.#options.nowMs();
    const source = sourceOf(address);
    const failures = this.#recent(source, now);
    if (failures && failures.count >= this.#options.failuresPerMinute) {
      const retryAfterSeconds = Math.max(1, Math.ceil((failures.since + WINDOW_MS - now) / 1000));
      return { ok: false, reason: 'throttled', retryAfterSeconds };
    }
    const given = parseBasic(header);
    // A request without credentials is a question, not a guess: browsers and SDK proxies ask first.
    if (given === undefined) return { ok: false, reason: 'denied' };
    // Hashes have equal length and say nothing of the text, so the comparison takes equal time for any guess.
    if (timingSafeEqual(digest(given), this.#expected)) return { ok: true };
    this.#remember(source, now, failures);
    return { ok: false, reason: 'denied' };
  }

  #recent(source: string, now: number): { count: number; readonly since: number } | undefined {
    const failures = this.#failures.get(source);
    if (!failures || now - failures.since < WINDOW_MS) return failures;
    this.#failures.delete(source);
    return undefined;
  }

  #remember(source: string, now: number, failures: { count: number } | undefined): void {
    if (failures) {
      failures.count += 1;
      return;
    }
    this.#failures.set(source, { count: 1, since: now });
    const oldest = this.#failures.keys().next();
    if (this.#failures.size > MAX_ADDRESSES && !oldest.done) this.#failures.delete(oldest.value);
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

/** One household of IPv6 has a whole /64; an IPv4 address may come dressed as IPv6. */
function sourceOf(address: string): string {
  if (!isIPv6(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return parsed.parts.slice(0, 4).join(':');
}
