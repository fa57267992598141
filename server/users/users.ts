import { z } from 'zod';
import { type Ha1, ha1Of } from '../sip/digest.ts';

const userSchema = z.object({
  id: z.string(),
  username: z.string(),
  alias: z.string(),
  appId: z.string().nullable(),
  /** Of the password: in another realm it does not count. */
  realm: z.string(),
  ha1: z.object({ md5: z.string(), sha256: z.string() }),
  createdAt: z.iso.datetime(),
});

/** Somebody whose phones may register and call: Plivo's Endpoint. The password itself is never kept. */
export type User = z.infer<typeof userSchema>;

/** The shape of a user's row. */
export const userRowSchema: z.ZodType<User> = userSchema;

/** Where users survive a restart, by id. */
export interface UserShelf {
  put(id: string, user: User): unknown;
  delete(id: string): unknown;
}

export interface UsersOptions {
  readonly kept: Iterable<User>;
  readonly shelf: UserShelf;
  /** What passwords are bound to: they are good for this server's realm alone. */
  readonly realm: string;
  readonly max: number;
  readonly now: () => Date;
  /** So many random digits. */
  readonly randomDigits: (count: number) => string;
}

export interface NewUser {
  readonly username: string;
  readonly password: string;
  readonly alias: string;
  readonly appId: string | null;
}

export type UserChange = Partial<Omit<NewUser, 'username'>>;

/** As long as Plivo's. */
const ID_DIGITS = 14;
const SUFFIX_DIGITS = 12;

/** Everybody who has a SIP account here. */
export class Users {
  readonly #options: UsersOptions;
  readonly #byId = new Map<string, User>();
  readonly #byName = new Map<string, User>();

  constructor(options: UsersOptions) {
    this.#options = options;
    const inOrder = [...options.kept].sort((a, b) => a.createdAt.localeCompare(b.createdAt));
    for (const user of inOrder) this.#hold(user);
  }

  /** In order of their creation. */
  get all(): readonly User[] {
    return [...this.#byId.values()];
  }

  /** Users whose passwords belong to another realm, so that none of them can log in. */
  get strandedCount(): number {
    return this.all.filter(({ realm }) => realm !== this.#options.realm).length;
  }

  find(id: string): User | undefined {
    return this.#byId.get(id);
  }

  has(username: string): boolean {
    return this.#byName.has(username);
  }

  /** What is kept of the password of a user who can log in. */
  ha1(username: string): Ha1 | undefined {
    const user = this.#byName.get(username);
    return user?.realm === this.#options.realm ? user.ha1 : undefined;
  }

  /** Takes the name asked for, or that name and digits when somebody has it. Undefined: there are as many as may be. */
  create(asked: NewUser): User | undefined {
    const { max, realm, now, randomDigits, shelf } = this.#options;
    if (this.#byId.size >= max) return undefined;
    let { username } = asked;
    while (this.#byName.has(username)) username = `${asked.username}${randomDigits(SUFFIX_DIGITS)}`;
    let id = randomDigits(ID_DIGITS);
    while (this.#byId.has(id)) id = randomDigits(ID_DIGITS);
    const user: User = {
      id,
      username,
      alias: asked.alias,
      appId: asked.appId,
      realm,
      ha1: ha1Of(username, realm, asked.password),
      createdAt: now().toISOString(),
    };
    this.#hold(user);
    shelf.put(id, user);
    return user;
  }

  change(user: User, { password, alias = user.alias, appId = user.appId }: UserChange): User {
    const { realm, shelf } = this.#options;
    const secret = password === undefined ? {} : { realm, ha1: ha1Of(user.username, realm, password) };
    const changed: User = { ...user, alias, appId, ...secret };
    this.#hold(changed);
    shelf.put(user.id, changed);
    return changed;
  }

  delete(user: User): void {
    this.#byId.delete(user.id);
    this.#byName.delete(user.username);
    this.#options.shelf.delete(user.id);
  }

  #hold(user: User): void {
    this.#byId.set(user.id, user);
    this.#byName.set(user.username, user);
  }
}
