import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** An element, or text with an empty name. */
export interface XmlNode {
  readonly name: string;
  /** By their names as they were written. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
  readonly text: string;
}

export type XmlRead = { readonly ok: true; readonly root: XmlNode } | { readonly ok: false; readonly problem: string };

/** Bytes of one document. */
export const MAX_XML_BYTES = 64 * 1024;
const MAX_DEPTH = 8;
const TEXT = '#text';
const CDATA = '#cdata';
const ATTRIBUTES = ':@';
/** Nothing that `<!` may begin but comments and CDATA: no DOCTYPE, so no entities but those below. */
const DECLARATION = /<!(?!--|\[CDATA\[)/;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Decodes nothing, converts nothing, and keeps the order: the rest is done here. */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  preserveOrder: true,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  processEntities: false,
  cdataPropName: CDATA,
  maxNestedTags: MAX_DEPTH,
});

/** Reads a document that a stranger wrote, within bounds. */
export function readXml(text: string): XmlRead {
  if (DECLARATION.test(text)) return { ok: false, problem: 'the XML has a DOCTYPE or an entity, which is not read' };
  const valid = XMLValidator.validate(text);
  if (valid !== true) return { ok: false, problem: `the XML is not well-formed: ${valid.err.msg}` };
  try {
    const roots = nodesOf(parser.parse(text)).filter(({ name }) => name !== '');
    const [root] = roots;
    return root && roots.length === 1 ? { ok: true, root } : { ok: false, problem: 'the XML has no single root' };
  } catch (error) {
    // The parser's way to refuse names and depths.
    return { ok: false, problem: `the XML is refused: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** All text below a node, in order. */
export function textOf(node: XmlNode): string {
  return node.name === '' ? node.text : node.children.map(textOf).join('');
}

function nodesOf(parsed: unknown): XmlNode[] {
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((entry: Readonly<Record<string, unknown>>): XmlNode[] => {
    const name = Object.keys(entry).find((key) => key !== ATTRIBUTES);
    if (name === undefined) return [];
    const content = entry[name];
    if (name === TEXT) return [textNode(decoded(String(content)))];
    if (name === CDATA) return [textNode(rawText(content))];
    const attributes: Record<string, string> = {};
    for (const [key, value] of Object.entries(entry[ATTRIBUTES] ?? {})) attributes[key] = decoded(String(value));
    return [{ name, attributes, children: nodesOf(content), text: '' }];
  });
}

function textNode(text: string): XmlNode {
  return { name: '', attributes: {}, children: [], text };
}

function rawText(content: unknown): string {
  const parts: readonly Readonly<Record<string, unknown>>[] = Array.isArray(content) ? content : [];
  return parts.map((part) => String(part[TEXT] ?? '')).join('');
}

/** In one pass, so that nothing is decoded twice. */
function decoded(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole;
  });
}
