import { checkSource, type SourcePolicy, systemResolve } from '../../media/clip/index.ts';
import { recordingAddresses } from '../api/present-recording.ts';
import { Apps, type AppXmlDeps } from '../app-xml/index.ts';
import { startCallStreams } from '../call-streams/index.ts';
import {
  CallbackQueue,
  type CallbackTarget,
  callbackTarget,
  deliver,
  exchange,
  playCallbacks,
  StatusCallbacks,
  storedShelf,
} from '../callbacks/index.ts';
import type { Config } from '../config.ts';
import { Plays, type StatusTerms } from '../mpc/index.ts';
import { type Music, startMusic } from '../music/index.ts';
import { type Recordings, startRecordings } from '../recordings/index.ts';
import { StartError } from '../start-error.ts';
import { DEFAULT_STREAM_LIMITS } from '../ws/index.ts';
import type { Conversations } from './conversations.ts';
import type { Ground } from './ground.ts';
import type { Media } from './media.ts';

/** All that asks, tells or streams to the applications of who uses the server. */
export interface Applications {
  readonly callbacks: CallbackQueue;
  readonly status: StatusCallbacks;
  readonly plays: Plays;
  readonly apps: Apps;
  /** An application is asked what becomes of calls that come in. */
  readonly answers: boolean;
  readonly music: Music;
  readonly callStreams: ReturnType<typeof startCallStreams>;
  readonly recordings: Recordings;
}

/** From now on applications are told what happens. `base`: what the URLs of recordings begin with. */
export async function startApplications(
  ground: Ground,
  media: Media,
  conversations: Conversations,
  base: () => string,
): Promise<Applications> {
  const { config, log, clock, now, newUuid, metrics, store, policy, urlRules } = ground;
  const { account } = ground.account;
  const { engine, speaker } = media;
  const { directory, calls } = conversations;
  const signed = { policy, resolve: systemResolve, clock, authToken: account.authToken, newNonce: newUuid };
  const ask: AppXmlDeps['exchange'] = (target, fields, signal, maxBytes) =>
    exchange(target, fields, signed, signal, maxBytes);

  const callbacks = new CallbackQueue({
    attempt: (target, fields, signal) => deliver(target, fields, signed, signal),
    clock,
    observer: metrics.callbackObserver(log),
    shelf: storedShelf(store),
    log,
  });
  await callbacks.restore();
  const status = new StatusCallbacks({ queue: callbacks, fallback: statusTerms(config, policy), now });
  for (const each of conversations.cutOff) status.tellCutOff(each);
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
    clock,
    newUuid,
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
  directory.subscribe((event) => {
    if (event.type === 'member-joined') plays.memberJoined(event.mpc);
  });

  const callStreams = startCallStreams({
    engine,
    calls,
    callbacks,
    clock,
    accountId: account.authId,
    now,
    newUuid,
    log,
    limits: config.ws,
    dial: {
      ...signed,
      maxMessageBytes: DEFAULT_STREAM_LIMITS.maxMessageBytes,
      connectMs: config.fetch.connectMs + config.fetch.firstByteMs,
    },
  });
  const music = startMusic({
    log,
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
    nowMs: clock.now,
    newUuid,
  });
  const recordings = await startRecordings({
    config,
    engine,
    store,
    directory,
    calls,
    callbacks,
    ffmpeg: media.decoders.decoder?.path,
    observer: metrics.recordingObserver(log),
    log,
    clock,
    newUuid,
    now,
    addressesOf: (recording) => recordingAddresses(account.authId, recording),
    base,
    announce: (mpc, source) => {
      const [member] = mpc.presentMembers;
      if (member) music.announce(mpc, member, source);
    },
  });
  return { callbacks, status, plays, apps, answers: answer !== undefined, music, callStreams, recordings };
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
  return callbackTarget(new URL(text), method);
}
