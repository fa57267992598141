/** Characters of one text, and of one with markup in it: what Plivo's engine takes. */
export const MAX_TEXT = 3000;
export const MAX_MARKUP = 6000;

const SSML = /^\s*(?:<\?xml[^<>]*>\s*)?<speak[\s>]/i;
/** A pause in the reading, as far as plain text can ask for one. */
const PAUSES = /<\/?(?:break|p|s|speak)\b[^<>]*>/gi;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * The plain text of what is to be said. SSML is no more than its words here: pauses become line ends, all other markup
 * goes. Text that does not begin as SSML is left as it is, so that "3 < 5" stays what it says.
 */
export function spokenText(text: string, isSsml: boolean = SSML.test(text)): string {
  if (!isSsml) return text.trim();
  return text
    .replace(/<!--[\s\S]*?-->|<\?[^<>]*>/g, '')
    .replace(PAUSES, '\n')
    .replace(/<[^<>]*>/g, '')
    .replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,4});/gi, (whole, name: string) => entity(name) ?? whole)
    .trim();
}

function entity(name: string): string | undefined {
  if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()];
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : undefined;
}
