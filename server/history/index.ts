/** What was: MPCs that have ended, and who was in them. */
export { type CutOff, History } from './history.ts';
export type { MemberFacts, MpcFacts } from './rows.ts';
