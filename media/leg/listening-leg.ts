import type { Output } from '../conference/output.ts';
import type { LegId, Track } from '../engine.ts';
import { StreamLeg } from './stream-leg.ts';

/** A stream that listens along with another leg: it may speak, but what it takes away is what that leg says or hears. */
export class ListeningLeg extends StreamLeg {
  readonly target: LegId;
  readonly track: Track;

  constructor(options: ConstructorParameters<typeof StreamLeg>[0], target: LegId, track: Track) {
    super(options);
    this.target = target;
    this.track = track;
  }

  /** What the conference would have it hear is nothing to it. */
  override push(): void {}

  overhear(output: Output): void {
    super.push(output);
  }
}
