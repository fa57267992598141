import type { z } from 'zod';

/** One environment variable: what it may hold, what it is when absent, and what it is for. */
export interface Setting<T> {
  /** Read as if it were set; undefined when the default is worked out from others. */
  readonly fallback: string | undefined;
  /** The default as documentation shows it, when that is not simply `fallback`. */
  readonly shown?: string;
  readonly meaning: string;
  readonly schema: z.ZodType<T, string>;
  /** Never repeated in a message. */
  readonly secret?: true;
}

/** Settings of one kind by their names, in the order of the documentation. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;
