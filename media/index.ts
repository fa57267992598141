/** The public face of the media plane. `server/` imports from here and nowhere deeper. */
import { type EngineConfig, LocalEngine } from './control/local-engine.ts';
import type { MediaEngine } from './engine.ts';

export type { SampleRate } from './audio/frame.ts';
export type { EngineConfig } from './control/local-engine.ts';
export * from './engine.ts';
export { type Clock, systemClock } from './time/clock.ts';

/** Starts the mixer threads; resolves when they take conferences. */
export function startEngine(config: EngineConfig): Promise<MediaEngine> {
  return LocalEngine.start(config);
}
