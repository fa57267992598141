import { z } from 'zod';
import type { Clock } from '../../media/time/clock.ts';
import { readAddresses } from './address.ts';
import type { Flow } from './flow.ts';
import type { NameAddress } from './message.ts';

/** One phone of a user, as calls to it need it. */
export interface Contact {
  /** The Request-URI of calls to it. */
  readonly uri: string;
  /** Where it registered from, and so where calls to it go, whatever its URI says: that works through NAT. */
  readonly flow: Flow;
  /** Route headers of calls to it: the proxies that its REGISTER came by (RFC 3327). */
  readonly routes: readonly NameAddress[];
  readonly userAgent: string;
  readonly expiresAt: Date;
}

/** What a REGISTER says of one contact. */
export interface Binding {
  readonly uri: string;
  /** Seconds from now; 0 takes it away. */
  readonly expires: number;
}

/** What all contacts of a REGISTER share. */
export interface BindingSource {
  readonly flow: Flow;
  readonly callId: string;
  readonly cseq: number;
  /** The Path header as it came. */
  readonly path: string;
  readonly userAgent: string;
}

const keptContact = z.object({
  uri: z.string(),
  address: z.string(),
  port: z.number(),
  path: z.string(),
  userAgent: z.string(),
  callId: z.string(),
  cseq: z.number(),
  expiresAt: z.string(),
});

/** A user's contacts as they are kept on disk: those by UDP, since a connection does not outlive the server. */
export const keptContactsSchema = z.array(keptContact);

export type KeptContacts = z.infer<typeof keptContactsSchema>;

/** Where contacts survive a restart, by username. */
export interface ContactShelf {
  put(username: string, contacts: KeptContacts): unknown;
  delete(username: string): unknown;
}

export interface ContactsOptions {
  readonly clock: Clock;
  /** The time of day, for what is kept and shown. */
  readonly now: () => Date;
  readonly shelf: ContactShelf;
  readonly maxPerUser: number;
  readonly maxRoutes: number;
  readonly displaced?: () => void;
}

/** Seconds: above, a phone that is gone would be called for too long. */
export const MAX_EXPIRES = 3600;

interface Entry extends Contact {
  readonly key: string;
  readonly callId: string;
  readonly cseq: number;
  readonly path: string;
  /** Lets go of everything that was held for it. */
  readonly end: () => void;
}

/** Which phones are registered, and until when. */
export class Contacts {
  readonly #options: ContactsOptions;
  /** The oldest first. */
  readonly #users = new Map<string, Entry[]>();
  /** How many contacts each far end has. */
  readonly #flows = new Map<string, number>();

  constructor(options: ContactsOptions) {
    this.#options = options;
  }

