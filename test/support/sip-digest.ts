/* A phone's side of digest, written apart from the server's. */
import { createHash } from 'node:crypto';
import type { SipText } from './sip-script.ts';

export interface DigestAnswer {
  readonly user: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly algorithm?: 'MD5' | 'SHA-256';
  readonly nc?: number;
  readonly cnonce?: string;
  /** Put in the place of what would be right, after the response was computed; null leaves it out. */
  readonly changes?: Readonly<Record<string, string | null>>;
}

/** The parameters of a challenge for one algorithm. */
export function challengeOf(response: SipText, algorithm = 'MD5'): Map<string, string> {
  const line = response.headers('www-authenticate').find((text) => text.includes(`algorithm=${algorithm}`)) ?? '';
  return new Map([...line.matchAll(/([a-z]+)=(?:"([^"]*)"|([^\s,]+))/g)].map((m) => [m[1] ?? '', m[2] ?? m[3] ?? '']));
}

/** The Authorization header that answers a 401. */
export function authorizationFor(response: SipText, answer: DigestAnswer): string {
  const { user, password, method, uri, algorithm = 'MD5', nc = 1, cnonce = '0a4f113b', changes = {} } = answer;
  const challenge = challengeOf(response, algorithm);
  const [realm = '', nonce = ''] = [challenge.get('realm'), challenge.get('nonce')];
  const hash = (text: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const count = nc.toString(16).padStart(8, '0');
  const a1 = hash(`${user}:${realm}:${password}`);
  const right: Record<string, string | null> = {
    username: `"${user}"`,
    realm: `"${realm}"`,
    nonce: `"${nonce}"`,
    uri: `"${uri}"`,
    response: `"${hash(`${a1}:${nonce}:${count}:${cnonce}:auth:${hash(`${method}:${uri}`)}`)}"`,
    algorithm,
    qop: 'auth',
    nc: count,
    cnonce: `"${cnonce}"`,
    ...changes,
  };
  const params = Object.entries(right).flatMap(([name, value]) => (value === null ? [] : `${name}=${value}`));
  return `Digest ${params.join(', ')}`;
}
