export { Call, type CallDirection, type CallKeeper, type CallPlace, type CallSetup, isEnded } from './call.ts';
export {
  type CallEvent,
  Calls,
  type CallsDeps,
  type EnterResult,
  type OpenLeg,
  type RingResult,
  type RoomResult,
} from './calls.ts';
export { type CallEndCause, exitCauseOf } from './end-cause.ts';
export type { Decision, Reception } from './reception.ts';
