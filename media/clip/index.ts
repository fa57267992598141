/** Clips: from a URL to PCM in shared memory, fetched under guard, decoded under limits, cached. Main thread only. */
export { type BuiltInSound, builtInSounds, SOUND_SCHEME, silenceAddress, soundAddress } from './built-in.ts';
export type { Clip, ClipEvent, ClipLease, SharedSamples } from './clip.ts';
export { type GuardedConnection, guardedConnector, guardedSocket, type Resolve, systemResolve } from './connector.ts';
export { chooseDecoder, type Decoder, type DecoderChoice, type DecoderOrigin, type RefusedDecoder } from './decoder.ts';
export { CLIP_FAILURES, type ClipFailure } from './failure.ts';
export { brokenBy, type Failed, failed } from './fetch-outcome.ts';
export { type ClipLimits, defaultLimits } from './limits.ts';
export type { LocalSounds, SoundMaker } from './local-sounds.ts';
export type { ClipFound, ClipObserver } from './observer.ts';
export {
  type AllowedSource,
  checkSource,
  type FetchAllowParsed,
  judgeEndpoint,
  MAX_URL_LENGTH,
  parseFetchAllow,
  publicUrl,
  type SourcePolicy,
  type SourceVerdict,
  sourcePolicy,
} from './policy.ts';
export { executable, killGroup, lastLine, onPath, PRLIMIT, stepBack } from './program.ts';
export { type Slot, Slots } from './slots.ts';
export { type ClipInfo, type ClipStats, ClipStore, type ClipStoreOptions } from './store.ts';
export { WAV_HEADER_BYTES, wavFile, wavHeader } from './wav-writer.ts';
