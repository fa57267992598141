import { normalizingGain } from '../audio/loudness.ts';
import type { ClipLease } from '../clip/index.ts';
import type { Command } from '../worker/protocol.ts';
import { scaledChunks } from './scaled-chunks.ts';

interface Fed {
  readonly sound: number;
  readonly key: string;
  users: number;
  stop: () => void;
}

/**
 * Tells one mixer thread of the clips its plays need: what is there at once, the rest as it comes. The samples are in
 * shared memory, so only their whereabouts travel. A sound is forgotten there when its last play is over.
 */
export class ClipFeed {
  readonly #post: (command: Command) => void;
  readonly #byKey = new Map<string, Fed>();
  readonly #bySound = new Map<number, Fed>();
  #lastSound = 0;

  constructor(post: (command: Command) => void) {
    this.#post = post;
  }

  /**
   * Begins to feed a clip, or notes one more user. Returns the id of its sound. With `normalizeLufs` it is a sound of
   * its own, silent until the whole clip was measured.
   */
  add(lease: ClipLease, normalizeLufs?: number): number {
    const { clip } = lease;
    const key = normalizeLufs === undefined ? String(clip.id) : `${clip.id} at ${normalizeLufs}`;
    const known = this.#byKey.get(key);
    if (known) {
      known.users += 1;
      return known.sound;
    }
    this.#lastSound += 1;
    const fed: Fed = { sound: this.#lastSound, key, users: 1, stop: () => {} };
    this.#byKey.set(key, fed);
    this.#bySound.set(fed.sound, fed);
    if (clip.state === 'failed') {
      this.#post({ type: 'sound', sound: fed.sound, chunks: [], complete: true });
      this.#fail(fed, lease);
    } else if (normalizeLufs === undefined) this.#feed(fed, lease);
    else void this.#feedNormalized(fed, lease, normalizeLufs);
    return fed.sound;
  }

  remove(sound: number): void {
    const fed = this.#bySound.get(sound);
    if (!fed) return;
    fed.users -= 1;
    if (fed.users > 0) return;
    fed.stop();
    this.#byKey.delete(fed.key);
    this.#bySound.delete(sound);
    this.#post({ type: 'drop-sound', sound });
  }

  /** The thread is gone: nothing more is told to it. */
  close(): void {
    for (const fed of this.#bySound.values()) fed.stop();
    this.#bySound.clear();
    this.#byKey.clear();
  }

  #feed(fed: Fed, { clip }: ClipLease): void {
    const { sound } = fed;
    this.#post({ type: 'sound', sound, chunks: clip.chunks, complete: clip.state === 'ready' });
    fed.stop = clip.subscribe((event) => {
      if (event.type === 'chunk') this.#post({ type: 'sound', sound, chunks: [event.samples], complete: false });
      else if (event.type === 'ended') this.#post({ type: 'sound', sound, chunks: [], complete: true });
      else this.#post({ type: 'sound-failed', sound, reason: event.reason });
    });
  }

  async #feedNormalized(fed: Fed, lease: ClipLease, lufs: number): Promise<void> {
    const { clip } = lease;
    const { sound } = fed;
    this.#post({ type: 'sound', sound, chunks: [], complete: false });
    const loudness = clip.loudness ?? (await clip.measure());
    if (!this.#bySound.has(sound)) return;
    if (!loudness) return this.#fail(fed, lease);
    const gain = normalizingGain(loudness, lufs);
    if (gain === 1) return this.#post({ type: 'sound', sound, chunks: clip.chunks, complete: true });
    for await (const chunk of scaledChunks(clip.chunks, gain)) {
      if (!this.#bySound.has(sound)) return;
      this.#post({ type: 'sound', sound, chunks: [chunk], complete: false });
    }
    this.#post({ type: 'sound', sound, chunks: [], complete: true });
  }

  #fail({ sound }: Fed, { clip }: ClipLease): void {
    this.#post({ type: 'sound-failed', sound, reason: clip.failure?.reason ?? 'decoder_failed' });
  }
}
