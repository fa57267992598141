import type { CallbackQueue } from '../callbacks/index.ts';
import type { Config } from '../config.ts';
import type { Store } from '../store/index.ts';
import { Allowance, type AllowanceDeps, type CallsMade, callsMadeSchema } from './allowance.ts';
import { Dialler, type DiallerDeps } from './dialler.ts';
import { systemNames } from './names.ts';
import { type RegisteredPhone, wayFinder } from './ways.ts';

/** Who has an account here, and where their phones are. */
export interface DialUsers {
  readonly has: (user: string) => boolean;
  readonly phonesOf: (user: string) => readonly RegisteredPhone[];
  /** What else than our address may stand behind the @ of their names. */
  readonly hosts: readonly string[];
}

export interface CreateDiallerDeps
  extends Pick<
    DiallerDeps,
    | 'calls'
    | 'directory'
    | 'engine'
    | 'clock'
    | 'dial'
    | 'log'
    | 'observer'
    | 'now'
    | 'newUuid'
    | 'score'
    | 'tellStatus'
  > {
  readonly config: Pick<Config, 'dial' | 'sip' | 'tls' | 'publicAddress'>;
  readonly users: DialUsers;
  readonly callbacks: Pick<CallbackQueue, 'add'>;
  /** What was called before, and where more is noted. */
  readonly made?: Pick<AllowanceDeps, 'earlier' | 'keep'>;
}

/** The one row of its table. */
const MADE = 'all';

/** The count of what is called, kept beyond the process: a restart gives nobody a new day's minutes. */
export async function keptCallsMade(store: Pick<Store, 'table'>): Promise<Pick<AllowanceDeps, 'earlier' | 'keep'>> {
  const table = store.table<CallsMade>('calls-made', callsMadeSchema);
  return {
    earlier: await table.get(MADE),
    keep: (made) => void table.put(MADE, made),
  };
}

/** The dialler under the settings. */
export function createDialler(deps: CreateDiallerDeps): Dialler {
  const { config, users, clock, callbacks } = deps;
  const { dial, sip, publicAddress } = config;
  return new Dialler({
    ...deps,
    rules: {
      hosts: dial.hosts,
      trunk: dial.trunk,
      prefixes: dial.prefixes,
      ownHosts: [publicAddress, sip.host, ...users.hosts].map((host) => host.toLowerCase()),
      isUser: users.has,
      tls: config.tls !== undefined,
    },
    allowance: new Allowance({ limits: dial.limits, ...deps.made, clock, now: deps.now }),
    find: wayFinder({ publicAddress, codecs: sip.codecs, names: systemNames, contactsOf: users.phonesOf }),
    tell: (conference, target, fields) => callbacks.add(conference, target, fields),
  });
}
