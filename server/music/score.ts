import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { silenceAddress } from '../../media/clip/index.ts';

/** What turns the parts of a music's XML into addresses of clips. */
export interface ScoreRules {
  readonly checkUrl: (url: string) => { readonly ok: boolean };
  /** The internal address of a spoken text; undefined where it cannot be said. */
  readonly say: (text: string, voice: string | undefined, language: string | undefined) => string | undefined;
}

/** Clips in playing order, to be played once or over and over; none is silence. */
export type Score = readonly string[];

/** Clips of one score, and so of one play. */
const MAX_PARTS = 50;

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Whether an answer is XML, by its first character that is none of blanks. */
export function isXml(body: string): boolean {
  return body.trimStart().startsWith('<');
}

/**
 * Reads XML of `<Play>`, `<Speak>` and `<Wait>`, as Plivo has it for music; other elements are left out, and so is what
 * cannot be played. Undefined: it is not such XML at all.
 */
export function readScore(xml: string, rules: ScoreRules): Score | undefined {
  const elements = elementsOf(xml);
  if (!elements) return undefined;
  const parts: string[] = [];
  for (const element of elements) {
    const part = partOf(element, rules);
    if (part === undefined) continue;
    const times = timesOf(element.attributes.loop);
    for (let i = 0; i < times && parts.length < MAX_PARTS; i += 1) parts.push(part);
  }
  // What is the same all along is one clip over and over.
  return parts.every((part) => part === parts[0]) ? parts.slice(0, 1) : parts;
}

function partOf({ name, attributes, text }: Element, rules: ScoreRules): string | undefined {
  switch (name) {
    case 'Play':
      return rules.checkUrl(text).ok ? text : undefined;
    case 'Speak':
      return rules.say(text, attributes.voice, attributes.language);
    case 'Wait':
      return silenceAddress(/^\d{1,5}$/.test(attributes.length ?? '') ? Number(attributes.length) : 1);
    default:
      return undefined;
  }
}

/** `loop="0"` is without end: nothing behind it is ever heard. */
function timesOf(loop: string | undefined): number {
  if (loop === undefined || !/^\d{1,5}$/.test(loop)) return 1;
  return Number(loop) === 0 ? MAX_PARTS : Number(loop);
}

/** The elements in `<Response>`. No document type: what it declares could grow without bound. */
function elementsOf(xml: string): readonly Element[] | undefined {
  if (/<!DOCTYPE/i.test(xml) || XMLValidator.validate(xml) !== true) return undefined;
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
  });
  const nodes = parser.parse(xml) as readonly Node[];
  const response = nodes.find((node) => 'Response' in node);
  return response && childrenOf(response).map(elementOf);
}

type Node = Readonly<Record<string, unknown>>;

function childrenOf(node: Node): readonly Node[] {
  const children = node[nameOf(node)];
  return Array.isArray(children) ? children : [];
}

function nameOf(node: Node): string {
  return Object.keys(node).find((key) => key !== ':@') ?? '';
}

function elementOf(node: Node): Element {
  const attributes = (node[':@'] ?? {}) as Readonly<Record<string, string>>;
  return { name: nameOf(node), attributes, text: textOf(node).trim().replace(/\s+/g, ' ') };
}

/** All text in an element, that of the elements within it as well. */
function textOf(node: Node): string {
  const own = node['#text'];
  return typeof own === 'string' ? own : childrenOf(node).map(textOf).join(' ');
}
