export { keepDeadlines } from './deadlines.ts';
export { type DigitRelay, relayDigits } from './digits.ts';
export {
  Directory,
  type DirectoryEvent,
  type Expected,
  type JoinRequest,
  type JoinResult,
  type MemberChanges,
  type Reservation,
} from './directory.ts';
export {
  isMemberId,
  isMpcName,
  type MemberSelection,
  type MpcRef,
  parseMemberSelection,
  parseMpcRef,
  parseRole,
  type Role,
} from './identity.ts';
export {
  type EntrySound,
  type JoinTerms,
  type MpcTerms,
  plainTerms,
  type RecordTerms,
  STATUS_EVENT_GROUPS,
  type StatusEventGroup,
  type StatusTerms,
} from './join-terms.ts';
export { type ExitCause, type LegKind, Member } from './member.ts';
export { Mpc, type MpcEndCause, type MpcStatus } from './mpc.ts';
export type { PlayNews } from './play-news.ts';
export type { PlayChange, PlayForm, PlayKind, PlayRecord, PlayState } from './play-record.ts';
export { type PlayStarted, Plays } from './plays.ts';
export { readTerms, readXmlTerms, TERM_FIELDS, type TermsRead, termsSchema } from './read-terms.ts';
export { type MpcSound, type SoundRules, soundUnder } from './sound-rules.ts';
