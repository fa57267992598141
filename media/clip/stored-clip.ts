import type { SampleRate } from '../audio/frame.ts';
import type { Loudness } from '../audio/loudness.ts';
import type { Clip, ClipEvent, SharedSamples } from './clip.ts';
import { measureClip } from './clip-loudness.ts';
import type { ClipFailure } from './failure.ts';

let lastId = 0;

/** A clip as the store fills it. */
export class StoredClip implements Clip {
  readonly id = ++lastId;
  readonly url: string;
  readonly sampleRate: SampleRate;
  readonly chunks: SharedSamples[] = [];
  private readonly listeners = new Set<(event: ClipEvent) => void>();
  private now: Clip['state'] = 'loading';
  private samples = 0;
  private short = false;
  private why: Clip['failure'];
  private measuring: Promise<Loudness | undefined> | undefined;
  private measured: Loudness | undefined;

  constructor(url: string, sampleRate: SampleRate) {
    this.url = url;
    this.sampleRate = sampleRate;
  }

  get sampleCount(): number {
    return this.samples;
  }

  get state(): Clip['state'] {
    return this.now;
  }

  get truncated(): boolean {
    return this.short;
  }

  get failure(): Clip['failure'] {
    return this.why;
  }

  get loudness(): Loudness | undefined {
    return this.measured;
  }

  measure(): Promise<Loudness | undefined> {
    this.measuring ??= measureClip(this).then((loudness) => {
      this.measured = loudness;
      return loudness;
    });
    return this.measuring;
  }

  /** Takes over what is known of a clip with the same samples. */
  adopt(twin: StoredClip): void {
    for (const chunk of twin.chunks) this.append(chunk);
    this.measured = twin.measured;
    if (this.measured) this.measuring = Promise.resolve(this.measured);
  }

  subscribe(listener: (event: ClipEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  append(samples: SharedSamples): void {
    this.chunks.push(samples);
    this.samples += samples.length;
    this.emit({ type: 'chunk', samples });
  }

  end(truncated: boolean): void {
    this.now = 'ready';
    this.short = truncated;
    this.emit({ type: 'ended', samples: this.samples, truncated });
    this.listeners.clear();
  }

  fail(reason: ClipFailure, detail: string): void {
    this.now = 'failed';
    this.why = { reason, detail };
    this.emit({ type: 'failed', reason, detail });
    this.listeners.clear();
  }

  /** Nobody wants it any more, so nobody is told. */
  abandon(): void {
    this.now = 'failed';
    this.listeners.clear();
  }

  private emit(event: ClipEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}
