/*
 * AES-128 in counter mode (FIPS 197, RFC 3711 section 4.1.1) over tables of 32-bit words, in place and without allocating.
 * One table and rotations: four tables were no faster, and push more of the mixer's state out of the processor's cache.
 */

const ROUNDS = 10;
const WORDS = 4 * (ROUNDS + 1);
export const AES_KEY_BYTES = 16;

const SBOX = new Uint8Array(256);
/** Column (2s, s, s, 3s) of SubBytes and MixColumns for each byte; the other rows' are its rotations. */
const TABLE = new Int32Array(256);

/** Times x in GF(2^8) with the polynomial of FIPS 197 section 4.2. */
function double(byte: number): number {
  return ((byte << 1) ^ (byte & 0x80 ? 0x11b : 0)) & 0xff;
}

{
  // p runs through all powers of 3, q through their inverses.
  let p = 1;
  let q = 1;
  do {
    p ^= double(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const turned = (q * 0x101) & 0xffff;
    const s = (q ^ (turned >> 7) ^ (turned >> 6) ^ (turned >> 5) ^ (turned >> 4) ^ 0x63) & 0xff;
    SBOX[p] = s;
  } while (p !== 1);
  SBOX[0] = 0x63;
  for (let i = 0; i < 256; i++) {
    const s = SBOX[i]!;
    TABLE[i] = (double(s) << 24) | (s << 16) | (s << 8) | (double(s) ^ s);
  }
}

function substitute(word: number): number {
  return (
    (SBOX[word >>> 24]! << 24) |
    (SBOX[(word >>> 16) & 255]! << 16) |
    (SBOX[(word >>> 8) & 255]! << 8) |
    SBOX[word & 255]!
  );
}

/** The key stream of one key. */
export class AesCounter {
  readonly #schedule = new Int32Array(WORDS);

  constructor(key: Uint8Array) {
    if (key.length !== AES_KEY_BYTES) throw new RangeError(`an AES-128 key has ${AES_KEY_BYTES} bytes`);
    const words = this.#schedule;
    for (let i = 0; i < 4; i++)
      words[i] = (key[4 * i]! << 24) | (key[4 * i + 1]! << 16) | (key[4 * i + 2]! << 8) | key[4 * i + 3]!;
    for (let i = 4, constant = 1; i < WORDS; i++) {
      let word = words[i - 1]!;
      if (i % 4 === 0) {
        word = substitute((word << 8) | (word >>> 24)) ^ (constant << 24);
        constant = double(constant);
      }
      words[i] = words[i - 4]! ^ word;
    }
  }

  /**
   * Adds the key stream to `bytes[start, end)`: encrypts and decrypts alike. The counter begins at the four words given, and
   * its last 16 bits, which are 0 at first, count blocks.
   */
  apply(bytes: Uint8Array, start: number, end: number, w0: number, w1: number, w2: number, w3: number): void {
    const k = this.#schedule;
    const table = TABLE;
    const sbox = SBOX;
    for (let at = start, block = w3; at < end; at += 16, block++) {
      let a = w0 ^ k[0]!;
      let b = w1 ^ k[1]!;
      let c = w2 ^ k[2]!;
      let d = block ^ k[3]!;
      for (let i = 4; i < 4 * ROUNDS; i += 4) {
        const e = column(table, a, b, c, d) ^ k[i]!;
        const f = column(table, b, c, d, a) ^ k[i + 1]!;
        const g = column(table, c, d, a, b) ^ k[i + 2]!;
        d = column(table, d, a, b, c) ^ k[i + 3]!;
        a = e;
        b = f;
        c = g;
      }
      const e = lastColumn(sbox, a, b, c, d) ^ k[40]!;
      const f = lastColumn(sbox, b, c, d, a) ^ k[41]!;
      const g = lastColumn(sbox, c, d, a, b) ^ k[42]!;
      const h = lastColumn(sbox, d, a, b, c) ^ k[43]!;
      if (at + 16 <= end) {
        addWord(bytes, at, e);
        addWord(bytes, at + 4, f);
        addWord(bytes, at + 8, g);
        addWord(bytes, at + 12, h);
      } else addRest(bytes, at, end, e, f, g, h);
    }
  }
}

function column(table: Int32Array, a: number, b: number, c: number, d: number): number {
  const q = table[(b >>> 16) & 255]!;
  const r = table[(c >>> 8) & 255]!;
  const s = table[d & 255]!;
  return table[a >>> 24]! ^ ((q >>> 8) | (q << 24)) ^ ((r >>> 16) | (r << 16)) ^ ((s >>> 24) | (s << 8));
}

/** The last round has no MixColumns. */
function lastColumn(sbox: Uint8Array, a: number, b: number, c: number, d: number): number {
  return (sbox[a >>> 24]! << 24) | (sbox[(b >>> 16) & 255]! << 16) | (sbox[(c >>> 8) & 255]! << 8) | sbox[d & 255]!;
}

function addWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = bytes[at]! ^ (word >>> 24);
  bytes[at + 1] = bytes[at + 1]! ^ (word >>> 16);
  bytes[at + 2] = bytes[at + 2]! ^ (word >>> 8);
  bytes[at + 3] = bytes[at + 3]! ^ word;
}

/** Fewer than 16 bytes are left. */
function addRest(bytes: Uint8Array, start: number, end: number, e: number, f: number, g: number, h: number): void {
  for (let at = start; at < end; at++) {
    const i = at - start;
    const word = i < 4 ? e : i < 8 ? f : i < 12 ? g : h;
    bytes[at] = bytes[at]! ^ (word >>> (24 - 8 * (i & 3)));
  }
}
