import { FRAME_MS } from '../audio/frame.ts';

/** A report is never older than this, so nothing is guessed further ahead. */
const REPORT_EVERY_MS = 200;
/** What was reported before a command reached the mixer comes within this time. */
const STALE_MS = 60;
/** A guess this near to the truth stays: a position that stands still should be seen to. */
const GOOD_GUESS_MS = 2 * FRAME_MS;

/**
 * Where a play is, between the reports of its mixer: it goes on by the clock while it sounds, and stands still from the
 * very moment of a pause. All in ms; `now` is the process-wide monotonic clock.
 */
export class PlayPosition {
  #base: number;
  #at = 0;
  #moving = false;
  #paused = false;
  #staleUntil = Number.NEGATIVE_INFINITY;

  constructor(startMs: number) {
    this.#base = startMs;
  }

  at(now: number): number {
    if (!this.#moving || this.#paused) return this.#base;
    const frames = Math.floor(Math.min(now - this.#at, REPORT_EVERY_MS) / FRAME_MS);
    return this.#base + frames * FRAME_MS;
  }

  /** The first frame was sent. */
  started(now: number): void {
    this.#at = now;
    this.#moving = true;
  }

  reported(positionMs: number, standing: boolean, now: number): void {
    if (now < this.#staleUntil) return;
    if (this.#paused) {
      if (standing && Math.abs(positionMs - this.#base) > GOOD_GUESS_MS) this.#base = positionMs;
      return;
    }
    this.#base = positionMs;
    this.#at = now;
    this.#moving = !standing;
  }

  pause(now: number): void {
    this.#base = this.at(now);
    this.#paused = true;
  }

  resume(now: number): void {
    this.#paused = false;
    this.#at = now;
    this.#staleUntil = now + STALE_MS;
  }

  seek(positionMs: number, now: number): void {
    this.#base = positionMs;
    this.#at = now;
    this.#staleUntil = now + STALE_MS;
  }

  /** It is over: nothing moves any more. */
  end(now: number): void {
    this.#base = this.at(now);
    this.#moving = false;
  }
}
