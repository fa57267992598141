import { FrameKind } from '../../../media/rtp/playout.ts';

/** A frame this far from what was said, in shares of its energy, may have been moved by a stretch. */
const STRANGE = 0.02;
/** Moved it is, if elsewhere so much less is wrong. */
const FOUND = 0.2;
/** Ms that one stretch moves at most, and that a pause made longer or shorter may. */
const NEAR_MS = 32;
const FAR_MS = 500;
/** Root mean square below which a frame says nothing of where it belongs. */
const QUIET = 150;

/** Energy that is left of a frame when it is heard as a gap: 12 dB less. */
const GAP = 0.063;

/** How close what was heard is to what was said; and had every concealed frame been silence instead. */
export interface Fidelity {
  readonly snrDb: number;
  readonly silencedDb: number;
  /** Shares of the frames with speech that are heard as a gap. */
  readonly gaps: number;
  readonly silencedGaps: number;
}

/**
 * Compares frame by frame, and follows the sound when it is shortened or lengthened: time that was taken out or put in is not
 * held against it, what it sounds like is. `kinds` has one entry for each 20 ms of `heard`; the first sample of `said` is its
 * sample `lead`.
 */
export function compareAligned(said: Int16Array, heard: Int16Array, kinds: Uint8Array, lead: number): Fidelity {
  const frame = heard.length / kinds.length;
  const far = (FAR_MS * frame) / 20;
  let shift = lead;
  let [signal, noise, silencedNoise] = [0, 0, 0];
  let [spoken, gaps, silencedGaps] = [0, 0, 0];
  for (let at = 0; at + frame <= heard.length; at += frame) {
    if (at - shift < far || at - shift + frame + far > said.length) continue;
    const kind = kinds[at / frame];
    let { energy, error } = compare(said, heard, at, shift, frame);
    const left = energyOf(heard, at, frame);
    const loud = left > frame * QUIET ** 2;
    if (kind === FrameKind.audio && loud && error > STRANGE * energy) {
      const better = search(said, heard, at, shift, frame);
      if (better !== shift) {
        shift = better;
        ({ energy, error } = compare(said, heard, at, shift, frame));
      }
    }
    signal += energy;
    noise += error;
    silencedNoise += kind === FrameKind.concealed ? energy : error;
    if (energy < frame * QUIET ** 2) continue;
    spoken += 1;
    if (left < energy * GAP) gaps += 1;
    if (left < energy * GAP || kind === FrameKind.concealed) silencedGaps += 1;
  }
  return {
    snrDb: ratioDb(signal, noise),
    silencedDb: ratioDb(signal, silencedNoise),
    gaps: gaps / Math.max(1, spoken),
    silencedGaps: silencedGaps / Math.max(1, spoken),
  };
}

function search(said: Int16Array, heard: Int16Array, at: number, shift: number, frame: number): number {
  for (const reach of [(NEAR_MS * frame) / 20, (FAR_MS * frame) / 20]) {
    let best = shift;
    let least = Number.POSITIVE_INFINITY;
    for (let candidate = shift - reach; candidate <= shift + reach; candidate++) {
      const { energy, error } = compare(said, heard, at, candidate, frame);
      if (error / Math.max(energy, 1) < least) {
        least = error / Math.max(energy, 1);
        best = candidate;
      }
    }
    if (least < FOUND) return best;
  }
  return shift;
}

function compare(
  said: Int16Array,
  heard: Int16Array,
  at: number,
  shift: number,
  frame: number,
): { energy: number; error: number } {
  let [energy, error] = [0, 0];
  for (let i = 0; i < frame; i++) {
    const wanted = said[at - shift + i]!;
    energy += wanted * wanted;
    error += (heard[at + i]! - wanted) ** 2;
  }
  return { energy, error };
}

function energyOf(sound: Int16Array, at: number, frame: number): number {
  let sum = 0;
  for (let i = 0; i < frame; i++) sum += sound[at + i]! ** 2;
  return sum;
}

function ratioDb(signal: number, noise: number): number {
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}
