import { ApiError } from '../errors.ts';
import type { PlayRecord, Plays } from '../mpc/index.ts';

/** A queue drains as its plays end; how soon is unknown, so callers come back at a polite pace. */
const RETRY_AFTER_SECONDS = 5;

/** Starts a play, or refuses the request because a queue is full. */
export function startPlay(plays: Plays, command: Parameters<Plays['start']>[0]): PlayRecord {
  const started = plays.start(command);
  if (started.ok) return started.play;
  throw new ApiError(started.reason, { headers: { 'Retry-After': String(RETRY_AFTER_SECONDS) } });
}
