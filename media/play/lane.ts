import type { PlayLayer } from '../engine.ts';
import type { Airing } from './airing.ts';
import type { PlayRun } from './play-run.ts';

/** One member's queue in one layer: what sounds, and what waits in order. */
export class Lane {
  readonly layer: PlayLayer;
  current: Airing | undefined;
  readonly #waiting: PlayRun[] = [];

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
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.priority < run.priority) at -= 1;
    this.#waiting.splice(at, 0, run);
  }

  /** Takes a waiting play out; false when it was not waiting here. */
  remove(run: PlayRun): boolean {
    const at = this.#waiting.indexOf(run);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return true;
  }
}
