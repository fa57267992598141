import { failed, type SoundMaker } from '../../media/clip/index.ts';
import { languageFor, type SpeechEngine } from '../../media/speech/index.ts';
import { MAX_MARKUP, MAX_TEXT, spokenText } from './text.ts';
import { chooseVoice, DEFAULT_LANGUAGE, DEFAULT_VOICE, voiceNames } from './voices.ts';

/** A text as it was asked for. */
export interface SpokenText {
  /** Without markup. */
  readonly text: string;
  readonly voice: string;
  /** A BCP-47 tag. */
  readonly language: string;
}

export type SpeechAddress =
  /** `address` goes into a play's `urls`. */
  | { readonly ok: true; readonly address: string; readonly spoken: SpokenText }
  | { readonly ok: false; readonly wrong: 'engine' }
  /** `expected` says of the field what it should be. */
  | { readonly ok: false; readonly wrong: 'text' | 'voice' | 'language'; readonly expected: string };

/** What can be said, for people to choose from. */
export interface SpeechChoice {
  readonly engine: string;
  readonly voices: ReturnType<typeof voiceNames>;
  readonly languages: readonly { readonly language: string; readonly name: string }[];
}

/** The scheme of the addresses of speech. */
export const SPEECH_SCHEME = 'speech:';

const TEXT_LIMIT = `must have at most ${MAX_TEXT} characters, ${MAX_MARKUP} with markup`;

/** Texts as clips: gives a text an internal address, and says it when the clip is asked for. */
export class Speaker {
  readonly #engine: SpeechEngine | undefined;

  /** Without an engine nothing can be said. */
  constructor(engine: SpeechEngine | undefined) {
    this.#engine = engine;
  }

  /** Undefined: there is no engine. */
  get choice(): SpeechChoice | undefined {
    const engine = this.#engine;
    return (
      engine && {
        engine: engine.name,
        voices: voiceNames(),
        languages: engine.languages.map(({ tag, name }) => ({ language: writtenTag(tag), name })),
      }
    );
  }

  /**
   * The address of a text in a voice and a language, both as Plivo names them; nothing is said yet. The same text is the
   * same address, hence the same clip.
   */
  address(text: string, voiceName: string = DEFAULT_VOICE, language?: string): SpeechAddress {
    if (!this.#engine) return { ok: false, wrong: 'engine' };
    if (text.length > MAX_MARKUP) return { ok: false, wrong: 'text', expected: TEXT_LIMIT };
    const words = spokenText(text);
    if (words === '') return { ok: false, wrong: 'text', expected: 'must hold something to say' };
    if (words.length > MAX_TEXT) return { ok: false, wrong: 'text', expected: TEXT_LIMIT };
    const chosen = chooseVoice(voiceName);
    if (!chosen)
      return { ok: false, wrong: 'voice', expected: 'must be WOMAN, MAN or Polly. and a name: see Speak/Voices/' };
    const tag = language ?? chosen.language ?? DEFAULT_LANGUAGE;
    const spokenIn = tag.length <= 35 ? languageFor(tag, this.#engine.languages) : undefined;
    if (!spokenIn)
      return {
        ok: false,
        wrong: 'language',
        expected: 'must be a language such as en-US that is spoken here: see Speak/Voices/',
      };
    return {
      ok: true,
      address: `${SPEECH_SCHEME}//${spokenIn.tag}/${chosen.voice}?${encodeURIComponent(words.toWellFormed())}`,
      spoken: { text: words, voice: voiceName, language: tag },
    };
  }

  /** Says what an address of ours names. */
  readonly make: SoundMaker = ({ host, pathname, search }, _sampleRate, signal) => {
    const voice = pathname.slice(1);
    if (!this.#engine || (voice !== 'woman' && voice !== 'man'))
      return [failed('refused_address', 'there is no such speech')];
    const text = decodeURIComponent(search.slice(1));
    return this.#engine.synthesize({ text, voice, language: host }, signal);
  };
}

/** Regions in capitals, as tags are written: `en-US`. */
function writtenTag(tag: string): string {
  return tag.replace(/-([a-z]{2})(?=-|$)/g, (part) => part.toUpperCase());
}
