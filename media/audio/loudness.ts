import { MAX_SAMPLE } from './pcm.ts';

/*
 * Loudness of a whole mono clip as people hear it, after ITU-R BS.1770-4: two filters shape the sound like the head and the
 * ear (K-weighting), energies of 400 ms blocks are taken every 100 ms, and pauses do not count (gating). The true peak is
 * that of the curve between the samples too, found at four times the rate (annex 2).
 */

/** What one clip measured. */
export interface Loudness {
  /** Integrated loudness in LUFS; undefined when there is nothing but silence. */
  readonly lufs: number | undefined;
  /** True peak against full scale: 1 is full scale, a little more is possible. */
  readonly peak: number;
}

const BLOCK_HOPS = 4;
const HOPS_PER_SECOND = 10;
const OFFSET_LUFS = -0.691;
const ABSOLUTE_GATE_LUFS = -70;
const RELATIVE_GATE_LU = -10;
const FORGOTTEN = 1e-20;

/** A second-order filter: y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y''. */
export interface Biquad {
  readonly b0: number;
  readonly b1: number;
  readonly b2: number;
  readonly a1: number;
  readonly a2: number;
}

/**
 * The two K-weighting filters at a rate in Hz. The standard tabulates them for 48 kHz; these are the analogue filters behind
 * that table, brought to any rate by the bilinear transform.
 */
export function kWeighting(sampleRate: number): readonly [shelf: Biquad, highPass: Biquad] {
  return [highShelf(sampleRate, 1681.974450955533, 0.7071752369554196, 3.999843853973347), highPass(sampleRate)];
}

function highShelf(sampleRate: number, hz: number, q: number, db: number): Biquad {
  const k = Math.tan((Math.PI * hz) / sampleRate);
  const high = 10 ** (db / 20);
  const band = high ** 0.4996667741545416;
  const scale = 1 + k / q + k * k;
  return {
    b0: (high + (band * k) / q + k * k) / scale,
    b1: (2 * (k * k - high)) / scale,
    b2: (high - (band * k) / q + k * k) / scale,
    a1: (2 * (k * k - 1)) / scale,
    a2: (1 - k / q + k * k) / scale,
  };
}

function highPass(sampleRate: number): Biquad {
  const k = Math.tan((Math.PI * 38.13547087602444) / sampleRate);
  const q = 0.5003270373238773;
  const scale = 1 + k / q + k * k;
  return { b0: 1, b1: -2, b2: 1, a1: (2 * (k * k - 1)) / scale, a2: (1 - k / q + k * k) / scale };
}

const OVERSAMPLING = 4;
const PEAK_TAPS = 12;

