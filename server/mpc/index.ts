export { Directory, type DirectoryEvent, type JoinRequest, type JoinResult } from './directory.ts';
export {
  isMpcName,
  type MemberSelection,
  type MpcRef,
  parseMemberSelection,
  parseMpcRef,
  parseRole,
  type Role,
} from './identity.ts';
export { type ExitCause, type LegKind, Member } from './member.ts';
export { Mpc, type MpcEndCause, type MpcStatus } from './mpc.ts';
export { type PlayForm, type PlayRecord, type PlayStarted, type PlayState, Plays } from './plays.ts';
