/** What members hear that nobody says: wait music, hold music, and sounds when somebody comes or goes. */
export { playEntrySounds } from './entry-sounds.ts';
export { Library } from './library.ts';
export { type MusicDeps, playMusic } from './music.ts';
export type { Score, ScoreRules } from './score.ts';
export { type Music, type MusicStart, startMusic } from './start.ts';
