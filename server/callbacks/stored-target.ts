import { z } from 'zod';
import type { CallbackTarget } from './target.ts';

/** A target as it is kept in the store. */
export const targetRow = z.object({
  url: z.url(),
  method: z.enum(['GET', 'POST']),
  tuning: z.object({
    connectMs: z.number(),
    readMs: z.number(),
    totalMs: z.number(),
    retries: z.number(),
    retryOn: z.array(z.enum(['4xx', '5xx', 'ct', 'rt'])),
  }),
});

export type TargetRow = z.output<typeof targetRow>;

export function rowOfTarget({ url, method, tuning }: CallbackTarget): TargetRow {
  return { url: url.href, method, tuning: { ...tuning, retryOn: [...tuning.retryOn] } };
}

export function targetOfRow({ url, method, tuning }: TargetRow): CallbackTarget {
  return { url: new URL(url), method, tuning: { ...tuning, retryOn: new Set(tuning.retryOn) } };
}
