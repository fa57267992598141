import type { Clock } from '../../media/time/clock.ts';
import { T1, T2 } from './timing.ts';

/** Calls `send` after T1, then at doubling intervals of at most T2, until the returned function is called. */
export function repeat(clock: Clock, send: () => void): () => void {
  let interval = T1;
  let cancel = clock.setTimeout(function again() {
    send();
    interval = Math.min(interval * 2, T2);
    cancel = clock.setTimeout(again, interval);
  }, interval);
  return () => cancel();
}
