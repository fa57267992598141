import type { SpeechVoice } from '../../media/speech/index.ts';

/** What a request's `voice` comes to; the language is that of a named voice, for requests that give none. */
export interface ChosenVoice {
  readonly voice: SpeechVoice;
  readonly language: string | undefined;
}

/** The voice of a request that names none, and its language. */
export const DEFAULT_VOICE = 'WOMAN';
export const DEFAULT_LANGUAGE = 'en-US';

/** Amazon Polly's voices by language, women before men: the names that applications written for Plivo use. */
const POLLY: Readonly<Record<string, { readonly women: string; readonly men: string }>> = {
  'ar-AE': { women: 'Hala', men: 'Zayd' },
  arb: { women: 'Zeina', men: '' },
  'ca-ES': { women: 'Arlet', men: '' },
  'cmn-CN': { women: 'Zhiyu', men: '' },
  'cs-CZ': { women: 'Jitka', men: '' },
  'cy-GB': { women: 'Gwyneth', men: '' },
  'da-DK': { women: 'Naja Sofie', men: 'Mads' },
  'de-AT': { women: 'Hannah', men: '' },
  'de-CH': { women: 'Sabrina', men: '' },
  'de-DE': { women: 'Marlene Vicki', men: 'Hans Daniel' },
  'en-AU': { women: 'Nicole Olivia', men: 'Russell' },
  'en-GB': { women: 'Amy Emma', men: 'Brian Arthur Geraint' },
  'en-IE': { women: 'Niamh', men: '' },
  'en-IN': { women: 'Aditi Raveena Kajal', men: '' },
  'en-NZ': { women: 'Aria', men: '' },
  'en-US': {
    women: 'Danielle Ivy Joanna Kendra Kimberly Ruth Salli',
    men: 'Gregory Joey Justin Kevin Matthew Patrick Stephen',
  },
  'en-ZA': { women: 'Ayanda', men: '' },
  'es-ES': { women: 'Alba Conchita Lucia', men: 'Enrique Raul Sergio' },
  'es-MX': { women: 'Mia', men: 'Andres' },
  'es-US': { women: 'Lupe Penelope', men: 'Miguel Pedro' },
  'fi-FI': { women: 'Suvi', men: '' },
  'fr-BE': { women: 'Isabelle', men: '' },
  'fr-CA': { women: 'Chantal Gabrielle', men: 'Liam' },
  'fr-FR': { women: 'Celine Lea', men: 'Mathieu Remi' },
  'is-IS': { women: 'Dora', men: 'Karl' },
  'it-IT': { women: 'Bianca Carla', men: 'Adriano Giorgio' },
  'ja-JP': { women: 'Kazuha Mizuki Tomoko', men: 'Takumi' },
  'ko-KR': { women: 'Seoyeon', men: '' },
  'nb-NO': { women: 'Ida Liv', men: '' },
  'nl-BE': { women: 'Lisa', men: '' },
  'nl-NL': { women: 'Laura Lotte', men: 'Ruben' },
  'pl-PL': { women: 'Ewa Maja Ola', men: 'Jacek Jan' },
  'pt-BR': { women: 'Camila Vitoria', men: 'Ricardo Thiago' },
  'pt-PT': { women: 'Ines', men: 'Cristiano' },
  'ro-RO': { women: 'Carmen', men: '' },
  'ru-RU': { women: 'Tatyana', men: 'Maxim' },
  'sv-SE': { women: 'Astrid Elin', men: '' },
  'tr-TR': { women: 'Burcu Filiz', men: '' },
  'yue-CN': { women: 'Hiujin', men: '' },
};

const BY_NAME = new Map<string, ChosenVoice & { readonly name: string }>();
for (const [language, { women, men }] of Object.entries(POLLY))
  for (const [voice, names] of [
    ['woman', women],
    ['man', men],
  ] as const)
    for (const name of names.split(' ').filter((each) => each !== ''))
      BY_NAME.set(name.toLowerCase(), { name, voice, language });

/** Every voice that a request may name, with its own language where it has one. */
export function voiceNames(): readonly { readonly voice: string; readonly language: string | undefined }[] {
  const polly = Array.from(BY_NAME.values(), ({ name, language }) => ({ voice: `Polly.${name}`, language }));
  return [{ voice: 'WOMAN', language: undefined }, { voice: 'MAN', language: undefined }, ...polly];
}

/** Reads `WOMAN`, `MAN`, `Polly.Joanna`, `Polly.Céline-Neural` in any case; undefined for anything else. */
export function chooseVoice(text: string): ChosenVoice | undefined {
  const word = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  if (word === 'woman' || word === 'man') return { voice: word, language: undefined };
  const name = /^polly\.([a-z]+)(?:-neural|-generative|-long-form)?$/.exec(word)?.[1];
  return name === undefined ? undefined : BY_NAME.get(name);
}
