import { below, pick, type Random } from './target.ts';

/** What upsets readers of text. */
const PIECES = [
  '\r\n',
  '\r\n ',
  ':',
  ';',
  ',',
  '<',
  '>',
  '"',
  '\\',
  '\0',
  '%',
  '@',
  '[',
  ']',
  '{',
  '}',
  '&',
  '=',
  ' ',
  '\t',
  '/',
  '-1',
  '4294967296',
  '99999999999999999999',
  '1e999',
  '__proto__',
  'é',
  '\xff',
];

/** One to four changes: bytes flipped, cut out, doubled, or a spiteful piece put in. */
export function mutateText(text: string, random: Random, pieces: readonly string[] = []): string {
  let mutated = text;
  for (let changes = 1 + below(random, 4); changes > 0; changes--) {
    const at = below(random, mutated.length + 1);
    const to = Math.min(mutated.length, at + below(random, 20));
    mutated = mutated.slice(0, at) + replacement(mutated, at, to, random, pieces) + mutated.slice(to);
  }
  return mutated;
}

function replacement(text: string, at: number, to: number, random: Random, pieces: readonly string[]): string {
  switch (below(random, 4)) {
    case 0:
      return String.fromCharCode(below(random, 256)) + text.slice(at + 1, to);
    case 1:
      return '';
    case 2:
      return text.slice(at, to).repeat(2 + below(random, 3));
    default:
      return pick(random, random() < 0.5 && pieces.length > 0 ? pieces : PIECES) + text.slice(at, to);
  }
}

/** Numbers at which lengths and counts go wrong. */
const EDGES = [0, 1, 2, 3, 4, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/** One to five changes of bytes: some flipped, some set to an edge, a stretch cut out or doubled, the end cut off. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  for (let changes = 1 + below(random, 5); changes > 0 && mutated.length > 0; changes--) {
    const at = below(random, mutated.length);
    const to = Math.min(mutated.length, at + 1 + below(random, 16));
    switch (below(random, 6)) {
      case 0:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(to)]);
        break;
      case 1:
        mutated = Buffer.concat([mutated.subarray(0, to), mutated.subarray(at)]);
        break;
      case 2:
        mutated = mutated.subarray(0, at);
        break;
      case 3:
        mutated[at] = below(random, 256);
        break;
      default:
        mutated[at] = pick(random, EDGES);
    }
  }
  return mutated;
}

/** Bytes without any sense. */
export function noise(random: Random, most: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: below(random, most + 1) }, () => below(random, 256)));
}
