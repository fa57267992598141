/* HMAC-SHA1 (RFC 2104, FIPS 180-4) that neither allocates nor hashes its key again for each message. */

const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;
const STATE_WORDS = 5;
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** Used in turn by every message of the thread: the message schedule, the hash so far, and the end of the message. */
const schedule = new Int32Array(80);
const state = new Int32Array(STATE_WORDS);
/** The last bytes of a message, four more, and the padding fit in two blocks. */
const tail = new Uint8Array(2 * BLOCK_BYTES);

/** Tags of one key. */
export class HmacSha1 {
  readonly #inner = new Int32Array(STATE_WORDS);
  readonly #outer = new Int32Array(STATE_WORDS);

  constructor(key: Uint8Array) {
    if (key.length > BLOCK_BYTES) throw new RangeError(`a key has at most ${BLOCK_BYTES} bytes`);
    absorbKey(this.#inner, key, INNER_PAD);
    absorbKey(this.#outer, key, OUTER_PAD);
  }

  /** Writes the first `tagBytes` of the tag of `bytes[start, end)` and, if it is given, a 32-bit word behind them to `bytes[at]`. */
  write(bytes: Uint8Array, start: number, end: number, word: number | undefined, at: number, tagBytes: number): void {
    this.#hash(bytes, start, end, word);
    for (let i = 0; i < tagBytes; i++) bytes[at + i] = byteOfState(i);
  }

  /** Whether those bytes stand at `bytes[at]`. Takes as long for a wrong tag as for the right one. */
  matches(
    bytes: Uint8Array,
    start: number,
    end: number,
    word: number | undefined,
    at: number,
    tagBytes: number,
  ): boolean {
    this.#hash(bytes, start, end, word);
    let difference = 0;
    for (let i = 0; i < tagBytes; i++) difference |= bytes[at + i]! ^ byteOfState(i);
    return difference === 0;
  }

  #hash(bytes: Uint8Array, start: number, end: number, word: number | undefined): void {
    state.set(this.#inner);
    let at = start;
    for (; at + BLOCK_BYTES <= end; at += BLOCK_BYTES) compress(bytes, at);
    let length = end - at;
    for (let i = 0; i < length; i++) tail[i] = bytes[at + i]!;
    let total = BLOCK_BYTES + end - start;
    if (word !== undefined) {
      putWord(length, word);
      length += 4;
      total += 4;
    }
    finish(length, total);
    for (let i = 0; i < STATE_WORDS; i++) putWord(4 * i, state[i]!);
    state.set(this.#outer);
    finish(4 * STATE_WORDS, BLOCK_BYTES + 4 * STATE_WORDS);
  }
}

/** The state after the key's block (RFC 2104 section 4). */
function absorbKey(into: Int32Array, key: Uint8Array, pad: number): void {
  state.set(INITIAL);
  for (let i = 0; i < BLOCK_BYTES; i++) tail[i] = (key[i] ?? 0) ^ pad;
  compress(tail, 0);
  into.set(state);
}

function byteOfState(i: number): number {
  return (state[i >> 2]! >>> (24 - 8 * (i & 3))) & 0xff;
}

function putWord(at: number, word: number): void {
  tail[at] = word >>> 24;
  tail[at + 1] = word >>> 16;
  tail[at + 2] = word >>> 8;
  tail[at + 3] = word;
}

/** Hashes what is in the tail, padded; `total` counts the bytes of the whole message. */
function finish(length: number, total: number): void {
  tail[length] = 0x80;
  const padded = length + 1 + LENGTH_BYTES <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  for (let i = length + 1; i < padded - 4; i++) tail[i] = 0;
  putWord(padded - 4, total * 8);
  compress(tail, 0);
  if (padded > BLOCK_BYTES) compress(tail, BLOCK_BYTES);
}

function compress(bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let i = 0, from = at; i < 16; i++, from += 4)
    w[i] = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!;
  for (let i = 16; i < 80; i++) {
    const mixed = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (mixed << 1) | (mixed >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let i = 0; i < 20; i++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (~b & d)) + e + w[i]! + 0x5a827999) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 20; i < 40; i++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[i]! + 0x6ed9eba1) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 40; i < 60; i++) {
    const next = (((a << 5) | (a >>> 27)) + ((b & c) | (b & d) | (c & d)) + e + w[i]! + 0x8f1bbcdc) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  for (let i = 60; i < 80; i++) {
    const next = (((a << 5) | (a >>> 27)) + (b ^ c ^ d) + e + w[i]! + 0xca62c1d6) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
}
