import { saturated } from '../audio/pcm.ts';

/** Samples scaled at a stretch: well under a millisecond of work. */
const SLICE_SAMPLES = 32_768;

/** A louder or softer copy of chunks, in shared memory, slice by slice with a turn of the event loop in between. */
export async function* scaledChunks(chunks: readonly Int16Array[], gain: number): AsyncGenerator<Int16Array> {
  for (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += SLICE_SAMPLES) {
      const slice = chunk.subarray(at, at + SLICE_SAMPLES);
      const copy = new Int16Array(new SharedArrayBuffer(slice.byteLength));
      for (let i = 0; i < slice.length; i++) copy[i] = saturated(slice[i]! * gain);
      yield copy;
      await new Promise((resolve) => setImmediate(resolve));
    }
}
