import { z } from 'zod';
import { text } from '../body-values.ts';
import { ApiError, badField } from '../errors.ts';
import type { PlayKind } from '../mpc/index.ts';
import { MAX_TEXT, type Speaker, type SpokenText } from '../speak/index.ts';
import { read } from './fields.ts';
import { mannerSchema, type PlayManner, parsePlayManner } from './play-body.ts';
import { NEEDS_URLS, PLAY_URLS, type PlayUrlRules, parseUrls } from './play-urls.ts';
import type { Body, BodySchema } from './resource.ts';

/** What a request to play asks for, whoever is to hear it. */
export interface PlayBody extends PlayManner {
  readonly urls: readonly string[];
  readonly spoken?: SpokenText;
}

/** What is different between playing files and speaking texts; all else is the same. */
export interface PlayKindRules {
  readonly kind: PlayKind;
  /** Last part of the path. */
  readonly segment: 'Play' | 'Speak';
  /** As the messages name it. */
  readonly word: 'play' | 'speak';
  /** What its bodies are read with. */
  readonly schemas: readonly BodySchema[];
  readonly needsOne: readonly (readonly string[])[];
  readonly example: Readonly<Record<string, unknown>>;
  readonly parse: (body: Body) => PlayBody;
}

const SPEECH = z.object({
  text: text(`What is spoken: 1 to ${MAX_TEXT} characters, besides markup`),
  voice: text('WOMAN, MAN, Polly.NAME or one of /Speak/Voices/; empty for the default'),
  language: text('A tag such as en-US; empty for the default'),
  type: z.unknown().optional().meta({ description: 'Taken; it changes nothing' }),
});

export function playKinds(rules: PlayUrlRules, speaker: Speaker): readonly PlayKindRules[] {
  const manner = mannerSchema(rules);
  return [
    {
      kind: 'play',
      segment: 'Play',
      word: 'play',
      schemas: [PLAY_URLS, manner],
      needsOne: NEEDS_URLS,
      example: { url: 'https://media.example.com/welcome.mp3', volume: -6 },
      parse: (body) => ({ urls: parseUrls(body, rules), ...parsePlayManner(body, manner) }),
    },
    {
      kind: 'speech',
      segment: 'Speak',
      word: 'speak',
      schemas: [SPEECH, manner],
      needsOne: [['text']],
      example: { text: 'The meeting begins in five minutes.', voice: 'Polly.Joanna', language: 'en-US' },
      parse: (given) => {
        const body = withVoice(given);
        return { ...parseSpeech(body, speaker), ...parsePlayManner(body, manner) };
      },
    },
  ];
}

/** Plivo's Go SDK sends the voice of a call's Speak under the name of another field. */
function withVoice(body: Body): Body {
  const { length, voice } = body;
  const isVoice = typeof length === 'string' && /^(woman|man|polly\..+)$/i.test(length) && !voice;
  return isVoice ? { ...body, voice: length, length: undefined } : body;
}

/** What `type` may say is not documented anywhere. Clients that always send every field send an empty one for the default. */
function parseSpeech(body: Body, speaker: Speaker): Pick<PlayBody, 'urls' | 'spoken'> {
  const { text = '', voice, language } = read(SPEECH, body);
  const found = speaker.address(text, voice || undefined, language || undefined);
  if (found.ok) return { urls: [found.address], spoken: found.spoken };
  if (found.wrong === 'engine') throw new ApiError('speak_unavailable');
  throw badField(found.wrong, found.expected);
}
