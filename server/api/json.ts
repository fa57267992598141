/** How much structure a JSON text may have. */
export interface JsonLimits {
  readonly maxDepth: number;
  /** Object keys and list items together. */
  readonly maxKeys: number;
}

export type JsonResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/** Everything a JSON text is made of, blanks before it included (RFC 8259 section 2). */
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
  /[\t\n\r ]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(true|false|null))/y;
const BLANK_END = /[\t\n\r ]*$/y;

class Problem extends Error {}

/**
 * Reads JSON from strangers: bounded in depth and keys while it reads, no key twice, objects without a prototype.
 * `JSON.parse` would take the last of two equal keys, and others between the caller and us might take the first.
 */
export function parseJson(text: string, limits: JsonLimits): JsonResult {
  try {
    return { ok: true, value: new Reader(text, limits).document() };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

class Reader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #keys = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  document(): unknown {
    const value = this.#value(this.#token(), 1);
    BLANK_END.lastIndex = this.#at;
    if (!BLANK_END.test(this.#text)) throw new Problem('there is text after the value');
    return value;
  }

  #value(token: string, depth: number): unknown {
    switch (token) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#list(depth);
      case 'true':
        return true;
      case 'false':
        return false;
      case 'null':
        return null;
      case '}':
      case ']':
      case ',':
      case ':':
        throw this.#unexpected();
      default:
        return token.startsWith('"') ? readString(token) : readNumber(token);
    }
  }

  #object(depth: number): object {
    this.#checkDepth(depth);
    const object: Record<string, unknown> = Object.create(null);
    let token = this.#token();
    if (token === '}') return object;
    for (;;) {
      if (!token.startsWith('"')) throw this.#unexpected();
      const key = readString(token);
      if (key in object) throw new Problem('a key is given twice');
      this.#countKey();
      if (this.#token() !== ':') throw this.#unexpected();
      object[key] = this.#value(this.#token(), depth + 1);
      token = this.#token();
      if (token === '}') return object;
      if (token !== ',') throw this.#unexpected();
      token = this.#token();
    }
  }

  #list(depth: number): unknown[] {
    this.#checkDepth(depth);
    const list: unknown[] = [];
    let token = this.#token();
    if (token === ']') return list;
    for (;;) {
      this.#countKey();
      list.push(this.#value(token, depth + 1));
      token = this.#token();
      if (token === ']') return list;
      if (token !== ',') throw this.#unexpected();
      token = this.#token();
    }
  }

  #token(): string {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (!match) throw this.#unexpected();
    this.#at = TOKEN.lastIndex;
    return match[1] ?? match[2] ?? match[3] ?? match[4] ?? '';
  }

  #checkDepth(depth: number): void {
    if (depth > this.#limits.maxDepth) throw new Problem(`nested deeper than ${this.#limits.maxDepth} levels`);
  }

  #countKey(): void {
    this.#keys += 1;
    if (this.#keys > this.#limits.maxKeys) throw new Problem(`more than ${this.#limits.maxKeys} keys and items`);
  }

  #unexpected(): Problem {
    return new Problem(`not JSON near character ${this.#at + 1}`);
  }
}

function readString(token: string): string {
  const value = JSON.parse(token) as string;
  if (!value.isWellFormed()) throw new Problem('a string holds half a surrogate pair');
  return value;
}

function readNumber(token: string): number {
  const value = Number(token);
  if (!Number.isFinite(value)) throw new Problem('a number is too large');
  return value;
}
