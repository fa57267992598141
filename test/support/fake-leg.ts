import type { Output } from '../../media/conference/output.ts';
import type { PacketSocket } from '../../media/io/packet-io.ts';
import type { MixerLeg } from '../../media/leg/leg.ts';

/** A leg without a network: it says what `speak` gives it, and keeps every frame it is sent. */
export class FakeLeg implements MixerLeg {
  readonly socket: PacketSocket | undefined;
  readonly heard: number[] = [];
  framesSent = 0;
  closed = false;
  readonly #speak: ((frame: Int16Array, index: number) => boolean) | undefined;
  #frames = 0;

  /** `speak` fills a frame, or returns false to be silent. */
  constructor(speak?: (frame: Int16Array, index: number) => boolean) {
    this.#speak = speak;
  }

  pull(frame: Int16Array): boolean {
    const index = this.#frames;
    this.#frames += 1;
    return this.#speak?.(frame, index) ?? false;
  }

  push(output: Output): void {
    if (this.closed) throw new Error('a frame was sent to a closed leg');
    this.framesSent += 1;
    for (const sample of output.pcm) this.heard.push(output.silent ? 0 : sample);
  }

  close(): void {
    this.closed = true;
  }
}
