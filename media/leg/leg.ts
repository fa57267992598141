import type { Output } from '../conference/output.ts';
import type { PacketSocket } from '../io/packet-io.ts';

/**
 * A member's media path as the mixer sees it; RTP and WebSocket implement it, and what comes later will. Worker thread.
 * `pull` and `push` run inside the tick: they neither throw nor wait.
 */
export interface MixerLeg {
  /** Where its sound comes in; undefined when it comes another way. */
  readonly socket: PacketSocket | undefined;
  /** Fills `frame` with what the member says in this tick; false when that is silence, and `frame` is then undefined. */
  pull(frame: Int16Array, now: number): boolean;
  /** Sends what the member hears in tick number `tick`. */
  push(output: Output, tick: number): void;
  /** Idempotent; nothing is sent afterwards. */
  close(): void;
}
