import { Networks } from '../networks.ts';
import type { Flow } from './flow.ts';
import type { HeaderTexts, SipRequest } from './message.ts';
import { tagOf } from './message.ts';

export type Verdict =
  /** `user`: whose password it came with; undefined when none was needed. */
  | { readonly allowed: true; readonly user?: string | undefined }
  | {
      readonly allowed: false;
      readonly status: number;
      readonly reason: string;
      readonly headers?: HeaderTexts;
    };

/** Judges the credentials of a request from an address that is not trusted. */
export type Authenticator = (request: SipRequest, flow: Flow) => Verdict;

/** What a request belongs to: a call that stands, or for a CANCEL the INVITE that it takes back. */
export interface Standing {
  /** Where its peer's packets come from. */
  readonly address: string;
  /** The user who began it, if one did. */
  readonly user: string | undefined;
}

export interface GuardOptions {
  /** Networks that need no credentials, in CIDR notation. */
  readonly trusted: readonly string[];
  readonly authenticate?: Authenticator;
  /** Whether a registered phone is at the other end. */
  readonly isRegistered?: (flow: Flow) => boolean;
}

const FORBIDDEN: Verdict = { allowed: false, status: 403, reason: 'Forbidden' };

/** Decides who may ask anything of us. Every request of every method passes here, and nowhere else. */
export class Guard {
  readonly #trusted: Networks;
  readonly #authenticate: Authenticator;
  readonly #isRegistered: (flow: Flow) => boolean;

  constructor({ trusted, authenticate = () => FORBIDDEN, isRegistered = () => false }: GuardOptions) {
    this.#trusted = new Networks(trusted);
    this.#authenticate = authenticate;
    this.#isRegistered = isRegistered;
  }

  /** By address alone: for what cannot carry credentials. */
  trusts(flow: Flow): boolean {
    return this.#trusted.has(flow.address);
  }

  check(request: SipRequest, flow: Flow, standing?: Standing): Verdict {
    if (this.trusts(flow)) return { allowed: true };
    // Who knows the tags of a call and sends from where it came from is its peer: asking again would only slow it down.
    if (standing?.address === flow.address) return { allowed: true, user: standing.user };
    // It cannot be sent again with credentials (RFC 3261 section 22.1).
    if (request.method === 'CANCEL') return FORBIDDEN;
    // A phone's sign of life, every few seconds.
    if (request.method === 'OPTIONS' && tagOf(request.to) === undefined && this.#isRegistered(flow))
      return { allowed: true };
    const verdict = this.#authenticate(request, flow);
    // A phone that changed networks keeps its call; nobody else's password opens it.
    return verdict.allowed && standing && verdict.user !== standing.user ? FORBIDDEN : verdict;
  }
}
