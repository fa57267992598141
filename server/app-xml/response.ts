import { z } from 'zod';
import { isDigitText } from '../../media/index.ts';
import type { UrlRules } from '../body-values.ts';
import { callbackTarget } from '../callbacks/target.ts';
import { isMpcName, readXmlTerms } from '../mpc/index.ts';
import type { ResponseRead, Verb } from './verbs.ts';
import { readXml, textOf, type XmlNode } from './xml.ts';

const MAX_VERBS = 100;
const MAX_SECONDS = 24 * 3600;
const SECOND_MS = 1000;

type VerbRead = { readonly ok: true; readonly verb: Verb } | { readonly ok: false; readonly problem: string };
type Reader = (text: string, attributes: Readonly<Record<string, string>>, rules: UrlRules) => VerbRead;

function whole(min: number, fallback: number): z.ZodType<number> {
  const expected = `must be a whole number from ${min} to ${MAX_SECONDS}`;
  return (
    z
      .string()
      // Plivo's PHP SDK writes 0 as none.
      .regex(/^([0-9]{1,9}|none)$/, expected)
      .transform((text) => (text === 'none' ? 0 : Number(text)))
      .refine((value) => value >= min && value <= MAX_SECONDS, expected)
      .optional()
      .transform((value) => value ?? fallback) as unknown as z.ZodType<number>
  );
}

const loop = z.object({ loop: whole(0, 1) });
const speak = z.object({ loop: whole(0, 1), voice: z.string().optional(), language: z.string().optional() });
const wait = z.object({ length: whole(1, 1) });
const hangup = z.object({
  reason: z.enum(['rejected', 'busy'], 'must be rejected or busy').optional(),
  schedule: whole(0, 0),
});
const redirect = z.object({
  method: z
    .string()
    .toUpperCase()
    .pipe(z.enum(['GET', 'POST'], 'must be GET or POST'))
    .optional(),
});

const READERS: Readonly<Record<string, Reader>> = {
  Play: (text, attributes, rules) =>
    having(loop, attributes, (read) => withUrl(text, rules, (url) => ({ verb: 'Play', url: url.href, ...read }))),
  Speak: (text, attributes) =>
    having(speak, attributes, ({ voice, language, loop }) =>
      text === '' ? wrong('there is nothing to say') : right({ verb: 'Speak', text, voice, language, loop }),
    ),
  Wait: (_text, attributes) =>
    having(wait, attributes, ({ length }) => right({ verb: 'Wait', ms: length * SECOND_MS })),
  Hangup: (_text, attributes) =>
    having(hangup, attributes, ({ reason, schedule }) =>
      right({ verb: 'Hangup', reason, afterMs: schedule === 0 ? undefined : schedule * SECOND_MS }),
    ),
  Redirect: (text, attributes, rules) =>
    having(redirect, attributes, ({ method = 'POST' }) =>
      withUrl(text, rules, (url) => ({ verb: 'Redirect', target: callbackTarget(url, method) })),
    ),
  DTMF: (text) =>
    isDigitText(text)
      ? right({ verb: 'DTMF', digits: text })
      : wrong('its text must be digits, with w and W for pauses'),
  MultiPartyCall: (name, attributes, rules) => {
    if (!isMpcName(name)) return wrong('its text must be the name of an MPC, 1 to 128 characters');
    const read = readXmlTerms(attributes, rules);
    return read.ok
      ? right({ verb: 'MultiPartyCall', name, terms: read.terms })
      : wrong(`${read.field} ${read.problem}`);
  },
};

/**
 * Reads an app's answer: `<Response>` and the elements in it. An element that is not known is left out and named; one that
 * is known and wrong refuses the whole answer, since an app that is half obeyed is harder to mend.
 */
export function parseResponse(document: string, rules: UrlRules): ResponseRead {
  const xml = readXml(document);
  if (!xml.ok) return xml;
  const { root } = xml;
  if (root.name !== 'Response') return { ok: false, problem: `the root element must be Response, not ${root.name}` };
  const elements = root.children.filter(({ name }) => name !== '');
  if (elements.length > MAX_VERBS) return { ok: false, problem: `Response has more than ${MAX_VERBS} elements` };
  const verbs: Verb[] = [];
  const unknown: string[] = [];
  for (const element of elements) {
    const reader = Object.hasOwn(READERS, element.name) ? READERS[element.name] : undefined;
    if (!reader) {
      unknown.push(element.name);
      continue;
    }
    const read = reader(textOf(element).trim(), element.attributes, rules);
    if (!read.ok) return { ok: false, problem: `${nameOf(element)}: ${read.problem}` };
    verbs.push(read.verb);
  }
  return { ok: true, verbs, unknown };
}

function nameOf({ name }: XmlNode): string {
  return `<${name}>`;
}

function right(verb: Verb): VerbRead {
  return { ok: true, verb };
}

function wrong(problem: string): VerbRead {
  return { ok: false, problem };
}

function having<T>(
  schema: z.ZodType<T>,
  attributes: Readonly<Record<string, string>>,
  make: (read: T) => VerbRead,
): VerbRead {
  const parsed = schema.safeParse(attributes);
  if (parsed.success) return make(parsed.data);
  const [issue] = parsed.error.issues;
  return wrong(`${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is wrong'}`);
}

function withUrl(text: string, { checkUrl, maxUrlLength }: UrlRules, make: (url: URL) => Verb): VerbRead {
  if (text.length > maxUrlLength) return wrong(`its URL is longer than ${maxUrlLength} characters`);
  const verdict = checkUrl(text);
  return verdict.ok ? right(make(new URL(text))) : wrong(verdict.message);
}
