import type { ParsedMessage } from './protocol.ts';

/** Whose sound a message of audio carries, seen from the call: what its far side says, or what it hears. */
export type AudioTrack = 'inbound' | 'outbound';

/** One stream's side of a conversation about audio: words what we say, and reads what we are told. */
export interface Dialect {
  /** What is said first. */
  opening(): readonly string[];
  /** A 20 ms frame. */
  media(frame: Uint8Array, track?: AudioTrack): string;
  /** Counts a frame that travels without a message, so that timestamps stay true. */
  countFrame(): void;
  dtmf(digit: string): string;
  /** A checkpoint was reached. */
  playedStream(name: string): string;
  /** What waited is dropped, and these checkpoints with it. */
  cleared(checkpoints: readonly string[]): readonly string[];
  stop(reason: string): string;
  /** What was wrong with a message; undefined: there is no way to say it. */
  error(error: string): string | undefined;
  parse(text: string): ParsedMessage;
}
