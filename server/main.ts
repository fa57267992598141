import { randomInt, randomUUID } from 'node:crypto';
import { availableParallelism, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { collectDefaultMetrics } from 'prom-client';
import {
  builtInSounds,
  type ClipLimits,
  ClipStore,
  checkSource,
  chooseDecoder,
  type DecoderChoice,
  SOUND_SCHEME,
  type SourcePolicy,
  sourcePolicy,
  systemResolve,
} from '../media/clip/index.ts';
import { startEngine, systemClock } from '../media/index.ts';
import { recordingAddresses } from './api/present-recording.ts';
import { readinessOf } from './api/status.ts';
import { createApp } from './app.ts';
import { Apps, type AppXmlDeps } from './app-xml/index.ts';
import { BasicAuth } from './auth.ts';
import { banner, hostOf } from './banner.ts';
import { startCallStreams } from './call-streams/index.ts';
import {
  CallbackQueue,
  type CallbackTarget,
  callbackTarget,
  deliver,
  exchange,
  playCallbacks,
  StatusCallbacks,
  storedShelf,
} from './callbacks/index.ts';
import { Calls } from './calls/index.ts';
import { Certificate } from './certificate.ts';
import { ClientAddresses } from './client-address.ts';
import { ClipCatalog } from './clips/catalog.ts';
import { type Config, parseConfig } from './config.ts';
import { CredentialsError, loadAccount } from './credentials.ts';
import { createDialler, keptCallsMade } from './dial/index.ts';
import { History } from './history/index.ts';
import { closeHttpServer, createHttpServer, listen } from './http-server.ts';
import { createLog, type Logger } from './log.ts';
import { Metrics } from './metrics/metrics.ts';
import { MixerWatch } from './mixer-watch.ts';
import { Directory, keepDeadlines, Plays, relayDigits, type StatusTerms, soundUnder } from './mpc/index.ts';
import { startMusic } from './music/index.ts';
import { giveWayToMixers } from './priority.ts';
import { startRecordings } from './recordings/index.ts';
import { serveSampleSound } from './sample-sound.ts';
import { Shutdown } from './shutdown.ts';
import { Contacts, DEFAULT_LIMITS, keptContactsSchema, type SipServer, startSip } from './sip/index.ts';
import { SPEECH_SCHEME, startSpeaker } from './speak/index.ts';
import { StartError } from './start-error.ts';
import { openDisk, type Row, Store, type Table } from './store/index.ts';
import { Users, userRowSchema } from './users/index.ts';
import { attachStreams, DEFAULT_STREAM_LIMITS, StreamTokens, TOKEN_SECONDS } from './ws/index.ts';

/** 0 is an orderly end, 1 a bug or a loss, 2 something that the operator can put right. */
const EXIT = { failed: 1, misconfigured: 2 } as const;
/** How long the end of the server waits for receivers of the last callbacks. */
const CALLBACK_GRACE_MS = 2000;
/** All are held in memory. */
const MAX_USERS = 10_000;
/** How long it waits for the last mp3s; what is not made then is made at the next start. */
const RECORDING_GRACE_MS = 1500;
const SIP_NAMES = { host: 'SIP_HOST', port: 'SIP_PORT' } as const;

/** The only wiring: makes every part, hands each what it needs, and ends them in the opposite order. */
async function start(config: Config, log: Logger): Promise<Shutdown> {
  const loaded = loadAccount(config.dataDir, config.account);
  const { account } = loaded;
  if (account.authToken.length < 16) log.warn('AUTH_TOKEN is short enough to be guessed');
  if (config.redisUrl) log.warn('REDIS_URL is set, but this version serves one node: it is not used');

  const now = () => new Date();
  const certificate = config.tls && new Certificate(config.tls, log, now);
  const metrics = new Metrics();
  collectDefaultMetrics({ register: metrics.registry });
  const store = await Store.open({
    openDisk: () => openDisk(join(config.dataDir, 'store'), String(Date.now())),
    place: `DATA_DIR=${config.dataDir}`,
    clock: systemClock,
    observer: metrics.storeObserver(log),
  });
  const decoders = await chooseDecoder(config.decoder.ffmpegPath || undefined);
  for (const { origin, path, why } of decoders.refused) {
    if (origin === 'FFMPEG_PATH') log.warn({ path, why }, 'FFMPEG_PATH is not used');
    else log.debug({ origin, path, why }, 'ffmpeg not used');
  }

  const speaker = await startSpeaker({
    config: config.speech,
    clock: systemClock,
    log,
    onSpoken: (seconds) => metrics.spoken(seconds),
  });
  const sample = await serveSampleSound();
  const policy = sourcePolicy({
    allow: [...config.fetch.allow, ...sample.allow],
    ownPorts: [config.http.port, config.sip.port, ...(config.tls ? [config.tls.sipPort] : [])],
  });
  const clips = new ClipStore({
    policy,
    decoder: decoders.decoder,
    local: new Map([
      [SOUND_SCHEME, builtInSounds],
      [SPEECH_SCHEME, speaker.make],
    ]),
    observer: metrics.clipObserver(log),
    limits: clipLimits(config),
  });
  let shutdown: Shutdown | undefined;
  const mixers = new MixerWatch({
    nowMs: systemClock.now,
    log,
    onGivenUp: () => {
      if (shutdown) shutdown.giveUp('mixer threads keep dying');
      else process.exit(EXIT.failed);
    },
  });
  const engine = await startEngine({
    workers: config.media.workers,
    rtp: config.rtp,
    batchIo: config.media.batchUdp,
    clips,
    observer: {
      playStarted: (cache, seconds) => metrics.playStarted(cache, seconds),
      playEnded: (result, reason) => metrics.playEnded(result, reason),
      mixerDied: (worker, detail) => {
        metrics.mixerDied();
        mixers.died(worker, detail);
      },
    },
    limits: { playsPerMember: config.plays.perMember, playsPerNode: config.plays.perNode },
    fullLoad: config.media.fullLoad,
    noRtpWarnMs: config.rtp.noRtpWarnMs,
    noRtpHangupMs: config.rtp.noRtpHangupMs,
    clock: systemClock,
  });
  giveWayToMixers();
  const directory = new Directory({
    engine,
    limits: {
      maxMembers: config.members.max,
      maxMembersPerMpc: config.members.maxPerMpc,
    },
    sound: soundUnder(config.sound),
    now,
    newUuid: randomUUID,
  });
  const calls = new Calls({
    engine,
    directory,
    roomSound: { sampleRate: config.sound.sampleRate, floor: config.sound.floor },
    maxCalls: config.members.max,
    now,
    newUuid: randomUUID,
  });
  logMembers(directory, log);
  const stopDeadlines = keepDeadlines(directory, systemClock);
  const history = new History({ store, limits: config.history, clock: systemClock, now });
  const cutOff = await history.recover();
  history.follow(directory);
  const signed = {
    policy,
    resolve: systemResolve,
    clock: systemClock,
    authToken: account.authToken,
    newNonce: randomUUID,
  };
  const ask: AppXmlDeps['exchange'] = (target, fields, signal, maxBytes) =>
    exchange(target, fields, signed, signal, maxBytes);
  const checkUrl = (url: string) => checkSource(url, policy);
  const urlRules = { checkUrl, maxUrlLength: config.api.maxUrlLength };
  const callbacks = new CallbackQueue({
    attempt: (target, fields, signal) => deliver(target, fields, signed, signal),
    clock: systemClock,
    observer: metrics.callbackObserver(log),
    shelf: storedShelf(store),
  });
  await callbacks.restore();
  const status = new StatusCallbacks({ queue: callbacks, fallback: statusTerms(config, policy), now });
  for (const each of cutOff) status.tellCutOff(each);
  status.follow(directory);
  const answer = appTarget('ANSWER_URL', config.apps.answer, policy);
  const apps = new Apps({
    calls,
    engine,
    speaker,
    xml: { exchange: ask, rules: urlRules },
    answer,
    fallback: appTarget('FALLBACK_URL', config.apps.fallback, policy),
    hangup: appTarget('HANGUP_URL', config.apps.hangup, policy),
    tell: (call, target, fields) => callbacks.add(call, target, fields),
    clock: systemClock,
    newUuid: randomUUID,
    log,
  });
  const tellPlay = playCallbacks(callbacks);
  const plays = new Plays({
    engine,
    kept: config.plays.kept,
    now,
    onNews: (news) => {
      tellPlay(news);
      status.tellPlay(news);
    },
  });
  const callStreams = startCallStreams({
    engine,
    calls,
    callbacks,
    clock: systemClock,
    accountId: account.authId,
    now,
    newUuid: randomUUID,
    log,
    limits: config.ws,
    dial: {
      ...signed,
      maxMessageBytes: DEFAULT_STREAM_LIMITS.maxMessageBytes,
      connectMs: config.fetch.connectMs + config.fetch.firstByteMs,
    },
  });
  directory.subscribe((event) => {
    if (event.type === 'member-joined') plays.memberJoined(event.mpc);
  });

  const music = startMusic({
    directory,
    engine,
    ask,
    rules: {
      ...urlRules,
      say: (text, voice, language) => {
        const said = speaker.address(text, voice, language);
        return said.ok ? said.address : undefined;
      },
    },
    onTrouble: (url, detail) => log.warn({ url, detail }, 'no music comes from there'),
    nowMs: systemClock.now,
    newUuid: randomUUID,
  });
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
  const sipObserver = metrics.sipObserver();
  const contacts = new Contacts({
    clock: systemClock,
    now,
    shelf: contactTable,
    maxPerUser: DEFAULT_LIMITS.contactsPerUser,
    maxRoutes: DEFAULT_LIMITS.routes,
    displaced: () => sipObserver.contactDisplaced(),
  });
  let sip: SipServer | undefined;
  const dialler = createDialler({
    config,
    made: await keptCallsMade(store),
    calls,
    directory,
    engine,
    callbacks,
    clock: systemClock,
    dial: (order) => sip?.dial(order),
    users: { has: (name) => users.has(name), phonesOf: (name) => contacts.of(name), hosts: [config.users.realm] },
    score: (source, fields) => music.scoreFor(source, fields),
    tellStatus: (news) => status.tell(news),
    observer: metrics,
    now,
    newUuid: randomUUID,
  });
  let httpAddress = '';
  const recordings = await startRecordings({
    config,
    engine,
    store,
    directory,
    callbacks,
    ffmpeg: decoders.decoder?.path,
    observer: metrics.recordingObserver(log),
    log,
    newUuid: randomUUID,
    now,
    addressesOf: (recording) => recordingAddresses(account.authId, recording),
    base: () => httpAddress,
    announce: (mpc, source) => {
      const [member] = mpc.presentMembers;
      if (member) music.announce(mpc, member, source);
    },
  });

  const auth = new BasicAuth({
    account,
    failuresPerMinute: config.api.authFailuresPerMinute,
    nowMs: systemClock.now,
  });
  const tokens = new StreamTokens(systemClock);
  let started = false;
  const readiness = () =>
    readinessOf({
      started,
      mixersFail: mixers.givenUp,
      draining: directory.draining,
      hasDecoder: decoders.decoder !== undefined,
    });
  const app = createApp({
    authId: account.authId,
    auth,
    limits: config.api,
    secure: certificate !== undefined,
    directory,
    history,
    calls,
    dialler,
    apps,
    plays,
    callbacks,
    recordings,
    clips: new ClipCatalog({ store: clips, sampleRate: config.sound.sampleRate }),
    speaker,
    callStreams: callStreams.streams,
    findCall: callStreams.findCall,
    checkUrl,
    tokens: { seconds: TOKEN_SECONDS, issue: (mpc, terms) => tokens.issue(mpc, terms) },
    users,
    contacts,
    metrics,
    readiness,
    log,
    nowMs: systemClock.now,
    now,
    newUuid: randomUUID,
  });
  const http = createHttpServer(config.http, app, randomUUID, certificate);
  const addresses = new ClientAddresses(config.api.trustedProxies);
  const relay = relayDigits(directory, { amongPhones: config.relayDtmf });
  const streams = attachStreams(http, {
    authId: account.authId,
    addressOf: (request) => addresses.of(request),
    authorize: (header, address) => auth.check(header, address),
    tokens,
    directory,
    calls,
    engine,
    clock: systemClock,
    newUuid: randomUUID,
    origins: config.ws.origins,
    onDigits: (mpc, member, digits) => {
      relay(mpc, member, digits);
      for (const digit of digits) callStreams.streams.digit(member.callUuid, digit);
    },
    log,
    limits: config.ws,
  });
  metrics.watch({
    engine: () => engine.snapshot(),
    conferences: () => directory.live.length,
    members: () => directory.countByKind(),
    draining: () => directory.draining,
    streams: () => streams.stats(),
    callStreams: () => callStreams.streams.stats(),
    callbackQueueDepth: () => callbacks.depth,
    sipUsers: () => users.all.length,
    sipContacts: () => contacts.size,
    storePending: () => store.pending,
    recordings: () => recordings,
  });
  const httpPort = await listen(http, config.http);
  httpAddress = `${certificate ? 'https' : 'http'}://${hostOf(config.http.host, config.publicAddress, httpPort)}`;
  await recordings.recover();
  const sipServer = await startSip({
    ...config.sip,
    tls: config.tls && certificate && { port: config.tls.sipPort, certificate },
    publicAddress: config.publicAddress,
    calls,
    users: {
      ...config.users,
      has: (username) => users.has(username),
      ha1: (username) => users.ha1(username),
      contacts,
      keptContacts: (await rowsOf(contactTable)).map(({ key, value }) => [key, value] as const),
    },
    reception: answer && apps,
    engine,
    log,
    observer: sipObserver,
    clock: systemClock,
  }).catch((error: Error) => {
    throw StartError.ofListening(error.cause ?? error, SIP_NAMES, config.sip);
  });
  sip = sipServer;
  started = true;

  const facts = {
    httpHost: config.http.host,
    httpPort,
    sipPort: sipServer.port,
    sipTlsPort: sipServer.tlsPort,
    secure: certificate !== undefined,
    publicAddress: config.publicAddress,
    account: loaded,
    decoder: describeDecoder(decoders),
    sampleUrl: sample.url,
  };
  process.stdout.write(banner(facts));
  log.info(
    {
      http: httpAddress,
      sipPort: sipServer.port,
      ...(sipServer.tlsPort === undefined ? {} : { sipTlsPort: sipServer.tlsPort }),
      ffmpeg: facts.decoder,
      workers: config.media.workers,
    },
    'taking calls',
  );
  if (certificate) process.on('SIGHUP', () => certificate.reload());
  shutdown = new Shutdown({
    calls,
    drainMs: config.drainMs,
    clock: systemClock,
    log,
    exit: (code) => process.exit(code),
    close: async () => {
      await Promise.all([sipServer.close(), streams.close(), callStreams.streams.close()]);
      await closeHttpServer(http);
      stopDeadlines();
      music.stop();
      await engine.close();
      await recordings.close(RECORDING_GRACE_MS, systemClock);
      await callbacks.close(CALLBACK_GRACE_MS);
      await clips.close();
      await sample.close();
      history.close();
      await store.close();
    },
  });
  return shutdown;
}

/** Who is told of MPCs that name nobody themselves. */
function statusTerms({ statusCallback }: Config, policy: SourcePolicy): StatusTerms | undefined {
  const target = appTarget('STATUS_CALLBACK_URL', statusCallback, policy);
  return target && { target, events: statusCallback.events };
}

/** A URL of the settings that we call. Undefined: it is not set. */
function appTarget(
  name: string,
  { url: text, method }: { readonly url: string; readonly method: 'GET' | 'POST' },
  policy: SourcePolicy,
): CallbackTarget | undefined {
  if (text === '') return undefined;
  const verdict = checkSource(text, policy);
  if (!verdict.ok)
    throw new StartError(`${name} cannot be called: ${verdict.message}. FETCH_ALLOW opens private receivers.`);
  const url = new URL(text);
  return callbackTarget(url, method);
}

function clipLimits({ fetch, clip, decoder }: Config): Partial<ClipLimits> {
  return {
    redirects: fetch.redirects,
    connectMs: fetch.connectMs,
    firstByteMs: fetch.firstByteMs,
    idleMs: fetch.idleMs,
    totalMs: fetch.totalMs,
    downloadBytes: fetch.maxBytes,
    fetches: fetch.perNode,
    fetchesPerHost: fetch.perHost,
    decodes: decoder.max,
    decodeQueue: decoder.queue,
    decodeMs: decoder.timeoutMs,
    clipSeconds: clip.maxMs / 1000,
    cacheBytes: clip.cacheBytes,
  };
}

function describeDecoder({ decoder, refused }: DecoderChoice): string {
  if (decoder) return `${decoder.version} at ${decoder.path} (${decoder.origin})`;
  return `none works: ${refused.map(({ origin, why }) => `${origin} ${why}`).join(', ')}. Install ffmpeg or set FFMPEG_PATH`;
}

function logMembers(directory: Directory, log: Logger): void {
  directory.subscribe((event) => {
    if (event.type === 'leg') return;
    const { uuid, name } = event.mpc;
    const who = 'member' in event ? event.member : undefined;
    const fields = {
      mpc: uuid,
      name,
      ...(who && { member: who.id, call: who.callUuid, role: who.role, leg: who.kind }),
    };
    log.info({ ...fields, ...(who?.exitCause && { cause: who.exitCause }) }, event.type.replace('-', ' '));
  });
}

async function rowsOf<T>(table: Table<T>): Promise<Row<T>[]> {
  const rows: Row<T>[] = [];
  for await (const row of table.iterate()) rows.push(row);
  return rows;
}

async function main(): Promise<void> {
  const parsed = parseConfig(process.env, { cores: availableParallelism(), interfaces: networkInterfaces() });
  if (!parsed.ok) {
    process.stderr.write(`${parsed.message}\n`);
    process.exit(EXIT.misconfigured);
  }
  const { config } = parsed;
  const log = createLog({ level: config.logLevel, pretty: process.stderr.isTTY });
  const die = (error: unknown): never => {
    if (error instanceof StartError || error instanceof CredentialsError) {
      process.stderr.write(`partyline cannot start: ${error.message}\n`);
      process.exit(EXIT.misconfigured);
    }
    log.fatal({ err: error }, 'ending after an error that nothing handled');
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  let shutdown: Shutdown | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // Before the start is complete there is nobody to hang up on.
      if (shutdown) shutdown.request(signal);
      else process.exit(0);
    });
  shutdown = await start(config, log).catch(die);
}

await main();
