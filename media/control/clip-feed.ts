import type { ClipLease } from '../clip/index.ts';
import type { Command } from '../worker/protocol.ts';

interface Fed {
  users: number;
  readonly unsubscribe: () => void;
}

/**
 * Tells one mixer thread of the clips its plays need: what is there at once, the rest as it comes. The samples are in
 * shared memory, so only their whereabouts travel. A clip is forgotten there when its last play is over.
 */
export class ClipFeed {
  readonly #post: (command: Command) => void;
  readonly #fed = new Map<number, Fed>();

  constructor(post: (command: Command) => void) {
    this.#post = post;
  }

  /** Begins to feed a clip, or notes one more user. */
  add(lease: ClipLease): void {
    const { clip } = lease;
    const known = this.#fed.get(clip.id);
    if (known) {
      known.users += 1;
      return;
    }
    const sound = clip.id;
    if (clip.state === 'failed') {
      this.#post({ type: 'sound', sound, chunks: clip.chunks, complete: true });
      this.#post({ type: 'sound-failed', sound, reason: clip.failure?.reason ?? 'decoder_failed' });
    } else {
      this.#post({ type: 'sound', sound, chunks: clip.chunks, complete: clip.state === 'ready' });
    }
    const unsubscribe = clip.subscribe((event) => {
      if (event.type === 'chunk') this.#post({ type: 'sound', sound, chunks: [event.samples], complete: false });
      else if (event.type === 'ended') this.#post({ type: 'sound', sound, chunks: [], complete: true });
      else this.#post({ type: 'sound-failed', sound, reason: event.reason });
    });
    this.#fed.set(sound, { users: 1, unsubscribe });
  }

  remove(lease: ClipLease): void {
    const fed = this.#fed.get(lease.clip.id);
    if (!fed) return;
    fed.users -= 1;
    if (fed.users > 0) return;
    fed.unsubscribe();
    this.#fed.delete(lease.clip.id);
    this.#post({ type: 'drop-sound', sound: lease.clip.id });
  }
}
