/** One frame is 20 ms of mono sound: the step of every clock, queue and mixer here. */
export const FRAME_MS = 20;
export const FRAMES_PER_SECOND = 1000 / FRAME_MS;

/** Rates a conference may run at, in Hz. */
export type SampleRate = 8000 | 16000 | 48000;

/** Samples in one frame at a rate in Hz. */
export function samplesPerFrame(sampleRate: number): number {
  return sampleRate / FRAMES_PER_SECOND;
}

export function msToSamples(ms: number, sampleRate: number): number {
  return Math.round((ms * sampleRate) / 1000);
}

export function samplesToMs(samples: number, sampleRate: number): number {
  return (samples * 1000) / sampleRate;
}
