import type { MediaEngine } from '../../media/index.ts';
import type { Directory } from '../mpc/index.ts';
import { playEntrySounds } from './entry-sounds.ts';
import { Library, type LibraryDeps } from './library.ts';
import { type MusicDeps, playMusic } from './music.ts';

export interface MusicStart extends LibraryDeps {
  readonly directory: Directory;
  readonly engine: Pick<MediaEngine, 'play'>;
  /** Process-wide monotonic, in ms. */
  readonly nowMs: () => number;
  readonly newUuid: () => string;
}

/** From now on members hear music and sounds as their terms say. Returns what ends the fetching of it. */
export function startMusic(start: MusicStart): () => void {
  const library = new Library(start);
  const deps: MusicDeps = { ...start, score: (source, mpc, member) => library.score(source, mpc, member) };
  playMusic(deps);
  playEntrySounds(deps);
  return () => library.close();
}
