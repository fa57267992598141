/** Where somebody wants to be told of events, and how patient we are with the place. Times in ms. */
export interface CallbackTarget {
  /** Without its fragment, which is for us. */
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly tuning: CallbackTuning;
}

/** What went wrong with an attempt, as Plivo's retry policies name it. */
export type CallbackTrouble = '4xx' | '5xx' | 'ct' | 'rt';

export interface CallbackTuning {
  /** Name, TCP and TLS. */
  readonly connectMs: number;
  /** From the request to the answer. */
  readonly readMs: number;
  /** One whole attempt. */
  readonly totalMs: number;
  readonly retries: number;
  readonly retryOn: ReadonlySet<CallbackTrouble>;
}

/** A receiver that fails with one of these may well do better in a moment. */
const PASSING: ReadonlySet<CallbackTrouble> = new Set(['5xx', 'ct', 'rt']);
const EVERY_TROUBLE: readonly CallbackTrouble[] = ['4xx', '5xx', 'ct', 'rt'];

export const DEFAULT_TUNING: CallbackTuning = {
  connectMs: 3000,
  readMs: 5000,
  totalMs: 5000,
  retries: 3,
  retryOn: PASSING,
};

/**
 * Splits a callback's URL from its fragment, `#ct=2000&rt=5000&tt=7000&rc=2&rp=4xx,ct`: Plivo's way to say how a URL is
 * to be called. Numbers out of range are brought into it; what cannot be read is left out.
 */
export function callbackTarget(url: URL, method: 'GET' | 'POST'): CallbackTarget {
  const bare = new URL(url);
  bare.hash = '';
  return { url: bare, method, tuning: parseTuning(url.hash) };
}

/** `fragment` with or without its `#`. */
export function parseTuning(fragment: string): CallbackTuning {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''));
  const number = (name: string, min: number, max: number): number | undefined => {
    const text = parameters.get(name);
    if (text === null || !/^\d{1,9}$/.test(text)) return undefined;
    return Math.min(max, Math.max(min, Number(text)));
  };
  const connectMs = number('ct', 100, 10_000) ?? DEFAULT_TUNING.connectMs;
  const givenReadMs = number('rt', 100, 40_000);
  const readMs = givenReadMs ?? DEFAULT_TUNING.readMs;
  // Whoever asks for a long wait for the answer means the attempt to last that long.
  const totalMs =
    number('tt', 100, 55_000) ?? (givenReadMs === undefined ? DEFAULT_TUNING.totalMs : connectMs + readMs);
  return {
    connectMs,
    readMs,
    totalMs,
    retries: number('rc', 0, 5) ?? DEFAULT_TUNING.retries,
    retryOn: parsePolicy(parameters.get('rp')) ?? DEFAULT_TUNING.retryOn,
  };
}

function parsePolicy(text: string | null): ReadonlySet<CallbackTrouble> | undefined {
  if (text === null) return undefined;
  const words = text.toLowerCase().split(',');
  if (words.includes('all')) return new Set(EVERY_TROUBLE);
  const known = EVERY_TROUBLE.filter((trouble) => words.includes(trouble));
  return known.length === 0 ? undefined : new Set(known);
}