/** Windowed sinc between the samples: one row of taps for each of the three points between two samples. */
const PEAK_ROWS = Array.from({ length: OVERSAMPLING - 1 }, (_, row) => {
  const taps = Float64Array.from({ length: PEAK_TAPS }, (_, tap) => {
    const x = tap - PEAK_TAPS / 2 + 1 - (row + 1) / OVERSAMPLING;
    const window = Math.cos((Math.PI * x) / (PEAK_TAPS + 1)) ** 2;
    return (window * Math.sin(Math.PI * x)) / (Math.PI * x);
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
});

/** No point between samples exceeds the largest sample around it by more than this factor. */
const PEAK_BOUND = Math.max(...PEAK_ROWS.map((row) => row.reduce((total, tap) => total + Math.abs(tap), 0)));
const PEAK_CHUNK = 64;

/** Measures a clip that arrives in pieces of any length. */
export class LoudnessMeter {
  private readonly shelf: Biquad;
  private readonly highPass: Biquad;
  private readonly hopSamples: number;
  /** The filters' memories: two values each (transposed direct form). */
  private readonly memory = new Float64Array(4);
  /** Mean energies of the 100 ms hops so far, full scale being 1. */
  private readonly hops: number[] = [];
  private hopEnergy = 0;
  private hopFill = 0;

  private readonly recent = new Float64Array(PEAK_TAPS + PEAK_CHUNK);
  private recentFill = PEAK_TAPS;
  private peak = 0;

  constructor(sampleRate: number) {
    [this.shelf, this.highPass] = kWeighting(sampleRate);
    this.hopSamples = Math.round(sampleRate / HOPS_PER_SECOND);
  }

  /** Takes in the next samples of the clip. */
  add(samples: Int16Array): void {
    this.weigh(samples);
    for (let i = 0; i < samples.length; i++) {
      this.recent[this.recentFill++] = samples[i]! / MAX_SAMPLE;
      if (this.recentFill === this.recent.length) this.searchPeak();
    }
  }

  /** What has been measured so far. Call it once, after the last sample. */
  result(): Loudness {
    // Silence behind the end brings the last samples to the middle of the peak filter.
    for (let i = 0; i < PEAK_TAPS; i++) {
      this.recent[this.recentFill++] = 0;
      if (this.recentFill === this.recent.length) this.searchPeak();
    }
    this.searchPeak();
    return { lufs: this.integrated(), peak: this.peak };
  }

  private weigh(samples: Int16Array): void {
    const { shelf, highPass, hopSamples, memory } = this;
    let [s1 = 0, s2 = 0, h1 = 0, h2 = 0] = memory;
    let energy = this.hopEnergy;
    let fill = this.hopFill;
    for (let i = 0; i < samples.length; i++) {
      const x = samples[i]! / MAX_SAMPLE;
      const y = shelf.b0 * x + s1;
      s1 = shelf.b1 * x - shelf.a1 * y + s2;
      s2 = shelf.b2 * x - shelf.a2 * y;
      const z = highPass.b0 * y + h1;
      h1 = highPass.b1 * y - highPass.a1 * z + h2;
      h2 = highPass.b2 * y - highPass.a2 * z;
      energy += z * z;
      if (++fill === hopSamples) {
        this.hops.push(energy / hopSamples);
        energy = 0;
        fill = 0;
        // In long silence the memories would shrink to subnormal numbers, which are very slow.
        if (Math.abs(h1) + Math.abs(h2) < FORGOTTEN) s1 = s2 = h1 = h2 = 0;
      }
    }
    memory.set([s1, s2, h1, h2]);
    this.hopEnergy = energy;
    this.hopFill = fill;
  }

  /** Mean of the blocks that are loud enough, in LUFS. */
  private integrated(): number | undefined {
    const blocks = this.blocks();
    const absolute = energyOf(ABSOLUTE_GATE_LUFS);
    const audible = mean(blocks, absolute);
    if (audible === undefined) return undefined;
    const gated = mean(blocks, Math.max(absolute, energyOf(lufsOf(audible) + RELATIVE_GATE_LU)));
    return lufsOf(gated ?? audible);
  }

  /** Energies of the overlapping 400 ms blocks; a clip shorter than one is a block by itself. */
  private blocks(): number[] {
    const { hops } = this;
    if (hops.length < BLOCK_HOPS) {
      const samples = hops.length * this.hopSamples + this.hopFill;
      const energy = hops.reduce((sum, hop) => sum + hop * this.hopSamples, this.hopEnergy);
      return samples === 0 ? [] : [energy / samples];
    }
    return hops.slice(BLOCK_HOPS - 1).map((_, i) => {
      let energy = 0;
      for (let hop = i; hop < i + BLOCK_HOPS; hop++) energy += hops[hop]!;
      return energy / BLOCK_HOPS;
    });
  }

  /** Looks for a higher peak in the chunk gathered, but only where there can be one. */
  private searchPeak(): void {
    const { recent } = this;
    const end = this.recentFill;
    let loudest = 0;
    for (let i = 0; i < end; i++) loudest = Math.max(loudest, Math.abs(recent[i]!));
    if (loudest * PEAK_BOUND > this.peak) {
      this.peak = Math.max(this.peak, loudest);
      for (let at = 0; at + PEAK_TAPS <= end; at++) {
        for (const row of PEAK_ROWS) {
          let value = 0;
          for (let tap = 0; tap < PEAK_TAPS; tap++) value += recent[at + tap]! * row[tap]!;
          this.peak = Math.max(this.peak, Math.abs(value));
        }
      }
    }
    recent.copyWithin(0, end - PEAK_TAPS, end);
    this.recentFill = PEAK_TAPS;
  }
}

function mean(blocks: readonly number[], gate: number): number | undefined {
  const passed = blocks.filter((energy) => energy > gate);
  return passed.length === 0 ? undefined : passed.reduce((sum, energy) => sum + energy, 0) / passed.length;
}

function lufsOf(energy: number): number {
  return OFFSET_LUFS + 10 * Math.log10(energy);
}

function energyOf(lufs: number): number {
  return 10 ** ((lufs - OFFSET_LUFS) / 10);
}

/** The most that a faint clip is raised, in dB: beyond this it is its noise that one would hear. */
const MAX_RAISE_DB = 20;

/**
 * The gain that brings a clip to `targetLufs`, or as near as its true peak stays at or below `ceilingDb` (dB against full
 * scale). 1 for a silent clip.
 */
export function normalizingGain(measured: Loudness, targetLufs: number, ceilingDb = -1): number {
  if (measured.lufs === undefined || measured.peak === 0) return 1;
  const wanted = 10 ** (Math.min(targetLufs - measured.lufs, MAX_RAISE_DB) / 20);
  return Math.min(wanted, 10 ** (ceilingDb / 20) / measured.peak);
}
