import { createCipheriv } from 'node:crypto';

/** What the master key is turned into (RFC 3711 section 4.3.2); RTCP's labels are the same, 3 higher. */
const LABELS = { cipher: 0, auth: 1, salt: 2 } as const;
const RTCP_LABELS = 3;
export const MASTER_KEY_BYTES = 16;
export const SALT_BYTES = 14;
const AUTH_KEY_BYTES = 20;

/** The keys of one direction of one protocol. */
export interface SessionKeys {
  readonly cipher: Buffer;
  readonly auth: Buffer;
  readonly salt: Buffer;
}

/** Derives the session keys of AES-CM with a key derivation rate of 0 (RFC 3711 section 4.3.1). */
export function deriveKeys(masterKey: Uint8Array, masterSalt: Uint8Array, protocol: 'rtp' | 'rtcp'): SessionKeys {
  if (masterKey.length !== MASTER_KEY_BYTES || masterSalt.length !== SALT_BYTES)
    throw new RangeError('a master key has 16 bytes and its salt 14');
  const first = protocol === 'rtp' ? 0 : RTCP_LABELS;
  const derive = (label: number, length: number): Buffer => {
    const counter = Buffer.alloc(16);
    counter.set(masterSalt);
    // The label stands left of the 48-bit index, which is 0.
    counter[7]! ^= first + label;
    return createCipheriv('aes-128-ctr', masterKey, counter).update(Buffer.alloc(length));
  };
  return {
    cipher: derive(LABELS.cipher, MASTER_KEY_BYTES),
    auth: derive(LABELS.auth, AUTH_KEY_BYTES),
    salt: derive(LABELS.salt, SALT_BYTES),
  };
}
