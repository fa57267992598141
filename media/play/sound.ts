/**
 * A clip as a mixer thread sees it: chunks of shared PCM that keep arriving while the rest is fetched and decoded.
 * The samples are never copied and never change.
 */
export class Sound {
  readonly id: number;
  readonly chunks: Int16Array[] = [];
  sampleCount = 0;
  /** No more chunks will come. */
  complete = false;
  /** Complete only because the rest could not be had. */
  failed = false;

  constructor(id: number) {
    this.id = id;
  }

  append(chunk: Int16Array): void {
    this.chunks.push(chunk);
    this.sampleCount += chunk.length;
  }
}

/** A place in a sound. Reading forward costs nothing but the copy; seeking walks the chunks. */
export class SoundCursor {
  #sound: Sound;
  #chunk = 0;
  #offset = 0;
  position = 0;

  constructor(sound: Sound) {
    this.#sound = sound;
  }

  /** Copies up to `length` samples into `out` at `at`; returns how many there were. */
  read(out: Int16Array, at: number, length: number): number {
    let copied = 0;
    while (copied < length) {
      const chunk = this.#sound.chunks[this.#chunk];
      if (chunk === undefined) break;
      const take = Math.min(length - copied, chunk.length - this.#offset);
      for (let i = 0; i < take; i++) out[at + copied + i] = chunk[this.#offset + i]!;
      copied += take;
      this.#offset += take;
      if (this.#offset === chunk.length) {
        this.#chunk += 1;
        this.#offset = 0;
      }
    }
    this.position += copied;
    return copied;
  }

  get atEnd(): boolean {
    return this.#sound.complete && this.position >= this.#sound.sampleCount;
  }

  /** Moves to a sample of a sound; a place that has not arrived yet is reached as far as there is sound. */
  seek(sound: Sound, sample: number): void {
    this.#sound = sound;
    this.#chunk = 0;
    this.position = Math.max(0, Math.min(sample, sound.sampleCount));
    let rest = this.position;
    for (const chunk of sound.chunks) {
      if (rest < chunk.length) break;
      rest -= chunk.length;
      this.#chunk += 1;
    }
    this.#offset = rest;
  }
}
