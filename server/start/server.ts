import { readinessOf } from '../api/status.ts';
import { banner } from '../banner.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { Shutdown } from '../shutdown.ts';
import type { SipServer } from '../sip/index.ts';
import { type Applications, startApplications } from './applications.ts';
import { type Conversations, openConversations } from './conversations.ts';
import { type Ground, openGround } from './ground.ts';
import { describeDecoder, type Media, startMedia } from './media.ts';
import { type Phones, recallPhones } from './phones.ts';
import { createWeb, type Web } from './web.ts';

/** How long the end of the server waits for receivers of the last callbacks. */
const CALLBACK_GRACE_MS = 2000;
/** How long it waits for the last mp3s; what is not made then is made at the next start. */
const RECORDING_GRACE_MS = 1500;

interface Parts {
  readonly ground: Ground;
  readonly media: Media;
  readonly conversations: Conversations;
  readonly applications: Applications;
  readonly phones: Phones;
  readonly web: Web;
}

/**
 * The only wiring: makes every part, hands each what it needs, and ends them in the opposite order. `exit`: ends the process,
 * for good.
 */
export async function startServer(config: Config, log: Logger, exit: (code: number) => void): Promise<Shutdown> {
  let shutdown: Shutdown | undefined;
  let started = false;
  let webAddress = '';
  const ground = await openGround(config, log);
  const media = await startMedia(ground, () => {
    if (shutdown) shutdown.giveUp('mixer threads keep dying');
    else exit(1);
  });
  const conversations = await openConversations(ground, media);
  const applications = await startApplications(ground, media, conversations, () => webAddress);
  const phones = await recallPhones(ground, media, conversations, applications);
  const web = createWeb(ground, media, conversations, applications, phones, () =>
    readinessOf({
      started,
      mixersFail: media.mixers.givenUp,
      draining: conversations.directory.draining,
      hasDecoder: media.decoders.decoder !== undefined,
    }),
  );
  const parts: Parts = { ground, media, conversations, applications, phones, web };
  watch(parts);

  const http = await web.listen();
  webAddress = http.address;
  await applications.recordings.recover();
  const sip = await phones.listen();
  started = true;
  announce(parts, http, sip);

  const { certificate, clock } = ground;
  if (certificate) process.on('SIGHUP', () => certificate.reload());
  shutdown = new Shutdown({
    calls: conversations.calls,
    drainMs: config.drainMs,
    clock,
    log,
    exit,
    close: () => close(parts, sip),
  });
  return shutdown;
}

async function close({ ground, media, conversations, applications, web }: Parts, sip: SipServer): Promise<void> {
  await Promise.all([sip.close(), web.streams.close(), applications.callStreams.streams.close()]);
  await web.close();
  conversations.stopDeadlines();
  applications.music.stop();
  await media.engine.close();
  await applications.recordings.close(RECORDING_GRACE_MS);
  await applications.callbacks.close(CALLBACK_GRACE_MS);
  await media.clips.close();
  await ground.sample.close();
  conversations.history.close();
  await ground.store.close();
}

/** Lets the metrics ask everybody. */
function watch({ ground, media, conversations, applications, phones, web }: Parts): void {
  const { directory } = conversations;
  const { callbacks, callStreams, recordings } = applications;
  ground.metrics.watch({
    engine: () => media.engine.snapshot(),
    conferences: () => directory.live.length,
    members: () => directory.countByKind(),
    draining: () => directory.draining,
    streams: () => web.streams.stats(),
    callStreams: () => callStreams.streams.stats(),
    callbackQueueDepth: () => callbacks.depth,
    sipUsers: () => phones.users.all.length,
    sipContacts: () => phones.contacts.size,
    storePending: () => ground.store.pending,
    recordings: () => recordings,
    hasDecoder: () => media.decoders.decoder !== undefined,
    certificateExpiry: () => ground.certificate?.expiry,
  });
}

/** Tells people on stdout, and whoever reads logs. */
function announce(
  { ground, media }: Parts,
  http: { readonly port: number; readonly address: string },
  { port: sipPort, tlsPort: sipTlsPort }: SipServer,
): void {
  const { config, log, account, certificate, sample } = ground;
  const ffmpeg = describeDecoder(media.decoders);
  process.stdout.write(
    banner({
      httpHost: config.http.host,
      httpPort: http.port,
      sipPort,
      sipTlsPort,
      secure: certificate !== undefined,
      publicAddress: config.publicAddress,
      account,
      decoder: ffmpeg,
      sampleUrl: sample.url,
    }),
  );
  log.info(
    {
      http: http.address,
      sipPort,
      ...(sipTlsPort === undefined ? {} : { sipTlsPort }),
      ffmpeg,
      workers: config.media.workers,
    },
    'taking calls',
  );
}
