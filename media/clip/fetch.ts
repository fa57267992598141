import { Client, type Dispatcher, errors } from 'undici';
import type { Clock } from '../time/clock.ts';
import { guardedConnector, type Resolve } from './connector.ts';
import {
  type Broken,
  brokenBy,
  type Failed,
  failed,
  nextHop,
  type ResponseHeaders,
  refusalOf,
} from './fetch-outcome.ts';
import type { ClipLimits } from './limits.ts';
import { checkSource, type SourcePolicy } from './policy.ts';
import type { Slot, Slots } from './slots.ts';

/** What lets a source say "unchanged", and for which URL it said so. */
export interface Validators {
  readonly finalUrl: string;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

export interface FetchOptions {
  readonly policy: SourcePolicy;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly limits: ClipLimits;
  readonly slots: Slots;
  readonly ca?: string | undefined;
}

export type Fetched =
  | { readonly status: 'ok'; readonly finalUrl: string; readonly headers: ResponseHeaders }
  | { readonly status: 'not_modified'; readonly finalUrl: string; readonly headers: ResponseHeaders }
  | { readonly status: 'cancelled' }
  | Failed;

export type BodyPart =
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  /** `cutShort`: the connection ended before the body did. */
  | { readonly type: 'end'; readonly cutShort: boolean }
  | { readonly type: 'cancelled' }
  | ({ readonly type: 'failed' } & Omit<Failed, 'status'>);

/** Where a clip's file comes from: `open` says what there is, `read` gives it piece by piece, `close` ends it any time. */
export interface FileSource {
  /** Bytes of the file so far. */
  readonly receivedBytes: number;
  /** Seconds since the first connect; undefined before, and for what needs no connection. */
  readonly seconds: number | undefined;
  open(url: URL): Promise<Fetched>;
  /** After `end`, `failed` or `cancelled` there is none. */
  read(): Promise<BodyPart>;
  /** Idempotent. */
  close(): void;
}

type Answer = Dispatcher.ResponseData;

const CUT_SHORT: BodyPart = { type: 'end', cutShort: true };

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const RETRIED: ReadonlySet<number> = new Set([502, 503, 504]);
const RETRY_AFTER_MS = 200;
const MAX_HEADER_BYTES = 16 * 1024;
const HAPPY_EYEBALLS_ATTEMPTS = 3;

/** All a source ever learns about us; nothing of our callers is passed on. */
const REQUEST_HEADERS = {
  'user-agent': 'partyline',
  accept: 'audio/mpeg, audio/wav, audio/*;q=0.8, */*;q=0.1',
  'accept-encoding': 'identity',
};

/**
 * One guarded download: `open` follows redirects to the answer, `read` takes the body piece by piece, `close` ends it
 * at any time. Every hop passes the same checks and has a connection of its own. Nothing here throws for what a source
 * does.
 */
export class SourceFetch implements FileSource {
  private readonly options: FetchOptions;
  private readonly controller = new AbortController();
  private readonly validators: Validators | undefined;
  private startedAt: number | undefined;
  private stopTotal: (() => void) | undefined;
  private stopStage: (() => void) | undefined;
  /** Why `controller` fired, when it was one of our own limits. */
  private verdict: Failed | undefined;
  private client: Client | undefined;
  private slot: Slot | undefined;
  private body: AsyncIterator<Uint8Array> | undefined;
  private first: BodyPart | undefined;
  private declaredBytes: number | undefined;
  private bytes = 0;
  private retriesLeft = 1;

  constructor(options: FetchOptions, validators?: Validators) {
    this.options = options;
    this.validators = validators;
  }

  /** Body bytes received. */
  get receivedBytes(): number {
    return this.bytes;
  }

  /** Seconds since the first connect; undefined before. */
  get seconds(): number | undefined {
    return this.startedAt === undefined ? undefined : (this.options.clock.now() - this.startedAt) / 1000;
  }

  /** Resolves with the final answer, its body not yet read. */
  async open(source: URL): Promise<Fetched> {
    let text = source.href;
    for (let hop = 0; hop <= this.options.limits.redirects; hop++) {
      const checked = checkSource(text, this.options.policy);
      if (!checked.ok) return this.finish(failed('refused_address', checked.message));
      const answer = await this.answerOf(checked.url);
      if ('status' in answer) return this.finish(answer);
      if (!REDIRECTS.has(answer.statusCode)) return this.accept(checked.url, answer);
      const next = nextHop(checked.url, answer.headers.location);
      if (typeof next !== 'string') return this.finish(next);
      text = next;
      this.disconnect();
    }
    return this.finish(failed('redirects', `more than ${this.options.limits.redirects} redirects`));
  }

  /** The next piece of the body; after `end`, `failed` or `cancelled` there is none. */
  async read(): Promise<BodyPart> {
    const peeked = this.first;
    this.first = undefined;
    return peeked ?? this.readSocket();
  }

  /** Cancels what is under way and gives everything back. Idempotent. */
  close(): void {
    this.disconnect();
    this.stopTotal?.();
    this.controller.abort();
  }

  private async answerOf(url: URL): Promise<Answer | Exclude<Fetched, { status: 'ok' | 'not_modified' }>> {
    for (;;) {
      const slot = await this.options.slots.enter(url.host, this.controller.signal);
      if (slot === 'busy') return failed('busy', 'too many fetches are waiting');
      if (slot === 'aborted') return this.verdict ?? { status: 'cancelled' };
      this.slot = slot;
      this.startTotal();
      const answer = await this.request(url);
      if (!('retry' in answer)) return answer;
      if (this.controller.signal.aborted) return this.verdict ?? { status: 'cancelled' };
      if (!answer.retry || this.retriesLeft === 0) return answer.failure;
      this.retriesLeft--;
      this.disconnect();
      await this.pause(RETRY_AFTER_MS);
    }
  }

