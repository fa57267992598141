import type { MediaEngine } from '../../media/index.ts';
import { type ErrorLog, inBackground } from '../background.ts';
import type { CallbackTarget } from '../callbacks/target.ts';
import type { Directory, Member, Mpc } from '../mpc/index.ts';
import { announce, playEntrySounds } from './entry-sounds.ts';
import { Library, type LibraryDeps } from './library.ts';
import { type MusicDeps, playMusic } from './music.ts';
import type { Score } from './score.ts';

export interface MusicStart extends LibraryDeps {
  readonly log: ErrorLog;
  readonly directory: Directory;
  readonly engine: Pick<MediaEngine, 'play'>;
  /** Process-wide monotonic, in ms. */
  readonly nowMs: () => number;
  readonly newUuid: () => string;
}

export interface Music {
  /** Plays what a source gives to everybody in the conversation, over all else. `who`: whose terms ask for it. */
  announce(mpc: Mpc, who: Member, source: CallbackTarget): void;
  /** What a source has to be played to somebody of whom these fields tell. */
  scoreFor(source: CallbackTarget, fields: ReadonlyMap<string, string>): Promise<Score>;
  /** Ends the fetching of music. */
  stop(): void;
}

/** From now on members hear music and sounds as their terms say. */
export function startMusic(start: MusicStart): Music {
  const library = new Library(start);
  const deps: MusicDeps = { ...start, score: (source, mpc, member) => library.score(source, mpc, member) };
  playMusic(deps);
  playEntrySounds(deps);
  return {
    announce: (mpc, who, source) => inBackground(announce(deps, mpc, who, source), 'an announcement', start.log),
    scoreFor: (source, fields) => library.scoreFor(source, fields),
    stop: () => library.close(),
  };
}
