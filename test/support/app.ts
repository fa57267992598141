import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSource, parseFetchAllow, sourcePolicy, systemResolve } from '../../media/clip/index.ts';
import { OPEN_FLOOR } from '../../media/conference/floor.ts';
import type { SpeechEngine } from '../../media/speech/index.ts';
import { systemClock } from '../../media/time/clock.ts';
import type { Resource } from '../../server/api/resource.ts';
import type { Readiness } from '../../server/api/status.ts';
import { type AppDeps, apiResources, createApp } from '../../server/app.ts';
import { BasicAuth } from '../../server/auth.ts';
import { startCallStreams } from '../../server/call-streams/index.ts';
import { Call, Calls } from '../../server/calls/index.ts';
import { ClipCatalog } from '../../server/clips/catalog.ts';
import { type Config, parseConfig } from '../../server/config.ts';
import { createDialler, type Dialler, type RegisteredPhone } from '../../server/dial/index.ts';
import { History } from '../../server/history/index.ts';
import { createLog } from '../../server/log.ts';
import { Metrics } from '../../server/metrics/metrics.ts';
import {
  Directory,
  type JoinTerms,
  type Member,
  type Mpc,
  type PlayNews,
  Plays,
  plainTerms,
  type Role,
} from '../../server/mpc/index.ts';
import { Folder } from '../../server/recordings/folder.ts';
import { recordingRows } from '../../server/recordings/recording-row.ts';
import { type RecordingNews, Recordings } from '../../server/recordings/recordings.ts';
import { Contacts } from '../../server/sip/index.ts';
import type { CallOrder, OutgoingCall } from '../../server/sip/outgoing-call.ts';
import { Speaker } from '../../server/speak/index.ts';
import { Users } from '../../server/users/index.ts';
import { ClipStoreDouble } from './clip-store-double.ts';
import { DiskDouble } from './disk-double.ts';
import { EngineDouble } from './engine-double.ts';
import { HandClock } from './hand-clock.ts';
import { storeOn } from './store.ts';

export interface AppAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what the wire carries.
  readonly body: any;
  readonly text: string;
  readonly headers: Headers;
}

/** Takes every text in two languages, and says nothing. */
const MUTE: SpeechEngine = {
  name: 'mute 1',
  languages: [
    { tag: 'en-us', name: 'English (America)', also: new Map([['en', 3]]) },
    { tag: 'de', name: 'German', also: new Map() },
  ],
  synthesize: async function* () {},
};

const NOTHING_DROPPED = { slow_reader: 0, playback_full: 0 };

