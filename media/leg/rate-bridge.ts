import { samplesPerFrame } from '../audio/frame.ts';
import { Resampler } from '../audio/resample.ts';

/** Joins a leg to a conference of another sample rate. One per leg: filters have memory. */
export class RateBridge {
  /** A frame at the leg's rate; the leg writes it before `toConference`. */
  readonly inward: Int16Array;
  readonly #outward: Int16Array;
  readonly #up: Resampler;
  readonly #down: Resampler;

  constructor(legRate: number, conferenceRate: number) {
    this.inward = new Int16Array(samplesPerFrame(legRate));
    this.#outward = new Int16Array(samplesPerFrame(legRate));
    this.#up = new Resampler(legRate, conferenceRate);
    this.#down = new Resampler(conferenceRate, legRate);
  }

  /** None is needed where the rates are the same. */
  static between(legRate: number, conferenceRate: number): RateBridge | undefined {
    return legRate === conferenceRate ? undefined : new RateBridge(legRate, conferenceRate);
  }

  /** Turns `inward` into a frame at the conference's rate. */
  toConference(frame: Int16Array): void {
    this.#up.process(this.inward, frame);
  }

  /** A conference frame at the leg's rate; valid until the next call. */
  toLeg(frame: Int16Array): Int16Array {
    this.#down.process(frame, this.#outward);
    return this.#outward;
  }
}
