/**
 * Decoded sound of one leg in playing order: a stretch of the past, kept for concealment, then what is decoded but not yet
 * played. Index 0 of `samples` is the oldest; `[head, end)` waits to be played.
 */
export class Timeline {
  samples: Int16Array;
  head: number;
  end: number;
  /** Samples of played sound that are always kept. */
  readonly past: number;

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

  /** Makes room for `count` samples at `end`, which the caller writes. Indexes change, distances do not. */
  reserve(count: number): void {
    if (this.end + count > this.samples.length) this.makeRoom(count);
  }

  append(pcm: Int16Array, count: number): void {
    this.reserve(count);
    const { samples, end } = this;
    for (let i = 0; i < count; i++) samples[end + i] = pcm[i]!;
    this.end = end + count;
  }

  /** Whether the last `count` samples are silence. */
  endsSilent(count: number): boolean {
    const { samples, end } = this;
    for (let i = end - count; i < end; i++) if (samples[i] !== 0) return false;
    return true;
  }

  /** Plays the next `frame.length` samples; that many must be waiting. */
  play(frame: Int16Array): void {
    const { samples, head } = this;
    const count = frame.length;
    for (let i = 0; i < count; i++) frame[i] = samples[head + i]!;
    this.head = head + count;
  }

  /** Keeps a frame that was decoded straight into the listener's hands, as past. Nothing may be waiting. */
  remember(frame: Int16Array): void {
    this.reserve(frame.length);
    const { samples, end } = this;
    // A call of `set` costs more than this loop.
    for (let i = 0; i < frame.length; i++) samples[end + i] = frame[i]!;
    this.end = end + frame.length;
    this.head = this.end;
  }

  private makeRoom(count: number): void {
    const shift = this.head - this.past;
    const before = this.samples;
    const needed = this.end - shift + count;
    if (needed > before.length) {
      this.samples = new Int16Array(needed + this.past);
      this.samples.set(before.subarray(shift, this.end));
    } else {
      before.copyWithin(0, shift, this.end);
    }
    this.head -= shift;
    this.end -= shift;
  }
}