/** The app on a port of its own, over an engine without sound, on a clock that the test moves. */
export class AppUnderTest {
  readonly account = { authId: 'MAUNITTESTUNITTESTUN', authToken: 'unit-test-token' };
  readonly engine = new EngineDouble();
  readonly metrics = new Metrics();
  readonly resources: readonly Resource[];
  readonly directory: Directory;
  readonly history: History;
  readonly calls: Calls;
  readonly dialler: Dialler;
  /** The calls that were made, as SIP is told. */
  readonly dialled: CallOrder[] = [];
  /** Those of alice that are registered, the newest first. */
  phones: readonly RegisteredPhone[] = [];
  /** Names of events that the status callback was told by who calls people. */
  readonly statusTold: string[] = [];
  /** Callbacks about calls. */
  readonly told: ReadonlyMap<string, string>[] = [];
  readonly plays: Plays;
  readonly news: PlayNews[] = [];
  /** What callbacks carry, with where they go. */
  readonly calledBack: Readonly<Record<string, string>>[] = [];
  readonly recordings: Recordings;
  readonly recordingNews: RecordingNews[] = [];
  readonly dataDir = mkdtempSync(join(tmpdir(), 'partyline-unit-'));
  readonly clips = new ClipStoreDouble();
  readonly speaker: Speaker;
  readonly clock = new HandClock();
  readonly users = new Users({
    kept: [],
    shelf: { put: () => {}, delete: () => {} },
    realm: 'example.com',
    max: 3,
    now: () => this.date,
    randomDigits: (count) => String(++this.#digits).padStart(count, '0'),
  });
  readonly contacts = new Contacts({
    clock: this.clock,
    now: () => this.date,
    shelf: { put: () => {}, delete: () => {} },
    maxPerUser: 3,
    maxRoutes: 5,
  });
  readonly callStreams: ReturnType<typeof startCallStreams>;
  /** What streams of calls told. */
  readonly streamNews: Readonly<Record<string, string>>[] = [];
  readonly hungUp: string[] = [];
  /** Calls handed to an app, with its URL. */
  readonly transfers: string[] = [];
  readonly logged: string[] = [];
  readonly #log = createLog({ level: 'trace', pretty: false }, { write: (line) => this.logged.push(line) });
  readonly tokensFor: string[] = [];
  /** The terms each token came with. */
  readonly tokenTerms: (JoinTerms | undefined)[] = [];
  readiness: Readiness = { ready: true };
  nowMs = 1_000_000;
  date = new Date('2026-03-04T05:06:07.890Z');
  #uuids = 0;
  #digits = 0;
  readonly #deps: AppDeps;
  readonly #server: Server = createServer();

  constructor(env: Readonly<Record<string, string>> = {}, speech: SpeechEngine | null = MUTE) {
    const config = configOf(env);
    this.speaker = new Speaker(speech ?? undefined);
    this.directory = new Directory({
      engine: this.engine,
      limits: {
        maxMembers: config.members.max,
        maxMembersPerMpc: config.members.maxPerMpc,
        exitedKept: 3,
      },
      sound: () => ({ sampleRate: 8000, floor: OPEN_FLOOR }),
      now: () => this.date,
      newUuid: () => this.#uuid('d'),
    });
    this.calls = new Calls({
      engine: this.engine,
      directory: this.directory,
      roomSound: { sampleRate: 8000, floor: OPEN_FLOOR },
      maxCalls: config.members.max,
      now: () => this.date,
      newUuid: () => this.#uuid('c'),
    });
    this.dialler = createDialler({
      config,
      calls: this.calls,
      directory: this.directory,
      engine: this.engine,
      clock: this.clock,
      callbacks: { add: (_conference, _target, fields) => this.told.push(fields) },
      dial: (order) => {
        this.dialled.push(order);
        return { hangUp: (reason: string) => this.hungUp.push(reason) } as unknown as OutgoingCall;
      },
      score: async (source) => [source.url.href],
      tellStatus: ({ event }) => this.statusTold.push(event),
      users: { has: (user) => user === 'alice', phonesOf: () => this.phones, hosts: ['partyline.test'] },
      log: this.#log,
      observer: this.metrics,
      now: () => this.date,
      newUuid: () => this.#uuid('e'),
    });
    const allow = parseFetchAllow('127.0.0.1:9000');
    const policy = sourcePolicy({ allow: allow.ok ? allow.allow : [] });
    this.callStreams = startCallStreams({
      engine: this.engine,
      calls: {
        find: (uuid) => {
          const found = this.directory.findCall(uuid);
          if (!found) return undefined;
          const setup = { kind: 'sip', direction: 'inbound', from: 'somebody', to: 'm', hangUp: () => {} } as const;
          const call = new Call(uuid, setup, this.date);
          call.leg = found.member.leg;
          return call;
        },
        subscribe: () => () => {},
      },
      callbacks: { add: (_key, _target, fields) => this.streamNews.push(Object.fromEntries(fields)) },
      clock: systemClock,
      accountId: this.account.authId,
      now: () => this.date,
      newUuid: () => this.#uuid('e'),
      log: this.#log,
      dial: {
        policy,
        resolve: systemResolve,
        clock: systemClock,
        authToken: this.account.authToken,
        newNonce: () => 'nonce',
        maxMessageBytes: 65_536,
        connectMs: 2000,
      },
    });
    this.plays = new Plays({
      engine: this.engine,
      kept: config.plays.kept,
      now: () => this.date,
      onNews: (news) => this.news.push(news),
    });
    this.directory.subscribe((event) => {
      if (event.type === 'member-joined') this.plays.memberJoined(event.mpc);
    });
    const { store } = storeOn(new DiskDouble());
    this.history = new History({
      store,
      limits: { keptMs: config.history.keptMs, maxMpcs: 3, maxCalls: 3 },
      clock: new HandClock(),
      now: () => this.date,
      log: this.#log,
    });
    this.history.follow(this.directory, this.calls);
    this.recordings = new Recordings({
      engine: this.engine,
      folder: new Folder({ path: join(this.dataDir, 'recordings'), encoder: 'none in unit tests' }),
      rows: recordingRows(store),
      clock: this.clock,
      base: () => 'http://here',
      limits: config.recordings,
      findCall: (uuid) => this.calls.find(uuid),
      now: () => this.date,
      newUuid: () => this.#uuid('e'),
      onNews: (news) => this.recordingNews.push(news),
      observer: this.metrics.recordingObserver({ info: () => {}, warn: () => {} }),
      log: this.#log,
    });
    this.metrics.watch({
      engine: () => this.engine.snapshot(),
      conferences: () => this.directory.live.length,
      members: () => this.directory.countByKind(),
      draining: () => this.directory.draining,
      streams: () => ({ open: 0, accepted: 0, refused: {}, closed: {}, dropped: NOTHING_DROPPED, wrongMessages: 0 }),
      callStreams: () => this.callStreams.streams.stats(),
      callbackQueueDepth: () => 0,
      storePending: () => 0,
      sipUsers: () => this.users.all.length,
      sipContacts: () => this.contacts.size,
      recordings: () => this.recordings,
      hasDecoder: () => true,
      certificateExpiry: () => undefined,
    });
    const deps: AppDeps = {
      authId: this.account.authId,
      auth: new BasicAuth({
        account: this.account,
        failuresPerMinute: config.api.authFailuresPerMinute,
        nowMs: () => this.nowMs,
      }),
      limits: config.api,
      secure: false,
      directory: this.directory,
      history: this.history,
      calls: this.calls,
      dialler: this.dialler,
      apps: { run: (call, target) => this.transfers.push(`${call.uuid} ${target.method} ${target.url.href}`) },
      plays: this.plays,
      callbacks: {
        add: (_conference, { url, method }, fields) =>
          this.calledBack.push({ url: url.href, method, ...Object.fromEntries(fields) }),
      },
      users: this.users,
      contacts: this.contacts,
      recordings: this.recordings,
      clips: new ClipCatalog({ store: this.clips, sampleRate: 8000, log: this.#log }),
      speaker: this.speaker,
      callStreams: this.callStreams.streams,
      findCall: this.callStreams.findCall,
      checkUrl: (url) => checkSource(url, policy),
      tokens: {
        seconds: 60,
        issue: (ref, terms) => {
          this.tokenTerms.push(terms);
          this.tokensFor.push(ref.by === 'name' ? ref.name : ref.uuid);
          return this.tokensFor.length > 3 ? undefined : 'a-token';
        },
      },
      metrics: this.metrics,
      readiness: () => this.readiness,
      log: this.#log,
      nowMs: () => this.nowMs,
      now: () => this.date,
      newUuid: randomUUID,
    };
    this.resources = apiResources(deps);
    this.#deps = deps;
  }

  async listen(): Promise<this> {
    this.#server.on('request', createApp(this.#deps));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get authorization(): string {
    return `Basic ${Buffer.from(`${this.account.authId}:${this.account.authToken}`).toString('base64')}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Somebody joins, under the terms of whoever just dials in unless there are others; she stays until she is told to go. */
  async join(mpcName: string, as: Role | JoinTerms = 'customer'): Promise<{ mpc: Mpc; member: Member }> {
    const joined = await this.directory.join({
      mpcName,
      terms: typeof as === 'string' ? plainTerms(as) : as,
      kind: 'sip',
      address: 'sip:somebody@example.com',
      openLeg: (conference, onEvent) => this.engine.openRtpLeg(conference, {}, onEvent),
      hangUp: (cause) => this.hungUp.push(cause),
    });
    if (!joined.ok) throw new Error(joined.reason);
    return joined;
  }

  /** A request to the account, as JSON; `path` follows `/v1/Account/{auth_id}`. */
  api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<AppAnswer> {
    return this.raw(method, `/v1/Account/${this.account.authId}${path}`, {
      headers: {
        authorization: this.authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async raw(method: string, path: string, init: RequestInit = {}): Promise<AppAnswer> {
    const response = await fetch(`${this.url}${path}`, { method, ...init });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    return { status: response.status, body: isJson ? JSON.parse(text) : undefined, text, headers: response.headers };
  }

  /** UUIDs that tests can predict: `dddddddd-0000-4000-8000-000000000001` is the first. */
  #uuid(letter: string): string {
    this.#uuids += 1;
    return `${letter.repeat(8)}-0000-4000-8000-${String(this.#uuids).padStart(12, '0')}`;
  }
}

function configOf(env: Readonly<Record<string, string>>): Config {
  const parsed = parseConfig(env, { cores: 2, interfaces: {} });
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.config;
}
