import type { PlayOptions } from '../engine.ts';

/** A play once through, as it is when a request asks for nothing more. */
export const PLAIN_PLAY: PlayOptions = {
  loop: 1,
  gainDb: 0,
  startMs: 0,
  lengthMs: undefined,
  fadeInMs: 0,
  fadeOutMs: 0,
  mix: true,
  mode: 'queue',
  layer: 'announcement',
  covered: 'dip',
  priority: 0,
  duck: undefined,
  laterJoiners: false,
};
