import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../media/time/clock.ts';
import type { JoinTerms, MpcRef } from '../mpc/index.ts';

/** How long a token may wait for its upgrade, in seconds. */
export const TOKEN_SECONDS = 60;

const TOKEN_BYTES = 32;
const DEFAULT_MOST = 10_000;

/** What a token lets its bearer do. */
export interface TokenGrant {
  /** Undefined: the bearer says its role itself, and nothing else. */
  readonly terms: JoinTerms | undefined;
}

interface Grant extends TokenGrant {
  readonly mpc: string;
  readonly expiresAt: number;
}

/**
 * Single-use tokens that let one WebSocket into one MPC. They are kept as digests: a look-up by digest tells nothing
 * by its timing, and a memory dump holds no token.
 */
export class StreamTokens {
  readonly seconds = TOKEN_SECONDS;
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Buffer;
  readonly #most: number;
  /** In order of issue, hence of expiry. */
  readonly #grants = new Map<string, Grant>();

  constructor(clock: Clock, random: (bytes: number) => Buffer = randomBytes, most: number = DEFAULT_MOST) {
    this.#clock = clock;
    this.#random = random;
    this.#most = most;
  }

  /** Tokens issued and neither used nor expired. */
  get outstanding(): number {
    this.#forgetExpired();
    return this.#grants.size;
  }

  /** A new token for an MPC as the request named it, or undefined when too many wait already. */
  issue(mpc: MpcRef, terms?: JoinTerms): string | undefined {
    this.#forgetExpired();
    if (this.#grants.size >= this.#most) return undefined;
    const token = this.#random(TOKEN_BYTES).toString('base64url');
    this.#grants.set(digest(token), { mpc: keyOf(mpc), terms, expiresAt: this.#clock.now() + TOKEN_SECONDS * 1000 });
    return token;
  }

  /** Good once, in time, and for the MPC it was issued for. A token shown anywhere is spent. */
  redeem(token: string, mpc: MpcRef): TokenGrant | undefined {
    const key = digest(token);
    const grant = this.#grants.get(key);
    this.#grants.delete(key);
    return grant !== undefined && grant.mpc === keyOf(mpc) && this.#clock.now() < grant.expiresAt ? grant : undefined;
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const [key, grant] of this.#grants) {
      if (grant.expiresAt > now) return;
      this.#grants.delete(key);
    }
  }
}

function keyOf(mpc: MpcRef): string {
  return mpc.by === 'name' ? `name_${mpc.name}` : `uuid_${mpc.uuid}`;
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
