import assert from 'node:assert/strict';
import { seededRandom } from '../support/random.ts';
import type { FuzzTarget } from './target.ts';

export interface FuzzFailure {
  readonly round: number;
  readonly input: Buffer;
  readonly error: Error;
}

export interface FuzzOutcome {
  readonly rounds: number;
  /** Inputs that were understood. */
  readonly understood: number;
  readonly failure: FuzzFailure | undefined;
}

export interface FuzzLength {
  readonly seed: number;
  readonly rounds?: number;
  readonly ms?: number;
  /** Called about once a second. */
  readonly progress?: (rounds: number) => void;
}

/** No input may hold the event loop for longer, in ms: 50 in the server, and a slow machine beside. */
const MOST_MS = 50;
const PROGRESS_MS = 1000;

/** Feeds a target until the rounds or the time are over, or until something breaks. */
export async function runFuzz(target: FuzzTarget, length: FuzzLength): Promise<FuzzOutcome> {
  const { seed, rounds = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY, progress } = length;
  const startedAt = performance.now();
  let toldAt = startedAt;
  let understood = 0;
  let round = 0;
  for (; round < rounds; round++) {
    const before = performance.now();
    if (before - startedAt > ms) break;
    if (before - toldAt > PROGRESS_MS) {
      toldAt = before;
      progress?.(round);
      // Whoever wants to stop this is heard.
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A seed of its own, so that a round says nothing of those before it.
    const input = target.input(seededRandom(Math.imul(seed, 0x9e37_79b1) + Math.imul(round, 0x85eb_ca6b)));
    try {
      if (await feed(target, input)) understood += 1;
    } catch (thrown) {
      return { rounds: round + 1, understood, failure: { round, input, error: asError(thrown) } };
    }
  }
  return { rounds: round, understood, failure: undefined };
}

/** Feeds one input, and judges how long it took. */
export async function feed(target: FuzzTarget, input: Buffer): Promise<boolean> {
  const before = performance.now();
  const taken = target.take(input);
  const understood = typeof taken === 'boolean' ? taken : await taken;
  if (performance.now() - before > MOST_MS) {
    const costMs = await cost(target, input);
    assert.ok(costMs < MOST_MS, `${input.length} bytes took ${costMs.toFixed(0)} ms of processor time`);
  }
  return understood;
}

/** For a test: so many rounds break nothing, and some of the inputs are understood. */
export async function holds(target: FuzzTarget, rounds: number, seed = 1): Promise<void> {
  const { failure, understood } = await runFuzz(target, { seed, rounds });
  if (failure) {
    const { input, round, error } = failure;
    error.message = `${target.name}, seed ${seed}, round ${round}: ${JSON.stringify(input.toString('latin1'))}\n${error.message}`;
    throw error;
  }
  assert.ok(understood > rounds / 1000, `${understood} of ${rounds} inputs were understood`);
}

/** The best of three in ms of this process's own time: what the input costs, and not what else the machine does. */
async function cost(target: FuzzTarget, input: Buffer): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await target.take(input);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
