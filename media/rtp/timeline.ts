/**
 * Decoded sound of one leg in playing order: a stretch of the past, kept for concealment, then what is decoded but not yet
 * played. Index 0 of `samples` is the oldest; `[head, end)` waits to be played.
 */
export class Timeline {
  samples: Int16Array;
  head: number;
  end: number;
  private readonly past: number;

  /** `past`: samples of played sound always kept. `ahead`: samples expected to wait at most; more makes the buffer grow. */
  constructor(past: number, ahead: number) {
    this.past = past;
    this.samples = new Int16Array(past * 2 + ahead);
    this.head = past;
    this.end = past;
  }

  /** Samples decoded and not yet played. */
  get waiting(): number {
    return this.end - this.head;
  }

  /** Makes room for `count` samples at `end`; the caller writes them and moves `end`. Indexes change, distances do not. */
  reserve(count: number): void {
    if (this.end + count <= this.samples.length) return;
    const shift = this.head - this.past;
    const before = this.samples;
    if (this.end - shift + count > before.length) this.samples = new Int16Array(this.end - shift + count + this.past);
    this.samples.set(before.subarray(shift, this.end));
    this.head -= shift;
    this.end -= shift;
  }

  append(pcm: Int16Array, count: number): void {
    this.reserve(count);
    const { samples, end } = this;
    for (let i = 0; i < count; i++) samples[end + i] = pcm[i]!;
    this.end = end + count;
  }

  appendSilence(count: number): void {
    this.reserve(count);
    this.samples.fill(0, this.end, this.end + count);
    this.end += count;
  }

  /** Plays the next `frame.length` samples; that many must be waiting. */
  play(frame: Int16Array): void {
    const { samples, head } = this;
    const count = frame.length;
    for (let i = 0; i < count; i++) frame[i] = samples[head + i]!;
    this.head = head + count;
  }

  /** Forgets all sound: the past is silence again. */
  clear(): void {
    this.samples.fill(0);
    this.head = this.past;
    this.end = this.past;
  }
}
