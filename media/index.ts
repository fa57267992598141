/** The public face of the media plane. `server/` imports from here and nowhere deeper. */
export type { SampleRate } from './audio/frame.ts';
export * from './engine.ts';
