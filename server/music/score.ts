import { silenceAddress } from '../../media/clip/index.ts';
import { parseResponse, type Verb } from '../app-xml/index.ts';
import type { UrlRules } from '../body-values.ts';

/** What turns the parts of a music's XML into addresses of clips. */
export interface ScoreRules extends UrlRules {
  /** The internal address of a spoken text; undefined where it cannot be said. */
  readonly say: (text: string, voice: string | undefined, language: string | undefined) => string | undefined;
}

/** Clips in playing order, to be played once or over and over; none is silence. */
export type Score = readonly string[];

export type ScoreRead =
  | { readonly ok: true; readonly score: Score }
  /** A sentence without its end, for the log. */
  | { readonly ok: false; readonly problem: string };

/** Clips of one score, and so of one play. */
const MAX_PARTS = 50;

/** Whether an answer is XML, by its first character that is none of blanks. */
export function isXml(body: string): boolean {
  return body.trimStart().startsWith('<');
}

/** Reads XML of `<Play>`, `<Speak>` and `<Wait>`, as Plivo has it for music; other elements are left out. */
export function readScore(xml: string, rules: ScoreRules): ScoreRead {
  const read = parseResponse(xml, rules);
  if (!read.ok) return read;
  const parts: string[] = [];
  for (const verb of read.verbs) {
    const part = partOf(verb, rules);
    if (part === undefined) continue;
    const times = timesOf(verb);
    for (let i = 0; i < times && parts.length < MAX_PARTS; i += 1) parts.push(part);
  }
  if (parts.length === 0) return { ok: false, problem: 'the XML has nothing that can be played' };
  // What is the same all along is one clip over and over.
  return { ok: true, score: parts.every((part) => part === parts[0]) ? parts.slice(0, 1) : parts };
}

function partOf(verb: Verb, rules: ScoreRules): string | undefined {
  switch (verb.verb) {
    case 'Play':
      return verb.url;
    case 'Speak':
      return rules.say(verb.text, verb.voice, verb.language);
    case 'Wait':
      return silenceAddress(verb.ms / 1000);
    default:
      return undefined;
  }
}

/** 0 is without end: nothing behind it is ever heard. */
function timesOf(verb: Verb): number {
  if (!('loop' in verb)) return 1;
  return verb.loop === 0 ? MAX_PARTS : verb.loop;
}
