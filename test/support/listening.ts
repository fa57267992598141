import { levelAt, rmsDb } from './tones.ts';

/** Telephone rate: all of what is measured here. */
export const RATE = 8000;

/** Samples of so many ms. */
export function inSamples(ms: number): number {
  return Math.round((ms * RATE) / 1000);
}

/** What was heard from the first sample above `floor` to the last. */
export function sounding(samples: Int16Array, floor = 64): Int16Array {
  const loud = (sample: number) => Math.abs(sample) > floor;
  const first = samples.findIndex(loud);
  return first < 0 ? new Int16Array(0) : samples.subarray(first, samples.findLastIndex(loud) + 1);
}

/** Length of a recording in ms. */
export function lengthMs(samples: Int16Array): number {
  return (samples.length * 1000) / RATE;
}

/** From one time to another in ms. */
export function between(samples: Int16Array, fromMs: number, toMs: number): Int16Array {
  return samples.subarray(inSamples(fromMs), inSamples(toMs));
}

/** Levels of consecutive blocks in dBFS. */
export function envelope(samples: Int16Array, blockMs = 20): number[] {
  const size = inSamples(blockMs);
  return Array.from({ length: Math.floor(samples.length / size) }, (_, i) =>
    rmsDb(samples.subarray(i * size, (i + 1) * size)),
  );
}

/** Which of some pitches is the loudest in each block; undefined where all is quiet. */
export function melody(samples: Int16Array, pitches: readonly number[], blockMs = 100): (number | undefined)[] {
  const size = inSamples(blockMs);
  return Array.from({ length: Math.floor(samples.length / size) }, (_, i) => {
    const block = samples.subarray(i * size, (i + 1) * size);
    if (rmsDb(block) < -60) return undefined;
    const levels = pitches.map((hz) => levelAt(block, RATE, hz));
    return pitches[levels.indexOf(Math.max(...levels))];
  });
}

/** A melody with each note once, however long it was held. */
export function notes(melody: readonly (number | undefined)[]): (number | undefined)[] {
  return melody.filter((note, i) => i === 0 || note !== melody[i - 1]);
}
