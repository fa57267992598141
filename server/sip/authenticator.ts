import { timingSafeEqual } from 'node:crypto';
import type { Failures } from '../failures.ts';
import { type Authorization, readAuthorizations } from './authorization.ts';
import { type DigestAlgorithm, digestResponse, type Ha1 } from './digest.ts';
import type { Flow } from './flow.ts';
import type { Verdict } from './guard.ts';
import type { SipLog } from './log.ts';
import { readable, type SipRequest } from './message.ts';
import type { Nonces } from './nonces.ts';
import type { AuthResult, SipObserver } from './observer.ts';
import { readUri } from './uri.ts';

export interface AuthenticatorDeps {
  /** Visible ASCII without quotes and backslashes. */
  readonly realm: string;
  /** Offered in this order; one at least. */
  readonly algorithms: readonly DigestAlgorithm[];
  /** What is kept of a user's password, if there is such a user in our realm. */
  readonly ha1: (username: string) => Ha1 | undefined;
  /** Random: what strangers' names are compared with, so that they take as long as users'. */
  readonly decoy: Ha1;
  readonly nonces: Nonces;
  readonly failures: Failures;
  readonly observer: Pick<SipObserver, 'authenticated'>;
  readonly log: SipLog;
}

const MAX_LOGGED = 64;

/** Digest as a server (RFC 3261 section 22, RFC 7616, RFC 8760), for requests that may be challenged. */
export class DigestAuthenticator {
  readonly #deps: AuthenticatorDeps;

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  authenticate(request: SipRequest, flow: Flow): Verdict {
    const { failures, observer, log } = this.#deps;
    const wait = failures.waitSeconds(flow.address);
    if (wait > 0) {
      observer.authenticated('throttled');
      return { allowed: false, status: 503, reason: 'Too Many Failures', headers: { 'retry-after': String(wait) } };
    }
    const header = request.headers.get('authorization');
    if (header === undefined) return this.#challenge('challenged', flow);
    const given = readAuthorizations(header).find(({ realm }) => realm === this.#deps.realm);
    const algorithm = given && this.#deps.algorithms.find((known) => known === given.algorithm);
    if (!given || !algorithm || given.qop !== 'auth') return this.#challenge('unsuitable', flow);

    if (!this.#isRight(given, algorithm, request.method)) {
      failures.add(flow.address);
      const user = readable(given.username).slice(0, MAX_LOGGED);
      log.info({ from: flow.address, user, method: request.method }, 'wrong SIP password');
      return this.#challenge('wrong', flow);
    }
    if (!isSameUri(given.uri, request.uri)) return this.#challenge('unsuitable', flow);
    // Only who knows the password is told that it was right.
    if (!this.#deps.nonces.use(given.nonce, given.count, flow.address)) return this.#challenge('stale', flow);
    observer.authenticated('accepted');
    return { allowed: true, user: given.username };
  }

  #isRight(given: Authorization, algorithm: DigestAlgorithm, method: string): boolean {
    const known = this.#deps.ha1(given.username);
    const expected = digestResponse(algorithm, known ?? this.#deps.decoy, { ...given, method });
    if (given.response.length !== expected.length) return false;
    return timingSafeEqual(Buffer.from(given.response), Buffer.from(expected)) && known !== undefined;
  }

  #challenge(result: Exclude<AuthResult, 'accepted' | 'throttled'>, flow: Flow): Verdict {
    const { realm, algorithms, nonces, observer } = this.#deps;
    observer.authenticated(result);
    const nonce = nonces.issue(flow.address);
    const stale = result === 'stale' ? ', stale=true' : '';
    const challenges = algorithms.map(
      (algorithm) => `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${stale}`,
    );
    return { allowed: false, status: 401, reason: 'Unauthorized', headers: { 'www-authenticate': challenges } };
  }
}

/** The digest covers the URI that the client wrote; a hop may have written the same one differently. */
function isSameUri(given: string, asked: string): boolean {
  if (given === asked) return true;
  const [one, other] = [readUri(given), readUri(asked)];
  if (!one.ok || !other.ok) return false;
  return (
    one.uri.scheme === other.uri.scheme &&
    one.uri.user === other.uri.user &&
    one.uri.host.toLowerCase() === other.uri.host.toLowerCase() &&
    (one.uri.port ?? 0) === (other.uri.port ?? 0)
  );
}
