import { Output } from './output.ts';

/**
 * Where conferences are mixed, one after another: what is on it means something from a conference's first `listen` of a tick
 * to the end of its `send`. One for all of a thread, so that it stays in the processor's cache, and a conference is small.
 */
export class Desk {
  readonly speech: Int32Array;
  readonly whispers: Int32Array;
  readonly speechAndWhispers: Int32Array;
  /** Speech and plays as one group hears them. */
  readonly groupMix: Int32Array;
  /** What everyone in a group hears who does not talk herself. */
  readonly shared: Output;
  /** What a talking member hears: made, sent and forgotten one member at a time. */
  readonly own: Output;
  readonly ownMix: Int32Array;
  readonly #samplesPerFrame: number;
  readonly #frames: Int16Array[] = [];

  constructor(samplesPerFrame: number) {
    this.#samplesPerFrame = samplesPerFrame;
    this.speech = new Int32Array(samplesPerFrame);
    this.whispers = new Int32Array(samplesPerFrame);
    this.speechAndWhispers = new Int32Array(samplesPerFrame);
    this.groupMix = new Int32Array(samplesPerFrame);
    this.ownMix = new Int32Array(samplesPerFrame);
    this.shared = new Output(samplesPerFrame);
    this.own = new Output(samplesPerFrame);
  }

  /** Where the member at this place of a conference says what she says. */
  frame(place: number): Int16Array {
    while (this.#frames.length <= place) this.#frames.push(new Int16Array(this.#samplesPerFrame));
    return this.#frames[place]!;
  }
}

const desks = new Map<number, Desk>();

/** This thread's desk for frames of this length. */
export function deskOf(samplesPerFrame: number): Desk {
  let desk = desks.get(samplesPerFrame);
  if (!desk) {
    desk = new Desk(samplesPerFrame);
    desks.set(samplesPerFrame, desk);
  }
  return desk;
}
