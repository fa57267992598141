import type { Clock } from '../../media/time/clock.ts';
import type { Directory } from './directory.ts';
import type { Mpc } from './mpc.ts';

interface Deadline {
  /** When the MPC's first member came, on the clock's time line. */
  readonly from: number;
  limitMs: number | undefined;
  cancel: () => void;
}

/** Ends each MPC when its `max_duration` is over, however the wall clock is set meanwhile. Returns what stops it. */
export function keepDeadlines(directory: Directory, clock: Clock): () => void {
  const deadlines = new Map<Mpc, Deadline>();
  const unsubscribe = directory.subscribe(({ type, mpc }) => {
    if (type === 'mpc-ended') {
      deadlines.get(mpc)?.cancel();
      deadlines.delete(mpc);
    } else if (type === 'mpc-initialized') {
      deadlines.set(mpc, { from: clock.now(), limitMs: undefined, cancel: () => {} });
      adjust(mpc);
    } else if (type === 'member-joined') adjust(mpc);
  });

  /** A member may have brought a limit where there was none. */
  function adjust(mpc: Mpc): void {
    const deadline = deadlines.get(mpc);
    const limitMs = mpc.terms?.maxDurationMs;
    if (!deadline || limitMs === undefined || deadline.limitMs === limitMs) return;
    deadline.cancel();
    deadline.limitMs = limitMs;
    deadline.cancel = clock.setTimeout(
      () => directory.end(mpc, 'max_duration'),
      Math.max(0, deadline.from + limitMs - clock.now()),
    );
  }

  return () => {
    unsubscribe();
    for (const { cancel } of deadlines.values()) cancel();
  };
}
