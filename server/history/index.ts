/** What was: MPCs that have ended, who was in them, and calls. */
export { type EndedCall, EndedCalls } from './ended-calls.ts';
export { type CutOff, History } from './history.ts';
export type { MemberFacts, MpcFacts } from './rows.ts';
