import type { UrlRules } from '../body-values.ts';
import type { CallbackFields, CallbackTarget, Exchange } from '../callbacks/index.ts';
import { parseResponse } from './response.ts';
import type { ResponseRead } from './verbs.ts';
import { MAX_XML_BYTES } from './xml.ts';

export interface AppXmlDeps {
  /** One guarded and signed request, and at most `maxBytes` of its answer. */
  readonly exchange: (
    target: CallbackTarget,
    fields: CallbackFields,
    signal: AbortSignal,
    maxBytes: number,
  ) => Promise<Exchange>;
  readonly rules: UrlRules;
}

/** Asks an app for XML. One attempt: whoever asks knows whether there is another place to ask. Never throws. */
export async function fetchAppXml(
  target: CallbackTarget,
  fields: CallbackFields,
  { exchange, rules }: AppXmlDeps,
  signal: AbortSignal,
): Promise<ResponseRead> {
  const answer = await exchange(target, fields, signal, MAX_XML_BYTES);
  if (!answer.ok) return { ok: false, problem: `${answer.reason}: ${answer.detail}` };
  if (answer.status !== 200) return { ok: false, problem: `the app answered ${answer.status}, not 200` };
  if (answer.cut) return { ok: false, problem: `the answer broke off, or has more than ${MAX_XML_BYTES} bytes` };
  // An empty answer is how an app says that nothing is left to do.
  if (answer.body.length === 0) return { ok: true, verbs: [], unknown: [] };
  return parseResponse(answer.body.toString('utf8'), rules);
}
