import {
  builtInSounds,
  type ClipLimits,
  ClipStore,
  chooseDecoder,
  type DecoderChoice,
  SOUND_SCHEME,
} from '../../media/clip/index.ts';
import { type MediaEngine, startEngine } from '../../media/index.ts';
import type { Config } from '../config.ts';
import { MixerWatch } from '../mixer-watch.ts';
import { giveWayToMixers } from '../priority.ts';
import { SPEECH_SCHEME, type Speaker, startSpeaker } from '../speak/index.ts';
import type { Ground } from './ground.ts';

/** All that makes and moves sound. */
export interface Media {
  readonly engine: MediaEngine;
  readonly clips: ClipStore;
  readonly speaker: Speaker;
  readonly mixers: MixerWatch;
  readonly decoders: DecoderChoice;
}

/** Finds the programs that decode and speak, and starts the mixers. `onGivenUp`: they keep dying. */
export async function startMedia(ground: Ground, onGivenUp: () => void): Promise<Media> {
  const { config, log, clock, metrics } = ground;
  const decoders = await chooseDecoder(config.decoder.ffmpegPath || undefined);
  for (const { origin, path, why } of decoders.refused) {
    if (origin === 'FFMPEG_PATH') log.warn({ path, why }, 'FFMPEG_PATH is not used');
    else log.debug({ origin, path, why }, 'ffmpeg not used');
  }
  const speaker = await startSpeaker({
    config: config.speech,
    clock,
    log,
    onSpoken: (seconds) => metrics.spoken(seconds),
  });
  const clips = new ClipStore({
    policy: ground.policy,
    decoder: decoders.decoder,
    local: new Map([
      [SOUND_SCHEME, builtInSounds],
      [SPEECH_SCHEME, speaker.make],
    ]),
    observer: metrics.clipObserver(log),
    limits: clipLimits(config),
  });
  const mixers = new MixerWatch({ nowMs: clock.now, log, onGivenUp });
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
    clock,
  });
  giveWayToMixers();
  return { engine, clips, speaker, mixers, decoders };
}

/** What decodes, or what to do so that something does. */
export function describeDecoder({ decoder, refused }: DecoderChoice): string {
  if (decoder) return `${decoder.version} at ${decoder.path} (${decoder.origin})`;
  return `none works: ${refused.map(({ origin, why }) => `${origin} ${why}`).join(', ')}. Install ffmpeg or set FFMPEG_PATH`;
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
