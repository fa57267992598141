import type { Flow } from './flow.ts';
import type { SipRequest } from './message.ts';
import { Networks } from './networks.ts';

export type Verdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly status: number;
      readonly reason: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** Judges the credentials of a request from an address that is not trusted: digest, once there are accounts. */
export type Authenticator = (request: SipRequest, flow: Flow) => Verdict;

/** Nobody has an account. */
export const REFUSE_ALL: Authenticator = () => ({ allowed: false, status: 403, reason: 'Forbidden' });

/** Decides who may ask anything of us. Every request of every method passes here, and nowhere else. */
export class Guard {
  readonly #trusted: Networks;
  readonly #authenticate: Authenticator;

  constructor(trusted: readonly string[], authenticate: Authenticator = REFUSE_ALL) {
    this.#trusted = new Networks(trusted);
    this.#authenticate = authenticate;
  }

  /** By address alone: for what cannot carry credentials. */
  trusts(flow: Flow): boolean {
    return this.#trusted.has(flow.address);
  }

  check(request: SipRequest, flow: Flow): Verdict {
    return this.trusts(flow) ? { allowed: true } : this.#authenticate(request, flow);
  }
}
