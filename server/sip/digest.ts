import { createHash } from 'node:crypto';

/** The hash functions of digest that we take, in the words of the wire (RFC 8760). */
export const DIGEST_ALGORITHMS = ['SHA-256', 'MD5'] as const;

export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/**
 * What is kept in place of a password: `H(username:realm:password)` for each algorithm, as hexadecimal digits. It lets
 * in whoever has it, but in its own realm only.
 */
export interface Ha1 {
  readonly md5: string;
  readonly sha256: string;
}

/** The parts of the request and of the client's answer that the response is made of. */
export interface DigestParts {
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly nc: string;
  readonly cnonce: string;
}

const HASHES: Readonly<Record<DigestAlgorithm, string>> = { 'SHA-256': 'sha256', MD5: 'md5' };

/** RFC 7616 section 3.4.2. Texts are real ones here, and hashed as UTF-8. */
export function ha1Of(username: string, realm: string, password: string): Ha1 {
  const text = Buffer.from(`${username}:${realm}:${password}`, 'utf8').toString('latin1');
  return { md5: hash('MD5', text), sha256: hash('SHA-256', text) };
}

/** The response that is right with qop=auth (RFC 7616 section 3.4.1). */
export function digestResponse(algorithm: DigestAlgorithm, ha1: Ha1, parts: DigestParts): string {
  const { method, uri, nonce, nc, cnonce } = parts;
  const secret = algorithm === 'MD5' ? ha1.md5 : ha1.sha256;
  const ha2 = hash(algorithm, `${method}:${uri}`);
  return hash(algorithm, [secret, nonce, nc, cnonce, 'auth', ha2].join(':'));
}

function hash(algorithm: DigestAlgorithm, latin1: string): string {
  return createHash(HASHES[algorithm]).update(latin1, 'latin1').digest('hex');
}