  /** One exchange on one connection, up to and including the first piece of the body. */
  private async request(url: URL): Promise<Answer | Broken> {
    const { policy, resolve, ca, limits } = this.options;
    const connect = guardedConnector(url, {
      policy,
      resolve,
      ca,
      signal: this.controller.signal,
      attemptMs: Math.ceil(limits.connectMs / HAPPY_EYEBALLS_ATTEMPTS),
      onConnected: () => this.startStage('answer', limits.firstByteMs),
    });
    // Our own deadlines are finer than undici's, whose timers tick once a second.
    const off = { headersTimeout: 0, bodyTimeout: 0, connectTimeout: 0 };
    const sizes = { maxHeaderSize: MAX_HEADER_BYTES, maxResponseSize: limits.downloadBytes };
    this.client = new Client(url.origin, { ...off, ...sizes, connect });
    this.startStage('connection', limits.connectMs);
    try {
      const answer = await this.client.request({
        method: 'GET',
        path: url.pathname + url.search,
        headers: { ...REQUEST_HEADERS, ...this.conditions(url) },
        signal: this.controller.signal,
        reset: true,
        // undici throws outside of any promise when a connection ends while its reader is this far behind; with the
        // limit above, nobody can fall so far behind.
        highWaterMark: limits.downloadBytes + 1,
      });
      this.stopStage?.();
      // An unread body may still report an error when its connection is closed; nobody is interested then.
      answer.body.on('error', () => {});
      if (RETRIED.has(answer.statusCode)) {
        return { retry: true, failure: failed('http_status', `the source answered ${answer.statusCode}`) };
      }
      if (answer.statusCode !== 200) return answer;
      this.body = answer.body[Symbol.asyncIterator]();
      this.declaredBytes = lengthOf(answer.headers['content-length']);
      // A connection that breaks before the first byte may be tried again: nobody has heard anything yet.
      this.first = this.tooLong(this.declaredBytes) ?? (await this.readSocket());
      if (this.first.type === 'end' && this.first.cutShort) {
        return { retry: true, failure: failed('unreachable', 'the connection broke before the first byte') };
      }
      return answer;
    } catch (error) {
      return brokenBy(error);
    }
  }

  private accept(url: URL, { statusCode, headers }: Answer): Fetched {
    const finalUrl = url.href;
    if (statusCode === 304 && this.validators?.finalUrl === finalUrl) {
      this.close();
      return { status: 'not_modified', finalUrl, headers };
    }
    if (statusCode !== 200) return this.finish(failed('http_status', `the source answered ${statusCode}`));
    const refusal = refusalOf(headers);
    if (refusal) return this.finish(refusal);
    return { status: 'ok', finalUrl, headers };
  }

  /** Validators go to the very URL they came from and nowhere else: elsewhere they would mean another file. */
  private conditions(url: URL): Record<string, string> {
    if (this.validators?.finalUrl !== url.href) return {};
    const { etag, lastModified } = this.validators;
    return {
      ...(etag === undefined ? {} : { 'if-none-match': etag }),
      ...(lastModified === undefined ? {} : { 'if-modified-since': lastModified }),
    };
  }

  private async readSocket(): Promise<BodyPart> {
    if (!this.body) return { type: 'end', cutShort: false };
    this.startStage('more data', this.options.limits.idleMs);
    try {
      const next = await this.body.next();
      if (next.done === true) return { type: 'end', cutShort: this.bytes < (this.declaredBytes ?? 0) };
      this.bytes += next.value.length;
      return this.tooLong(this.bytes) ?? { type: 'data', bytes: next.value };
    } catch (error) {
      if (this.verdict) return { ...this.verdict, type: 'failed' };
      if (this.controller.signal.aborted) return { type: 'cancelled' };
      return this.tooLong(error instanceof errors.ResponseExceededMaxSizeError ? Infinity : 0) ?? CUT_SHORT;
    } finally {
      this.stopStage?.();
    }
  }

  private tooLong(bytes: number | undefined): BodyPart | undefined {
    const limit = this.options.limits.downloadBytes;
    if (bytes === undefined || bytes <= limit) return undefined;
    return { ...failed('too_large', `more than ${limit} bytes`), type: 'failed' };
  }

  private startTotal(): void {
    if (this.startedAt !== undefined) return;
    this.startedAt = this.options.clock.now();
    const { totalMs } = this.options.limits;
    this.stopTotal = this.options.clock.setTimeout(
      () => this.expire(`the fetch took longer than ${totalMs} ms`),
      totalMs,
    );
  }

  private startStage(what: string, ms: number): void {
    this.stopStage?.();
    this.stopStage = this.options.clock.setTimeout(() => this.expire(`no ${what} within ${ms} ms`), ms);
  }

  private expire(detail: string): void {
    this.verdict ??= failed('timeout', detail);
    this.controller.abort();
    // A request that still waits for its connection does not hear the signal.
    this.destroyClient();
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.setTimeout(done, ms);
      const { signal } = this.controller;
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
  }

  private finish<T extends Fetched>(outcome: T): T {
    this.close();
    return outcome;
  }

  private disconnect(): void {
    this.stopStage?.();
    this.body = undefined;
    this.first = undefined;
    this.destroyClient();
    this.slot?.leave();
    this.slot = undefined;
  }

  private destroyClient(): void {
    // Destroying is all that is wanted; its promise only says when the socket is gone.
    this.client?.destroy(null).catch(() => {});
    this.client = undefined;
  }
}

function lengthOf(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
