import type { PlayLayer } from '../engine.ts';
import type { Airing } from './airing.ts';
import type { PlayRun } from './play-run.ts';

/** One member's queue in one layer: what sounds, and what waits in order. */
export class Lane {
  readonly layer: PlayLayer;
  current: Airing | undefined;
  readonly #waiting: PlayRun[] = [];
  #resumed: PlayRun | undefined;

  constructor(layer: PlayLayer) {
    this.layer = layer;
  }

  get head(): PlayRun | undefined {
    return this.#waiting[0];
  }

  get waiting(): readonly PlayRun[] {
    return this.#waiting;
  }

  /** Behind everything of the same or a higher priority. */
  enqueue(run: PlayRun): void {
    const first = this.#resumed !== undefined && this.head === this.#resumed ? 1 : 0;
    let at = this.#waiting.length;
    while (at > first && this.#waiting[at - 1]!.priority < run.priority) at -= 1;
    this.#waiting.splice(at, 0, run);
  }

  /** A play that sounded here already goes on next, whatever waits with a higher priority. */
  resume(run: PlayRun): void {
    this.#resumed = run;
    this.#waiting.unshift(run);
  }

  /** Takes a waiting play out; false when it was not waiting here. */
  remove(run: PlayRun): boolean {
    const at = this.#waiting.indexOf(run);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }
}
