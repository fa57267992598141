import { type CallbackTarget, callbackTarget } from '../callbacks/index.ts';
import { badField } from '../errors.ts';

export type UrlVerdict = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** What is asked of a URL before we connect to it. */
export interface UrlRules {
  readonly maxUrlLength: number;
  /** The check of a URL that needs no network: scheme, address, port. */
  readonly checkUrl: (url: string) => UrlVerdict;
}

/** The URL in a field where we are to call: checked like a URL to play, for we connect to it as well. */
export function calledUrl(field: string, text: string, { maxUrlLength, checkUrl }: UrlRules): URL {
  if (text.length > maxUrlLength) throw badField(field, `must be at most ${maxUrlLength} characters`);
  const verdict = checkUrl(text);
  if (!verdict.ok) throw badField(field, `cannot be called: ${verdict.message}`);
  return new URL(text);
}

/** Such a URL as a callback is called: its fragment is Plivo's tuning. */
export function calledTarget(field: string, text: string, rules: UrlRules, method: 'GET' | 'POST'): CallbackTarget {
  return callbackTarget(calledUrl(field, text, rules), method);
}
