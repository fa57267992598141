export { CODEC_NAMES, codecsNamed, G711, type SupportedCodec } from './codecs.ts';
export { type Authenticator, REFUSE_ALL, type Verdict } from './guard.ts';
export { DEFAULT_LIMITS, type SipLimits } from './limits.ts';
export type { SipLog } from './log.ts';
export {
  COUNTED_METHODS,
  type CountedMethod,
  DROP_REASONS,
  type DropReason,
  type SipObserver,
  STATUS_CLASSES,
  type StatusClass,
} from './observer.ts';
export { type SipDeps, type SipServer, type SipStats, startSip } from './start.ts';
