import type { SampleRate } from '../../media/audio/frame.ts';
import type { ClipInfo, ClipLease, ClipStore, SharedSamples } from '../../media/clip/index.ts';
import { publicUrl } from '../../media/clip/index.ts';
import { StoredClip } from '../../media/clip/stored-clip.ts';

interface Held {
  readonly clip: StoredClip;
  leases: number;
  abandoned: boolean;
}

/** A store of clips without a network: the test says what becomes of each. */
export class ClipStoreDouble implements Pick<ClipStore, 'open' | 'list' | 'forget' | 'drop'> {
  readonly held = new Map<string, Held>();

  open(url: URL, sampleRate: SampleRate): ClipLease {
    let held = this.held.get(url.href);
    if (!held) {
      held = { clip: new StoredClip(publicUrl(url), sampleRate), leases: 0, abandoned: false };
      this.held.set(url.href, held);
    }
    const { clip } = held;
    held.leases += 1;
    const release = (): void => {
      held.leases -= 1;
      if (held.leases > 0 || clip.state === 'ready') return;
      held.abandoned = clip.state === 'loading';
      this.held.delete(url.href);
    };
    return { clip, cache: clip.state === 'ready' ? 'hit' : 'miss', release };
  }

  list(): readonly ClipInfo[] {
    return [...this.held.values()].map(({ clip, leases }) => ({
      id: clip.id,
      url: clip.url,
      sampleRate: clip.sampleRate,
      state: clip.state,
      truncated: clip.truncated,
      seconds: clip.sampleCount / clip.sampleRate,
      loudness: clip.loudness,
      failure: clip.failure,
      bytes: clip.sampleCount * 2,
      leases,
    }));
  }

  forget(id: number): boolean {
    for (const [url, { clip }] of this.held) if (clip.id === id && clip.state === 'ready') return this.held.delete(url);
    return false;
  }

  drop(): number {
    const ready = [...this.held].filter(([, { clip }]) => clip.state === 'ready');
    for (const [url] of ready) this.held.delete(url);
    return ready.length;
  }

  /** The clip of a URL has come whole. */
  arrive(url: string, samples: Int16Array): void {
    const held = this.held.get(url);
    if (!held) throw new Error(`nobody asked for ${url}`);
    const shared: SharedSamples = new Int16Array(new SharedArrayBuffer(samples.byteLength));
    shared.set(samples);
    held.clip.append(shared);
    held.clip.end(false);
  }

  fail(url: string, ...[reason, detail]: Parameters<StoredClip['fail']>): void {
    this.held.get(url)?.clip.fail(reason, detail);
  }
}
