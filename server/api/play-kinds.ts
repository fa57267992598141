import { ApiError, badField } from '../errors.ts';
import type { PlayKind } from '../mpc/index.ts';
import type { Speaker } from '../speak/index.ts';
import { textField } from './fields.ts';
import { type PlayBody, type PlayBodyRules, parsePlayBody, parsePlayManner } from './play-body.ts';
import type { Body } from './resource.ts';

/** What is different between playing files and speaking texts; all else is the same. */
export interface PlayKindRules {
  readonly kind: PlayKind;
  /** Last part of the path. */
  readonly segment: 'Play' | 'Speak';
  /** As the messages name it. */
  readonly word: 'play' | 'speak';
  readonly parse: (body: Body) => PlayBody;
}

export function playKinds(rules: PlayBodyRules, speaker: Speaker): readonly PlayKindRules[] {
  return [
    { kind: 'play', segment: 'Play', word: 'play', parse: (body) => parsePlayBody(body, rules) },
    { kind: 'speech', segment: 'Speak', word: 'speak', parse: (body) => parseSpeakBody(body, rules, speaker) },
  ];
}

/** `type` is taken and means nothing: what it may say is not documented anywhere. */
function parseSpeakBody(given: Body, rules: PlayBodyRules, speaker: Speaker): PlayBody {
  const body = withVoice(given);
  const text = textField(body, 'text');
  const found = speaker.address(text ?? '', filled(body, 'voice'), filled(body, 'language'));
  if (found.ok) return { urls: [found.address], spoken: found.spoken, ...parsePlayManner(body, rules) };
  if (found.wrong === 'engine') throw new ApiError('speak_unavailable');
  throw badField(found.wrong, found.expected);
}

/** Plivo's Go SDK sends the voice of a call's Speak under the name of another field. */
function withVoice(body: Body): Body {
  const { length } = body;
  const isVoice =
    typeof length === 'string' && /^(woman|man|polly\..+)$/i.test(length) && filled(body, 'voice') === undefined;
  return isVoice ? { ...body, voice: length, length: undefined } : body;
}

/** Clients that always send every field send an empty one for the default. */
function filled(body: Body, name: string): string | undefined {
  return textField(body, name) || undefined;
}
