import { createHash } from 'node:crypto';
import { ApiError } from '../errors.ts';
import type { ActingHandler, Answer } from './resource.ts';

interface Kept {
  readonly fingerprint: string;
  readonly answer: Answer;
  readonly at: number;
}

export interface IdempotencyOptions {
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
  /** Called for each repeat that was answered from memory. */
  readonly onHit?: () => void;
}

const KEPT_MS = 600_000;
const MAX_KEPT = 10_000;

/** Remembers the answers of requests that carry an Idempotency-Key, so that a client may repeat them safely. */
export class Idempotency {
  readonly #options: IdempotencyOptions;
  /** In order of arrival, hence of expiry. */
  readonly #kept = new Map<string, Kept>();

  constructor(options: IdempotencyOptions) {
    this.#options = options;
  }

  /** Runs a handler once per key. Refusals are not kept: they did nothing, and a retry may fare better. */
  once(handler: ActingHandler): ActingHandler {
    return (request) => {
      const key = request.idempotencyKey;
      if (key === undefined) return handler(request);
      if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw new ApiError('bad_idempotency_key');
      this.#forget();
      const fingerprint = createHash('sha256')
        .update(JSON.stringify([request.path, request.params, request.body]))
        .digest('base64');
      const kept = this.#kept.get(key);
      if (kept && kept.fingerprint !== fingerprint) throw new ApiError('idempotency_conflict');
      if (kept) {
        this.#options.onHit?.();
        return kept.answer;
      }
      const answer = { ...handler(request), apiId: request.apiId };
      this.#kept.set(key, { fingerprint, answer, at: this.#options.nowMs() });
      return answer;
    };
  }

  #forget(): void {
    const now = this.#options.nowMs();
    for (const [key, { at }] of this.#kept) {
      if (now - at < KEPT_MS && this.#kept.size < MAX_KEPT) return;
      this.#kept.delete(key);
    }
  }
}
