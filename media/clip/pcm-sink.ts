import { FRAMES_PER_SECOND, type SampleRate } from '../audio/frame.ts';
import type { Clock } from '../time/clock.ts';
import type { SharedSamples } from './clip.ts';
import { SharedPcm } from './shared-pcm.ts';

export interface SinkLimits {
  readonly sampleRate: SampleRate;
  readonly maxSeconds: number;
  readonly clock: Clock;
}

export interface SinkEvents {
  readonly onChunk: (samples: SharedSamples) => void;
  /** More shared memory was taken; the total, in bytes. */
  readonly onGrowth: (bytes: number) => void;
  /** There is more sound than `maxSeconds`; what is over is dropped. */
  readonly onOverflow: () => void;
}

/** Samples are handed on this long after they came, together with all that came meanwhile, in ms. */
const GATHER_MS = 10;

/**
 * Where decoded samples go. The first chunk leaves at once, the others gathered: every chunk is a message to every
 * thread that plays the clip. No chunk leaves before there is one frame of sound, so that a file without sound fails
 * before anybody heard a crumb of it.
 */
export class PcmSink {
  private readonly pcm: SharedPcm;
  private readonly clock: Clock;
  private readonly events: SinkEvents;
  private readonly maxSamples: number;
  private readonly minSamples: number;
  private bytes = 0;
  private full = false;
  private begun = false;
  private cancelFlush: (() => void) | undefined;

  constructor({ sampleRate, maxSeconds, clock }: SinkLimits, events: SinkEvents) {
    this.pcm = new SharedPcm(sampleRate);
    this.clock = clock;
    this.events = events;
    this.maxSamples = sampleRate * maxSeconds;
    this.minSamples = sampleRate / FRAMES_PER_SECOND;
  }

  /** At least one frame of sound has come. */
  get audible(): boolean {
    return this.pcm.samples >= this.minSamples;
  }

  write(samples: Int16Array): void {
    if (this.full || samples.length === 0) return;
    this.full = this.pcm.samples + samples.length > this.maxSamples;
    if (this.full) {
      this.events.onOverflow();
      return;
    }
    this.pcm.write(samples);
    if (this.pcm.bytes !== this.bytes) {
      this.bytes = this.pcm.bytes;
      this.events.onGrowth(this.bytes);
    }
    if (!this.audible) return;
    if (this.begun) this.cancelFlush ??= this.clock.setTimeout(() => this.flush(), GATHER_MS);
    else this.flush();
    this.begun = true;
  }

  /** Hands on what was gathered. */
  flush(): void {
    this.cancelFlush?.();
    this.cancelFlush = undefined;
    for (const chunk of this.pcm.publish()) this.events.onChunk(chunk);
  }

  /** Drops what was gathered and what still comes. */
  close(): void {
    this.cancelFlush?.();
    this.full = true;
  }
}
