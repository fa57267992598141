import { LagSearch } from './lag-search.ts';

/**
 * Shortens or lengthens sound by whole pitch periods without changing its pitch (waveform-similarity overlap-add): the two
 * ends of the cut are laid over each other where they look most alike.
 */

/** Length of the overlap, and of the stretch that is compared. */
export const OVERLAP_MS = 10;
/** Shortest and longest piece removed or repeated. */
const SHORTEST_CUT_MS = 2.5;
const LONGEST_CUT_MS = 15;
/** Sound that `shorten` needs to be free in its choice. */
export const STRETCH_AHEAD_MS = OVERLAP_MS + LONGEST_CUT_MS;

const search = new LagSearch();
/** The overlap at 48 kHz. */
const overlapped = new Int16Array(480);

/**
 * Removes between 2.5 ms and `most` samples from `sound[from, end)`, near `from`. Returns the samples removed: the sound now
 * ends that much earlier. 0 when the pieces are less alike than `leastMatch` (-1: take the best there is) or too short.
 */
export function shorten(
  sound: Int16Array,
  from: number,
  end: number,
  most: number,
  leastMatch: number,
  sampleRate: number,
): number {
  const overlap = (sampleRate * OVERLAP_MS) / 1000;
  const shortest = (sampleRate * SHORTEST_CUT_MS) / 1000;
  const longest = Math.floor(Math.min(most, (sampleRate * LONGEST_CUT_MS) / 1000, end - from - overlap));
  if (longest < shortest) return 0;
  search.forward(sound, from, overlap, shortest, longest, sampleRate);
  if (search.match < leastMatch) return 0;
  const { lag } = search;
  for (let i = 0; i < overlap; i++) {
    const value = sound[from + i]!;
    sound[from + i] = Math.round(value + (sound[from + lag + i]! - value) * ((i + 1) / (overlap + 1)));
  }
  sound.copyWithin(from + overlap, from + lag + overlap, end);
  return lag;
}

/**
 * Repeats between 2.5 ms and `most` samples of the sound before `from` at `from`. 25 ms must lie before it, 10 ms after it,
 * and `sound` must have room for 15 ms after `end`. Returns the samples added: the sound now ends that much later. 0 when the
 * pieces are less alike than `leastMatch`.
 */
export function lengthen(
  sound: Int16Array,
  from: number,
  end: number,
  most: number,
  leastMatch: number,
  sampleRate: number,
): number {
  const overlap = (sampleRate * OVERLAP_MS) / 1000;
  const shortest = (sampleRate * SHORTEST_CUT_MS) / 1000;
  const longest = Math.floor(Math.min(most, (sampleRate * LONGEST_CUT_MS) / 1000));
  if (longest < shortest || end - from < overlap) return 0;
  search.backward(sound, from + overlap, overlap, shortest, longest, sampleRate);
  if (search.match < leastMatch) return 0;
  const { lag } = search;
  for (let i = 0; i < overlap; i++) {
    const value = sound[from + i]!;
    overlapped[i] = Math.round(value + (sound[from - lag + i]! - value) * ((i + 1) / (overlap + 1)));
  }
  sound.copyWithin(from + overlap, from + overlap - lag, end);
  for (let i = 0; i < overlap; i++) sound[from + i] = overlapped[i]!;
  return lag;
}
