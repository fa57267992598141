import type { Clock } from '../../media/time/clock.ts';
import { T1, T2 } from './timing.ts';

/** Calls `send` after T1, then at doubling intervals of at most `longest`, until the returned function is called. */
export function repeat(clock: Clock, send: () => void, longest = T2): () => void {
  let interval = T1;
  let cancel = clock.setTimeout(function again() {
    send();
    interval = Math.min(interval * 2, longest);
    cancel = clock.setTimeout(again, interval);
  }, interval);
  return () => cancel();
}
