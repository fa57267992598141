import type { Failed } from '../clip/index.ts';

/** A language that an engine speaks. */
export interface SpeechLanguage {
  /** As the engine's own tag has it, lower case: `en-us`. */
  readonly tag: string;
  /** For people: `English (America)`. */
  readonly name: string;
  /** Further tags that it stands in for, with how well: the lower the better. */
  readonly also: ReadonlyMap<string, number>;
}

export type SpeechVoice = 'woman' | 'man';

/** What is to be said, and how. */
export interface Speech {
  /** Plain text, nothing in it is markup. */
  readonly text: string;
  readonly voice: SpeechVoice;
  /** The `tag` of one of the engine's languages. */
  readonly language: string;
}

/** Something that turns text into sound. */
export interface SpeechEngine {
  /** The program and its version. */
  readonly name: string;
  /** Each tag once. */
  readonly languages: readonly SpeechLanguage[];
  /** The pieces of a wav file as they are made; a failure is the last piece. The signal ends it. */
  synthesize(speech: Speech, signal: AbortSignal): AsyncIterable<Uint8Array | Failed>;
}

/**
 * The engine's language for a BCP-47 tag: that very one, one that stands in for it, or the same for the tag with its
 * last part taken off (RFC 4647 section 3.4). Undefined: it speaks nothing like it.
 */
export function languageFor(tag: string, languages: readonly SpeechLanguage[]): SpeechLanguage | undefined {
  const lower = tag.toLowerCase();
  const wanted = STAND_INS.get(lower) ?? lower;
  for (let parts = wanted.split('-'); parts.length > 0; parts = parts.slice(0, -1)) {
    const range = parts.join('-');
    const found = languages.find((language) => language.tag === range) ?? bestOf(range, languages);
    if (found) return found;
  }
  return undefined;
}

/** Tags in use with telephone services, where cutting the tag short would give another language or none. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['arb', 'ar'],
  ['es-us', 'es-419'],
  ['no-no', 'nb'],
  ['zh-hk', 'yue'],
]);

function bestOf(tag: string, languages: readonly SpeechLanguage[]): SpeechLanguage | undefined {
  let best: SpeechLanguage | undefined;
  for (const language of languages)
    if ((language.also.get(tag) ?? Infinity) < (best?.also.get(tag) ?? Infinity)) best = language;
  return best;
}
