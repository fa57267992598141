import { FRAME_MS } from '../audio/frame.ts';
import type { LegId } from '../engine.ts';
import type { PlayPlace, PlayPoint } from '../worker/protocol.ts';

/** One voice of a play, as last heard of. */
interface Heard {
  readonly point: PlayPoint;
  /** The tick of that point, on the process's monotonic clock, in ms. */
  readonly at: number;
  readonly standing: boolean;
}

/**
 * Where a play is for each of its listeners, to the frame, so that another mixer can go on from there. Those who hear the
 * same voice share an entry, and stay together.
 */
export class PlayPoints {
  readonly #heard = new Map<LegId, Heard>();

  /** The voice these listeners hear was at `point` after the tick at `at`. */
  note(legs: readonly LegId[], point: PlayPoint, standing: boolean, at: number): void {
    const heard = { point, at, standing };
    for (const leg of legs) this.#heard.set(leg, heard);
  }

  /** Who came to a play that sounds hears what the others hear. */
  join(leg: LegId, other: LegId | undefined): void {
    const heard = other === undefined ? undefined : this.#heard.get(other);
    if (heard) this.#heard.set(leg, heard);
  }

  /** The play was told to stand still, or to go on. */
  stand(standing: boolean, now: number): void {
    this.#change(now, (point) => point, standing);
  }

  seek(positionMs: number, now: number): void {
    this.#change(now, (point) => ({ ...point, positionMs }));
  }

  /** Ms by which a listener's voice moved on since it was last heard of. */
  movedSince(leg: LegId, now: number): number {
    const heard = this.#heard.get(leg);
    return heard ? movedOf(heard, now) : 0;
  }

  /** The places of these listeners when the last tick was run at `diedAt`. */
  places(legs: readonly LegId[], diedAt: number): readonly PlayPlace[] {
    const byVoice = new Map<Heard, LegId[]>();
    for (const leg of legs) {
      const heard = this.#heard.get(leg);
      if (!heard) continue;
      const others = byVoice.get(heard);
      if (others) others.push(leg);
      else byVoice.set(heard, [leg]);
    }
    return [...byVoice].map(([heard, listeners]) => ({ ...movedPoint(heard, diedAt), legs: listeners }));
  }

  #change(now: number, change: (point: PlayPoint) => PlayPoint, standing?: boolean): void {
    const changed = new Map<Heard, Heard>();
    for (const [leg, heard] of this.#heard) {
      let next = changed.get(heard);
      if (!next) {
        next = { point: change(movedPoint(heard, now)), at: now, standing: standing ?? heard.standing };
        changed.set(heard, next);
      }
      this.#heard.set(leg, next);
    }
  }
}

function movedOf({ at, standing }: Heard, now: number): number {
  return standing ? 0 : Math.max(0, Math.round((now - at) / FRAME_MS)) * FRAME_MS;
}

function movedPoint(heard: Heard, now: number): PlayPoint {
  const moved = movedOf(heard, now);
  const { item, round, positionMs, soundedMs } = heard.point;
  return { item, round, positionMs: positionMs + moved, soundedMs: soundedMs + moved };
}
