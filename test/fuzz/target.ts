/** One parser, what it is fed, and what it promises whatever that is. */
export interface FuzzTarget {
  readonly name: string;
  readonly about: string;
  /** Makes an input: mostly something sound, spoiled. All of it is in the bytes, so that they alone repeat what happened. */
  input(random: Random): Buffer;
  /** Feeds it; throws where a promise is broken. True when the input was understood, which some of them must be. */
  take(input: Buffer): boolean | Promise<boolean>;
}

/** Numbers from 0 to 1. */
export type Random = () => number;

/** A whole number from 0 up to, without, `limit`. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

export function pick<T>(random: Random, of: readonly T[]): T {
  const one = of[below(random, of.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}
