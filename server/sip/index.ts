export { CODEC_NAMES, codecsNamed, G711, type SupportedCodec } from './codecs.ts';
export { type Contact, type ContactShelf, Contacts, type KeptContacts, keptContactsSchema } from './contacts.ts';
export { DIGEST_ALGORITHMS, type DigestAlgorithm, type Ha1 } from './digest.ts';
export { DEFAULT_LIMITS, type SipLimits } from './limits.ts';
export type { SipLog } from './log.ts';
export {
  AUTH_RESULTS,
  COUNTED_METHODS,
  type CountedMethod,
  DROP_REASONS,
  type DropReason,
  REGISTER_RESULTS,
  type SipObserver,
  STATUS_CLASSES,
  type StatusClass,
} from './observer.ts';
export { type SipDeps, type SipServer, type SipStats, startSip } from './start.ts';
export { userUri } from './uri.ts';
