import { type Loudness, LoudnessMeter } from '../audio/loudness.ts';
import type { Clip } from './clip.ts';

/** Samples measured at a stretch: some 2 ms of work, so that nothing else on the thread notices. */
const SLICE_SAMPLES = 16_384;

/** Gives the event loop a turn. */
export type Pause = () => Promise<void>;

export const nextTurn: Pause = () => new Promise((resolve) => setImmediate(resolve));

/**
 * Measures a clip as it comes in, a slice at a time. Undefined: it failed. A clip that is abandoned while it loads is
 * never measured, and the promise never settles: nobody is left to ask.
 */
export async function measureClip(clip: Clip, pause: Pause = nextTurn): Promise<Loudness | undefined> {
  const meter = new LoudnessMeter(clip.sampleRate);
  let chunk = 0;
  let offset = 0;
  for (;;) {
    const samples = clip.chunks[chunk];
    if (samples === undefined) {
      if (clip.state === 'failed') return undefined;
      if (clip.state === 'ready') return meter.result();
      await moreOf(clip);
      continue;
    }
    const slice = samples.subarray(offset, offset + SLICE_SAMPLES);
    meter.add(slice);
    offset += slice.length;
    if (offset === samples.length) {
      chunk += 1;
      offset = 0;
    }
    await pause();
  }
}

function moreOf(clip: Clip): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = clip.subscribe(() => {
      unsubscribe();
      resolve();
    });
  });
}
