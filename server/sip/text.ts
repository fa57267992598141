/*
 * Reading header values from left to right, every character once: no regular expression ever sees a stranger's text of
 * any length, so no input takes more than linear time.
 */

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const TOKEN = new Uint8Array(256);
for (const character of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
  TOKEN[character.charCodeAt(0)] = 1;

/** True for a token of RFC 3261 section 25.1. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text.length > 0;
}

/** Takes off spaces and tabs only: `String.trim` would eat bytes of UTF-8 characters that look like blanks. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** A whole number written in digits alone, `0` to `max`; undefined for anything else. */
export function readNumber(text: string, max: number): number | undefined {
  if (text.length === 0 || text.length > 16) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= max ? value : undefined;
}

/** A place in a header value. The take-methods move on when they find what they look for, and only then. */
export class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  peek(): string {
    return this.#text.charAt(this.#at);
  }

  skipBlanks(): void {
    while (isBlank(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  /** Takes one character, and the blanks around it. */
  take(character: string): boolean {
    let at = this.#at;
    while (isBlank(this.#text.charCodeAt(at))) at += 1;
    if (this.#text.charAt(at) !== character) return false;
    this.#at = at + 1;
    this.skipBlanks();
    return true;
  }

  token(): string | undefined {
    return this.#run((code) => TOKEN[code] === 1);
  }

  /** Everything up to one of `stops`, or to the end; undefined when that is nothing. */
  until(stops: string): string | undefined {
    return this.#run((_, character) => !stops.includes(character));
  }

  /** A quoted string with its quotes and escapes; undefined when it is not closed. */
  quoted(): string | undefined {
    if (this.peek() !== '"') return undefined;
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      const code = this.#text.charCodeAt(i);
      if (code === BACKSLASH) i += 1;
      else if (code === QUOTE) {
        const found = this.#text.slice(this.#at, i + 1);
        this.#at = i + 1;
        return found;
      }
    }
    return undefined;
  }

  #run(belongs: (code: number, character: string) => boolean): string | undefined {
    let end = this.#at;
    while (end < this.#text.length && belongs(this.#text.charCodeAt(end), this.#text.charAt(end))) end += 1;
    if (end === this.#at) return undefined;
    const found = this.#text.slice(this.#at, end);
    this.#at = end;
    return found;
  }
}
