import { randomInt } from 'node:crypto';
import { createDialler, type Dialler, keptCallsMade } from '../dial/index.ts';
import { Contacts, DEFAULT_LIMITS, keptContactsSchema, type SipServer, startSip } from '../sip/index.ts';
import { StartError } from '../start-error.ts';
import { Users, userRowSchema } from '../users/index.ts';
import type { Applications } from './applications.ts';
import type { Conversations } from './conversations.ts';
import { type Ground, rowsOf } from './ground.ts';
import type { Media } from './media.ts';

/** All are held in memory. */
const MAX_USERS = 10_000;
const SIP_NAMES = { host: 'SIP_HOST', port: 'SIP_PORT' } as const;

/** Who calls and is called by SIP. */
export interface Phones {
  readonly users: Users;
  readonly contacts: Contacts;
  /** Calls nobody before `listen`. */
  readonly dialler: Dialler;
  /** Begins to take calls. */
  listen(): Promise<SipServer>;
}

/** Users, their phones and what calls them, as they were left. */
export async function recallPhones(
  ground: Ground,
  { engine }: Media,
  { directory, calls }: Conversations,
  { callbacks, status, apps, answers, music }: Applications,
): Promise<Phones> {
  const { config, log, clock, now, newUuid, metrics, store, certificate } = ground;
  const userTable = store.table('users', userRowSchema);
  const users = new Users({
    kept: (await rowsOf(userTable)).map(({ value }) => value),
    shelf: userTable,
    realm: config.users.realm,
    max: MAX_USERS,
    now,
    randomDigits: (count) => Array.from({ length: count }, () => randomInt(10)).join(''),
  });
  if (users.strandedCount > 0)
    log.warn(
      { users: users.strandedCount, realm: config.users.realm },
      'SIP users of another SIP_REALM cannot log in until their passwords are set anew',
    );
  const contactTable = store.table('contacts', keptContactsSchema);
  const observer = metrics.sipObserver();
  const contacts = new Contacts({
    clock,
    now,
    shelf: contactTable,
    maxPerUser: DEFAULT_LIMITS.contactsPerUser,
    maxRoutes: DEFAULT_LIMITS.routes,
    displaced: () => observer.contactDisplaced(),
  });
  let sip: SipServer | undefined;
  const dialler = createDialler({
    config,
    made: await keptCallsMade(store),
    calls,
    directory,
    engine,
    callbacks,
    clock,
    dial: (order) => sip?.dial(order),
    users: { has: (name) => users.has(name), phonesOf: (name) => contacts.of(name), hosts: [config.users.realm] },
    log,
    score: (source, fields) => music.scoreFor(source, fields),
    tellStatus: (news) => status.tell(news),
    observer: metrics,
    now,
    newUuid,
  });
  const listen = async (): Promise<SipServer> => {
    const keptContacts = (await rowsOf(contactTable)).map(({ key, value }) => [key, value] as const);
    sip = await startSip({
      ...config.sip,
      tls: config.tls && certificate && { port: config.tls.sipPort, certificate },
      publicAddress: config.publicAddress,
      calls,
      users: {
        ...config.users,
        has: (username) => users.has(username),
        ha1: (username) => users.ha1(username),
        contacts,
        keptContacts,
      },
      reception: answers ? apps : undefined,
      engine,
      log,
      observer,
      clock,
    }).catch((error: Error) => {
      throw StartError.ofListening(error.cause ?? error, SIP_NAMES, config.sip);
    });
    return sip;
  };
  return { users, contacts, dialler, listen };
}
