import { ClipStore, chooseDecoder, parseFetchAllow, sourcePolicy } from '../../media/clip/index.ts';

/*
 * Was this clip in that recording, where, and how clean? A recording holds a clip, the voices of others at known pitches,
 * and what codecs did to them. The pitches are taken out of both, block by block, and what is left is compared. All of
 * it at 8 kHz.
 */

const SAMPLE_RATE = 8000;
/** Long enough to tell two pitches 40 Hz apart, short enough for a voice whose phase jumps now and then. */
const BLOCK = 1600;
/** As much of a clip as it takes to find its place, and the step through it: a seventh of its samples tell as much. */
const PROBE = 8000;
const PROBE_STEP = 7;

export interface ClipMatch {
  /** Index in the recording of the clip's first sample. */
  readonly at: number;
  /** The clip against all that is neither it nor a known pitch, in dB. At 10 it is there, at -10 it is not. */
  readonly snrDb: number;
  /** Its level against the original, in dB. */
  readonly gainDb: number;
}

/** The best place of `clip` in `recording`; looks at the first `within` samples for its beginning. */
export function findClip(
  clip: Int16Array,
  recording: Int16Array,
  hums: readonly number[],
  within = recording.length - PROBE,
): ClipMatch {
  const heard = withoutTones(recording, hums);
  const probe = Float64Array.from(clip.subarray(0, PROBE));
  let at = 0;
  let best = 0;
  for (let lag = 0; lag <= Math.min(within, heard.length - probe.length); lag++) {
    let score = 0;
    for (let i = 0; i < probe.length; i += PROBE_STEP) score += probe[i]! * heard[lag + i]!;
    if (score > best) {
      best = score;
      at = lag;
    }
  }
  const length = Math.min(clip.length, recording.length - at);
  // The same blocks for both: taking pitches out is linear, so it costs clip and recording the same.
  const wanted = withoutTones(clip.subarray(0, length), hums);
  const actual = withoutTones(recording.subarray(at, at + length), hums);
  const power = dot(wanted, wanted, 0, length);
  const gain = dot(wanted, actual, 0, length) / power;
  const rest = Math.max(dot(actual, actual, 0, length) - gain * gain * power, 1e-9);
  return { at, snrDb: 10 * Math.log10((gain * gain * power) / rest), gainDb: 20 * Math.log10(Math.abs(gain) + 1e-9) };
}

/** What is left of some samples once steady pitches (Hz) are taken out of them. */
export function withoutTones(samples: ArrayLike<number>, hums: readonly number[]): Float64Array {
  const rest = Float64Array.from(samples);
  for (let from = 0; from < rest.length; from += BLOCK) {
    const block = rest.subarray(from, from + BLOCK);
    for (const wave of orthonormalWaves(hums, block.length)) {
      const share = dot(wave, block, 0, block.length);
      for (let i = 0; i < block.length; i++) block[i]! -= share * wave[i]!;
    }
  }
  return rest;
}

/** The samples of a file as the server's own clip code decodes it, at 8 kHz. `allow` is as in `FETCH_ALLOW`. */
export async function decodeClip(url: string, allow: string): Promise<Int16Array> {
  const allowed = parseFetchAllow(allow);
  if (!allowed.ok) throw new Error(allowed.message);
  const { decoder } = await chooseDecoder(undefined);
  const store = new ClipStore({ policy: sourcePolicy({ allow: allowed.allow }), decoder });
  const { clip, release } = store.open(new URL(url), SAMPLE_RATE);
  try {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (clip.state === 'ready') resolve();
        else if (clip.state === 'failed') reject(new Error(`${clip.failure?.reason}: ${clip.failure?.detail}`));
      };
      clip.subscribe(look);
      look();
    });
    return Int16Array.from(clip.chunks.flatMap((chunk) => [...chunk]));
  } finally {
    release();
    await store.close();
  }
}

const waves = new Map<string, readonly Float64Array[]>();

/** A sine and a cosine for each pitch, made orthogonal to each other (Gram-Schmidt) and of length one. */
function orthonormalWaves(hums: readonly number[], length: number): readonly Float64Array[] {
  const key = `${hums.join()}/${length}`;
  const known = waves.get(key);
  if (known) return known;
  const basis: Float64Array[] = [];
  for (const hz of hums) {
    const step = (2 * Math.PI * hz) / SAMPLE_RATE;
    for (const wave of [
      Float64Array.from({ length }, (_, i) => Math.sin(step * i)),
      Float64Array.from({ length }, (_, i) => Math.cos(step * i)),
    ]) {
      for (const other of basis) {
        const share = dot(other, wave, 0, length);
        for (let i = 0; i < length; i++) wave[i]! -= share * other[i]!;
      }
      const norm = Math.sqrt(dot(wave, wave, 0, length));
      // A last block of a few samples has no room for all pitches.
      if (norm > 1e-3) basis.push(wave.map((value) => value / norm));
    }
  }
  waves.set(key, basis);
  return basis;
}

function dot(a: Float64Array, b: Float64Array, from: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[i]! * b[from + i]!;
  return sum;
}
