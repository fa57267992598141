/** Starts the media plane, and has its types and clock in one place; clips have an index of their own. */
import type { EngineConfig } from './control/engine-config.ts';
import { LocalEngine } from './control/local-engine.ts';
import type { MediaEngine } from './engine.ts';

export type { SampleRate } from './audio/frame.ts';
export type { EngineConfig } from './control/engine-config.ts';
export * from './engine.ts';
export { PLAIN_PLAY } from './play/plain-play.ts';
export { digitTextMs, isDigitText } from './rtp/digit-text.ts';
export { type Clock, systemClock } from './time/clock.ts';

/** Starts the mixer threads; resolves when they take conferences. */
export function startEngine(config: EngineConfig): Promise<MediaEngine> {
  return LocalEngine.start(config);
}
