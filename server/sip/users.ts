import { randomBytes } from 'node:crypto';
import type { Clock } from '../../media/time/clock.ts';
import { Failures } from '../failures.ts';
import { DigestAuthenticator } from './authenticator.ts';
import type { Contacts, KeptContacts } from './contacts.ts';
import type { DigestAlgorithm, Ha1 } from './digest.ts';
import type { Authenticator } from './guard.ts';
import type { SipLimits } from './limits.ts';
import type { SipLog } from './log.ts';
import { Nonces } from './nonces.ts';
import type { SipObserver } from './observer.ts';
import { Registrar } from './registrar.ts';

/** Who has a SIP account here, and where the phones of each are. */
export interface SipUsers {
  readonly realm: string;
  /** Offered in challenges, in this order. */
  readonly algorithms: readonly DigestAlgorithm[];
  readonly failuresPerMinute: number;
  readonly has: (username: string) => boolean;
  readonly ha1: (username: string) => Ha1 | undefined;
  readonly contacts: Contacts;
  /** What an earlier process kept of them, by username. */
  readonly keptContacts: Iterable<readonly [username: string, KeptContacts]>;
}

export interface UserParts {
  readonly authenticate: Authenticator;
  readonly registrar: Registrar;
}

/** What the SIP side needs to know users by their passwords, and to register their phones. */
export function userParts(
  users: SipUsers,
  deps: {
    readonly clock: Clock;
    readonly limits: SipLimits;
    readonly observer: SipObserver;
    readonly log: SipLog;
    readonly now?: () => Date;
  },
): UserParts {
  const nowMs = (): number => deps.clock.now();
  const decoy = { md5: randomBytes(16).toString('hex'), sha256: randomBytes(32).toString('hex') };
  const authenticator = new DigestAuthenticator({
    ...deps,
    realm: users.realm,
    algorithms: users.algorithms,
    ha1: users.ha1,
    decoy,
    nonces: new Nonces({ secret: randomBytes(32), nowMs, random: randomBytes }),
    failures: new Failures({ perMinute: users.failuresPerMinute, nowMs }),
  });
  const registrar = new Registrar({
    ...deps,
    contacts: users.contacts,
    isUser: users.has,
    now: deps.now ?? (() => new Date()),
  });
  return { authenticate: (request, flow) => authenticator.authenticate(request, flow), registrar };
}