  get size(): number {
    let size = 0;
    for (const entries of this.#users.values()) size += entries.length;
    return size;
  }

  /** The phones of a user that can be called now, the last registered first. */
  of(username: string): readonly Contact[] {
    return (this.#users.get(username) ?? []).toReversed();
  }

  /** Whether a phone that is registered is at the other end. */
  isRegistered(flow: Flow): boolean {
    return this.#flows.has(flowKey(flow));
  }

  /** True when the request is older than one that was heard, or a copy of it (RFC 3261 section 10.3). */
  isOutOfOrder(username: string, uris: readonly string[] | 'all', { callId, cseq }: BindingSource): boolean {
    return (this.#users.get(username) ?? []).some(
      (entry) =>
        (uris === 'all' || uris.some((uri) => contactKey(uri) === entry.key)) &&
        entry.callId === callId &&
        entry.cseq >= cseq,
    );
  }

  /** Adds, renews and takes away contacts of one user. */
  bind(username: string, bindings: readonly Binding[], source: BindingSource): void {
    for (const { uri, expires } of bindings) {
      const key = contactKey(uri);
      this.#remove(username, (entry) => entry.key === key);
      if (expires > 0) this.#add(username, uri, expires * 1000, source);
    }
    this.#keep(username);
  }

  /** Forgets every phone of a user. */
  clear(username: string): void {
    this.#remove(username, () => true);
    this.#keep(username);
  }

  /** Takes back what was kept by an earlier process; `flowTo` reaches a phone by UDP. */
  restore(username: string, kept: KeptContacts, flowTo: (address: string, port: number) => Flow): void {
    for (const contact of kept) {
      const leftMs = Date.parse(contact.expiresAt) - this.#options.now().getTime();
      if (!(leftMs > 0)) continue;
      // A clock that was set back makes nobody stay for longer.
      const forMs = Math.min(leftMs, MAX_EXPIRES * 1000);
      const { callId, cseq, path, userAgent } = contact;
      const flow = flowTo(contact.address, contact.port);
      this.#add(username, contact.uri, forMs, { flow, callId, cseq, path, userAgent });
    }
    this.#keep(username);
  }

  /** Lets go of all phones; what is kept of them stays. */
  close(): void {
    for (const entries of this.#users.values()) for (const entry of entries) entry.end();
    this.#users.clear();
    this.#flows.clear();
  }

  #add(username: string, uri: string, forMs: number, source: BindingSource): void {
    const { clock, now, maxPerUser, maxRoutes, displaced } = this.#options;
    const entries = this.#users.get(username) ?? [];
    if (entries.length >= maxPerUser) {
      const oldest = entries[0];
      this.#remove(username, (entry) => entry === oldest);
      displaced?.();
    }
    const { flow, path, callId, cseq, userAgent } = source;
    const leave = (): void => {
      this.#remove(username, (other) => other === entry);
      this.#keep(username);
    };
    const ends = [flow.hold(), flow.onClose(leave), clock.setTimeout(leave, forMs)];
    const entry: Entry = {
      key: contactKey(uri),
      uri,
      flow,
      routes: path === '' ? [] : (readAddresses(path, maxRoutes) ?? []),
      path,
      callId,
      cseq,
      userAgent,
      expiresAt: new Date(now().getTime() + forMs),
      end: () => {
        for (const end of ends) end();
      },
    };
    const kept = this.#users.get(username);
    if (kept) kept.push(entry);
    else this.#users.set(username, [entry]);
    const far = flowKey(flow);
    this.#flows.set(far, (this.#flows.get(far) ?? 0) + 1);
  }

  #remove(username: string, isMeant: (entry: Entry) => boolean): void {
    const entries = this.#users.get(username) ?? [];
    const left = entries.filter((entry) => {
      if (!isMeant(entry)) return true;
      entry.end();
      const far = flowKey(entry.flow);
      const others = (this.#flows.get(far) ?? 0) - 1;
      if (others > 0) this.#flows.set(far, others);
      else this.#flows.delete(far);
      return false;
    });
    if (left.length > 0) this.#users.set(username, left);
    else this.#users.delete(username);
  }

  #keep(username: string): void {
    const lasting = (this.#users.get(username) ?? []).filter(({ flow }) => !flow.reliable);
    if (lasting.length === 0) this.#options.shelf.delete(username);
    else {
      const rows = lasting.map(({ uri, flow, path, userAgent, callId, cseq, expiresAt }) => {
        const { address, port } = flow;
        return { uri, address, port, path, userAgent, callId, cseq, expiresAt: expiresAt.toISOString() };
      });
      this.#options.shelf.put(username, rows);
    }
  }
}

function flowKey({ transport, address, port }: Flow): string {
  return `${transport} ${address} ${port}`;
}

/** The same for two ways of writing one contact: what phones vary is the case of the scheme and host. */
function contactKey(uri: string): string {
  const at = uri.indexOf('@');
  const [place = '', ...rest] = uri.slice(at + 1).split(';');
  const transport = rest.find((part) => part.toLowerCase().startsWith('transport='))?.toLowerCase() ?? '';
  const user = at < 0 ? '' : uri.slice(uri.indexOf(':') + 1, at);
  return `${user} ${place.toLowerCase().replace(/^sips?:/, '')} ${transport}`;
}
