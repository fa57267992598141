import { readAddresses } from './address.ts';
import { type Binding, type BindingSource, type Contact, type Contacts, MAX_EXPIRES } from './contacts.ts';
import type { Flow } from './flow.ts';
import type { SipLimits } from './limits.ts';
import type { SipLog } from './log.ts';
import { optionTags, readable, type SipRequest } from './message.ts';
import type { RegisterResult, SipObserver } from './observer.ts';
import type { ResponseParts } from './stack.ts';
import { readNumber } from './text.ts';
import { percentDecode, readUri } from './uri.ts';

export interface RegistrarDeps {
  readonly contacts: Contacts;
  readonly isUser: (username: string) => boolean;
  readonly limits: Pick<SipLimits, 'routes'>;
  readonly observer: Pick<SipObserver, 'registration'>;
  readonly log: SipLog;
  /** The time of day. */
  readonly now: () => Date;
}

/** Seconds. Below, phones would ask more often than they are called. */
export const MIN_EXPIRES = 60;

const MAX_CONTACT_LENGTH = 256;
const MAX_PATH_LENGTH = 1024;
const MAX_AGENT_LENGTH = 128;
/** 2^32 - 1, the most that a delta-seconds may be (RFC 3261 section 25.1). */
const MAX_DELTA = 2 ** 32 - 1;

type Asked =
  | { readonly kind: 'show' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'bind'; readonly bindings: readonly Binding[] }
  | { readonly kind: 'refused'; readonly refusal: ResponseParts };

/** Answers REGISTER (RFC 3261 section 10.3, Path as RFC 3327). Who asks was looked at before. */
export class Registrar {
  readonly #deps: RegistrarDeps;

  constructor(deps: RegistrarDeps) {
    this.#deps = deps;
  }

  /** `user`: whose password the request came with; undefined for one from an address that is trusted. */
  register(request: SipRequest, flow: Flow, user: string | undefined): ResponseParts {
    const username = usernameOf(request.to.uri);
    if (username === undefined) return this.#refuse(400, 'Bad Request: To');
    // Nobody takes calls of somebody else; and who is told that a name is unknown knew a password.
    if (user !== undefined && user !== username) return this.#refuse(403, 'Forbidden');
    if (!this.#deps.isUser(username)) return this.#refuse(404, 'Not Found');
    const path = request.headers.get('path') ?? '';
    if (path.length > MAX_PATH_LENGTH || (path !== '' && !readAddresses(path, this.#deps.limits.routes)))
      return this.#refuse(400, 'Bad Request: Path');
    const asked = readAsked(request, flow);
    if (asked.kind === 'refused')
      return this.#refuse(asked.refusal.status, asked.refusal.reason, asked.refusal.headers);

    const { contacts, log } = this.#deps;
    const source: BindingSource = {
      flow,
      callId: request.callId,
      cseq: request.cseq.number,
      path,
      userAgent: readable(request.headers.get('user-agent') ?? '').slice(0, MAX_AGENT_LENGTH),
    };
    if (asked.kind === 'show') return this.#answer(request, contacts.of(username), 'asked');
    const meant = asked.kind === 'clear' ? 'all' : asked.bindings.map(({ uri }) => uri);
    if (contacts.isOutOfOrder(username, meant, source)) return this.#refuse(500, 'Out Of Order');
    const before = contacts.of(username).length;
    if (asked.kind === 'clear') contacts.clear(username);
    else contacts.bind(username, asked.bindings, source);
    const now = contacts.of(username);
    const isRemoval = asked.kind === 'clear' || asked.bindings.every(({ expires }) => expires === 0);
    // Phones renew all day long; what comes and goes is worth a line.
    if (now.length !== before)
      log.info({ user: username, from: flow.address, phones: now.length }, 'phones registered');
    return this.#answer(request, now, isRemoval ? 'removed' : 'registered');
  }

  #answer(request: SipRequest, contacts: readonly Contact[], result: RegisterResult): ResponseParts {
    this.#deps.observer.registration(result);
    const now = this.#deps.now();
    const lines = contacts.map(({ uri, expiresAt }) => {
      const seconds = Math.max(1, Math.ceil((expiresAt.getTime() - now.getTime()) / 1000));
      return `<${uri}>;expires=${seconds}`;
    });
    const path = request.headers.get('path');
    const showsPath = path !== undefined && optionTags(request, 'supported').includes('path');
    return {
      status: 200,
      reason: 'OK',
      headers: { ...(lines.length > 0 ? { contact: lines } : {}), ...(showsPath ? { path } : {}) },
    };
  }

  #refuse(status: number, reason: string, headers: ResponseParts['headers'] = {}): ResponseParts {
    this.#deps.observer.registration('refused');
    return { status, reason, headers };
  }
}

function usernameOf(uri: string): string | undefined {
  const read = readUri(uri);
  return read.ok && read.uri.user !== undefined ? percentDecode(read.uri.user) : undefined;
}

function readAsked(request: SipRequest, flow: Flow): Asked {
  const { contacts } = request;
  if (contacts.length === 0) return { kind: 'show' };
  const general = secondsOf(request.headers.get('expires')) ?? MAX_EXPIRES;
  if (contacts.some(({ uri }) => uri === '*')) {
    if (contacts.length > 1 || secondsOf(request.headers.get('expires')) !== 0) return refused('Contact: *');
    return { kind: 'clear' };
  }
  const bindings: Binding[] = [];
  for (const { uri, params } of contacts) {
    const read = readUri(uri);
    const isOpen = read.ok && read.uri.scheme === 'sips' && flow.transport !== 'TLS';
    if (!read.ok || isOpen || uri.length > MAX_CONTACT_LENGTH) return refused('Contact');
    const asked = secondsOf(params.get('expires') ?? undefined) ?? general;
    if (asked > 0 && asked < MIN_EXPIRES) {
      const headers = { 'min-expires': String(MIN_EXPIRES) };
      return { kind: 'refused', refusal: { status: 423, reason: 'Interval Too Brief', headers } };
    }
    bindings.push({ uri, expires: Math.min(asked, MAX_EXPIRES) });
  }
  return { kind: 'bind', bindings };
}

function refused(what: string): Asked {
  return { kind: 'refused', refusal: { status: 400, reason: `Bad Request: ${what}` } };
}

/** What is no number counts as not given (RFC 3261 section 20.19). */
function secondsOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : readNumber(text, MAX_DELTA);
}
