import { ApiError } from '../errors.ts';
import type { Speaker } from '../speak/index.ts';
import type { Resource } from './resource.ts';

/** What Speak can say: voices and languages. */
export function speakVoicesResources(speaker: Speaker): readonly Resource[] {
  return [
    {
      path: '/Speak/Voices/',
      methods: {
        GET: () => {
          const { choice } = speaker;
          if (!choice) throw new ApiError('speak_unavailable');
          const voices = choice.voices.map(({ voice, language }) => ({ voice, language: language ?? null }));
          return { status: 200, body: { engine: choice.engine, voices, languages: choice.languages } };
        },
      },
    },
  ];
}
