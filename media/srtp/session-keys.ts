import { AES_KEY_BYTES, AesCounter } from './aes-counter.ts';
import { HmacSha1 } from './hmac-sha1.ts';
import { MASTER_BYTES } from './srtp-terms.ts';

const SALT_BYTES = 14;
const AUTH_KEY_BYTES = 20;
/** What the master key is turned into (RFC 3711 section 4.3.2); RTCP's labels are the same, 3 higher. */
const LABELS = { cipher: 0, auth: 1, salt: 2 } as const;
const FIRST_LABEL = { rtp: 0, rtcp: 3 } as const;

/** The keys of one protocol in one direction, derived once (RFC 3711 section 4.3.1 with a key derivation rate of 0). */
export class SessionKeys {
  readonly auth: HmacSha1;
  readonly #cipher: AesCounter;
  readonly #salt: Int32Array;

  constructor(master: Uint8Array, protocol: 'rtp' | 'rtcp') {
    if (master.length !== MASTER_BYTES) throw new RangeError(`a master key and its salt have ${MASTER_BYTES} bytes`);
    const source = new AesCounter(master.subarray(0, AES_KEY_BYTES));
    const salt = saltWords(master.subarray(AES_KEY_BYTES));
    const derive = (label: number, length: number): Uint8Array => {
      const derived = new Uint8Array(length);
      // The label stands left of the 48-bit index, which is 0.
      source.apply(derived, 0, length, salt[0]!, salt[1]! ^ (FIRST_LABEL[protocol] + label), salt[2]!, salt[3]!);
      return derived;
    };
    this.#cipher = new AesCounter(derive(LABELS.cipher, AES_KEY_BYTES));
    this.auth = new HmacSha1(derive(LABELS.auth, AUTH_KEY_BYTES));
    this.#salt = saltWords(derive(LABELS.salt, SALT_BYTES));
  }

  /**
   * Encrypts and decrypts alike (RFC 3711 section 4.1.1): IV = salt × 2^16 ^ SSRC × 2^64 ^ index × 2^16. The index is
   * `high` × 2^16 + `low`.
   */
  crypt(bytes: Uint8Array, start: number, end: number, ssrc: number, high: number, low: number): void {
    const salt = this.#salt;
    this.#cipher.apply(bytes, start, end, salt[0]!, salt[1]! ^ ssrc, salt[2]! ^ high, salt[3]! ^ (low << 16));
  }
}

/** Fourteen bytes as words, the last one ending with 16 bits of zero. */
function saltWords(bytes: Uint8Array): Int32Array {
  const words = new Int32Array(4);
  for (let i = 0; i < SALT_BYTES; i++) words[i >> 2]! |= bytes[i]! << (24 - 8 * (i & 3));
  return words;
}
