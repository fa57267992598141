import { setPriority } from 'node:os';

/** A third of a mixer's weight, like the decoders: it waits where they compete, and still gets on with its work. */
const NICENESS = 5;

/**
 * Lets the mixer threads, which have been started by now, go before this one where they share a core. On Linux a priority is a
 * thread's own, and giving way needs no privilege; elsewhere it would be the whole process', and is left alone.
 */
export function giveWayToMixers(platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'linux') return;
  try {
    setPriority(0, NICENESS);
  } catch {
    // A system that does not let us: all threads weigh the same.
  }
}
