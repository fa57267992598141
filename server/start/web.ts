import type { Readiness } from '../api/status.ts';
import { createApp } from '../app.ts';
import { BasicAuth } from '../auth.ts';
import { hostOf } from '../banner.ts';
import { ClientAddresses } from '../client-address.ts';
import { ClipCatalog } from '../clips/catalog.ts';
import { closeHttpServer, createHttpServer, listen } from '../http-server.ts';
import { relayDigits } from '../mpc/index.ts';
import { attachStreams, StreamTokens, TOKEN_SECONDS } from '../ws/index.ts';
import type { Applications } from './applications.ts';
import type { Conversations } from './conversations.ts';
import type { Ground } from './ground.ts';
import type { Media } from './media.ts';
import type { Phones } from './phones.ts';

/** REST, WebSocket, metrics and console on their one port. */
export interface Web {
  readonly streams: ReturnType<typeof attachStreams>;
  /** Begins to take requests. The address is what URLs of ours begin with. */
  listen(): Promise<{ readonly port: number; readonly address: string }>;
  close(): Promise<void>;
}

/** Puts the HTTP side together, behind one check of passwords. */
export function createWeb(
  ground: Ground,
  { engine, clips, speaker }: Media,
  { directory, calls, history }: Conversations,
  { callbacks, plays, apps, callStreams, recordings }: Applications,
  { users, contacts, dialler }: Phones,
  readiness: () => Readiness,
): Web {
  const { config, log, clock, now, newUuid, metrics, certificate } = ground;
  const { account } = ground.account;
  const auth = new BasicAuth({ account, failuresPerMinute: config.api.authFailuresPerMinute, nowMs: clock.now });
  const tokens = new StreamTokens(clock);
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
    clips: new ClipCatalog({ store: clips, sampleRate: config.sound.sampleRate, log }),
    speaker,
    callStreams: callStreams.streams,
    findCall: callStreams.findCall,
    checkUrl: ground.urlRules.checkUrl,
    tokens: { seconds: TOKEN_SECONDS, issue: (mpc, terms) => tokens.issue(mpc, terms) },
    users,
    contacts,
    metrics,
    readiness,
    log,
    nowMs: clock.now,
    now,
    newUuid,
  });
  const server = createHttpServer(config.http, app, newUuid, metrics, certificate);
  const addresses = new ClientAddresses(config.api.trustedProxies);
  const relay = relayDigits(directory, { amongPhones: config.relayDtmf });
  const streams = attachStreams(server, {
    authId: account.authId,
    addressOf: (request) => addresses.of(request),
    authorize: (header, address) => auth.check(header, address),
    tokens,
    directory,
    calls,
    engine,
    clock,
    newUuid,
    origins: config.ws.origins,
    onDigits: (mpc, member, digits) => {
      relay(mpc, member, digits);
      for (const digit of digits) callStreams.streams.digit(member.callUuid, digit);
    },
    log,
    limits: config.ws,
  });
  return {
    streams,
    listen: async () => {
      const port = await listen(server, config.http);
      const scheme = certificate ? 'https' : 'http';
      return { port, address: `${scheme}://${hostOf(config.http.host, config.publicAddress, port)}` };
    },
    close: () => closeHttpServer(server),
  };
}
