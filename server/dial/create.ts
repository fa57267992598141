import type { CallbackQueue } from '../callbacks/index.ts';
import type { Config } from '../config.ts';
import { Allowance } from './allowance.ts';
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
    'calls' | 'directory' | 'engine' | 'clock' | 'dial' | 'observer' | 'now' | 'newUuid' | 'score' | 'tellStatus'
  > {
  readonly config: Pick<Config, 'dial' | 'sip' | 'publicAddress'>;
  readonly users: DialUsers;
  readonly callbacks: Pick<CallbackQueue, 'add'>;
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
    },
    allowance: new Allowance({ limits: dial.limits, clock, now: deps.now }),
    find: wayFinder({ publicAddress, codecs: sip.codecs, names: systemNames, contactsOf: users.phonesOf }),
    tell: (conference, target, fields) => callbacks.add(conference, target, fields),
  });
}
