import type { SharedSamples } from './clip.ts';

/** The first slab holds this much, so that short clips stay small; the others more, so that long ones stay few. */
const FIRST_SLAB_SECONDS = 1;
const SLAB_SECONDS = 4;
const SAMPLE_BYTES = Int16Array.BYTES_PER_ELEMENT;

/**
 * Collects samples in shared memory. What `publish` hands out is never written again; several chunks may lie in one
 * slab. Other threads may read a chunk once a message told them of it.
 */
export class SharedPcm {
  private readonly sampleRate: number;
  private slab: SharedSamples = new Int16Array(new SharedArrayBuffer(0));
  private written = 0;
  private published = 0;
  private ready: SharedSamples[] = [];
  private total = 0;
  private allocated = 0;

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate;
  }

  /** Samples written, published or not. */
  get samples(): number {
    return this.total;
  }

  /** Shared memory taken, in bytes. */
  get bytes(): number {
    return this.allocated;
  }

  write(samples: Int16Array): void {
    for (let at = 0; at < samples.length; ) {
      if (this.written === this.slab.length) this.grow();
      const taken = Math.min(samples.length - at, this.slab.length - this.written);
      this.slab.set(samples.subarray(at, at + taken), this.written);
      this.written += taken;
      at += taken;
    }
    this.total += samples.length;
  }

  /** Everything written since the last call. */
  publish(): readonly SharedSamples[] {
    this.close();
    const chunks = this.ready;
    this.ready = [];
    return chunks;
  }

  private grow(): void {
    this.close();
    const length = (this.allocated === 0 ? FIRST_SLAB_SECONDS : SLAB_SECONDS) * this.sampleRate;
    this.slab = new Int16Array(new SharedArrayBuffer(length * SAMPLE_BYTES));
    this.allocated += length * SAMPLE_BYTES;
    this.written = 0;
    this.published = 0;
  }

  private close(): void {
    if (this.written === this.published) return;
    this.ready.push(this.slab.subarray(this.published, this.written));
    this.published = this.written;
  }
}
